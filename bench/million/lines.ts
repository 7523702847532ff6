/** The domains and pools of the bench as a file to import: every pool has one backend, every domain one pool. */
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';

export type Size = { readonly domains: number; readonly pools: number };

const PIECE = 1_000_000;

export function hostOf(index: number): string {
  return `shop-${index}.example.com`;
}

/** So many of all domains, as far from each other as can be. */
export function spreadHosts(count: number, domains: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => hostOf(Math.floor((index * domains) / count)));
}

export async function writeLines(path: string, { domains, pools }: Size, backend: string): Promise<void> {
  const out = createWriteStream(path);
  const address = JSON.stringify(backend);
  let text = '';
  const add = async (line: string) => {
    text += line;
    if (text.length < PIECE) return;
    if (!out.write(text)) await once(out, 'drain');
    text = '';
  };
  for (let index = 0; index < pools; index++)
    await add(`{"pool":"pool-${index}","backends":{"b.1":{"address":${address}}}}\n`);
  for (let index = 0; index < domains; index++)
    await add(`{"domain":"${hostOf(index)}","pool":"pool-${index % pools}"}\n`);
  out.end(text);
  await once(out, 'finish');
}
