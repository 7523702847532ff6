/**
 * Chunks of lines carried out one after the other, each wholly or not at all: the first that is refused ends the import, and
 * what came before it stays in force.
 */
import type { By, Desk, Rejection } from '../../actors/index.ts';
import type { OwnAddresses } from '../config/index.ts';
import type { Line } from './cut-lines.ts';
import { type Chunk, type ReadChunk, readChunks, type Unreadable } from './read-chunks.ts';

export type ChunkResult =
  | (Chunk & { readonly type: 'done'; readonly changed: number; readonly position: number })
  | (Chunk & { readonly type: 'failed'; readonly failure: ChunkFailure });

export type ChunkFailure =
  | Unreadable
  | {
      readonly type: 'rejected';
      readonly line: number;
      readonly detail: string;
      readonly rejection: Rejection;
    };

export type Into = {
  readonly desk: Pick<Desk, 'askTogether'>;
  readonly ownAddresses: () => OwnAddresses;
  /** Its command id, if any, is that of the whole import: each chunk's is made of it and its first line. */
  readonly by: By;
};

export async function* importChunks(
  chunks: AsyncIterable<readonly Line[]>,
  { desk, ownAddresses, by }: Into,
): AsyncGenerator<ChunkResult, void> {
  const read = readChunks(chunks, { ownAddresses, isDigested: by.commandId !== undefined });
  for await (const chunk of read) {
    if (chunk === undefined) continue;
    const result = await carriedOut(chunk, desk, by);
    yield result;
    if (result.type === 'failed') return;
  }
}

export async function carriedOut(
  chunk: ReadChunk,
  desk: Into['desk'],
  { author, commandId }: By,
): Promise<ChunkResult> {
  if (chunk.type === 'failed') return chunk;
  const { from, to, commands, lines, digest } = chunk;
  const by = commandId === undefined ? { author } : { author, commandId: `${commandId}:${from}` };
  const answer = await desk.askTogether(commands, by, digest);
  if (answer.type === 'done')
    return { from, to, type: 'done', changed: answer.changed, position: answer.position };
  const { rejection, command } = answer;
  if (command === undefined) return refused(chunk, rejection);
  const line = lines[command] ?? from;
  const detail = `line ${line}: ${rejection.detail}`;
  return { from, to, type: 'failed', failure: { type: 'rejected', line, detail, rejection } };
}

/** What was written together, as one result; and the failure that ended it, if one did. */
export function joined(results: readonly ChunkResult[]): readonly ChunkResult[] {
  const done = results.filter((result) => result.type === 'done');
  const [first, last] = [done[0], done.at(-1)];
  if (first === undefined || last === undefined) return results;
  const changed = done.reduce((sum, result) => sum + result.changed, 0);
  return [{ ...last, from: first.from, changed }, ...results.slice(done.length)];
}

/** All of it. */
export function refused({ from, to }: Chunk, rejection: Rejection): ChunkResult {
  const { detail } = rejection;
  return { from, to, type: 'failed', failure: { type: 'rejected', line: from, detail, rejection } };
}
