/** The router has ended: it ended well, and its log alone tells what was in force. */
import { join } from 'node:path';
import { runCommand } from '../../../test/support/router-process.ts';
import type { Book } from './book.ts';
import type { Scene } from './scene.ts';

const WITHIN_MS = 120_000;

type State = { readonly pools: unknown; readonly domains: unknown };

export async function atRest({ admin, router, directory }: Scene, book: Book): Promise<void> {
  const { body } = await admin.must<State>('GET', '/v1/state');
  const { code } = await router.stop();
  if (code !== 0) book.complain(`expected the router to end with 0, found ${code}`);
  const { output } = await runCommand(['state', '--json', '--data', join(directory, 'data')], WITHIN_MS);
  const [inForce, kept] = [textOf(body), textOf(read(output))];
  if (kept !== inForce) book.complain(`at rest: expected ${inForce}, found ${kept || output}`);
}

function read(output: string): State {
  try {
    return JSON.parse(output) as State;
  } catch {
    return { pools: output, domains: undefined };
  }
}

/** Both name their keys in one order. */
function textOf({ pools, domains }: State): string {
  return JSON.stringify({ pools, domains });
}
