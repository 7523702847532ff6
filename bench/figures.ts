/** What the smaller benches share: a place to work in, figures on the screen, and the same kept as JSON. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { machine } from './machine.ts';
import { percentile } from './statistics.ts';

export type Figures = Readonly<Record<string, number | string>>;

export async function record(name: string, figures: Figures): Promise<void> {
  for (const [what, figure] of Object.entries(figures))
    process.stdout.write(`${what.padEnd(32)} ${figure}\n`);
  const date = new Date().toISOString();
  const results = join(import.meta.dirname, 'results');
  await mkdir(results, { recursive: true });
  const file = join(results, `${date.slice(0, 19).replaceAll(':', '')}-${name}.json`);
  await writeFile(file, `${JSON.stringify({ date, machine: machine(), figures }, null, 1)}\n`);
}

/** Percentiles of a list of times, each under a name with its unit. */
export function latencies(what: string, ms: readonly number[]): Figures {
  const shown = (percent: number) => Number(percentile(ms, percent).toFixed(2));
  return { [`${what} p50 ms`]: shown(50), [`${what} p99 ms`]: shown(99), [`${what} max ms`]: shown(100) };
}

export function wholeArgument(place: number, fallback: number): number {
  return wholeNumber(process.argv[place + 2], fallback);
}

export function wholeNumber(text: string | undefined, fallback: number): number {
  const found = text === undefined ? fallback : Number(text);
  if (Number.isInteger(found) && found > 0) return found;
  throw new Error(`expected a whole number above 0, found ${JSON.stringify(text)}`);
}
