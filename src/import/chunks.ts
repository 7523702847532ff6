/** Carries out one chunk of lines, completely or not at all, and its result. */
import type { Answer, By, Desk, Rejection } from '../../actors/index.ts';
import type { Chunk, ReadChunk, Unreadable } from './read-chunks.ts';

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

export async function carriedOut(
  chunk: ReadChunk,
  desk: Pick<Desk, 'askTogether'>,
  by: By,
): Promise<ChunkResult> {
  if (chunk.type === 'failed') return chunk;
  const { from, commands, lines, digest } = chunk;
  const answer = await desk.askTogether(commands, ofChunk(by, from), digest);
  if (answer.type === 'done') return done(chunk, answer);
  const { rejection, command } = answer;
  if (command === undefined) return refused(chunk, rejection);
  const line = lines[command] ?? from;
  const detail = `line ${line}: ${rejection.detail}`;
  return { from, to: chunk.to, type: 'failed', failure: { type: 'rejected', line, detail, rejection } };
}

export function done(
  { from, to }: Chunk,
  { changed, position }: Extract<Answer, { type: 'done' }>,
): ChunkResult {
  return { from, to, type: 'done', changed, position };
}

/** A chunk's command id is made of the import's id and the chunk's first line. */
export function ofChunk({ author, commandId }: By, from: number): By {
  return commandId === undefined ? { author } : { author, commandId: `${commandId}:${from}` };
}

/** Joins what was written together into one result, followed by the failure that ended it, if any. */
export function joined(results: readonly ChunkResult[]): readonly ChunkResult[] {
  const done = results.filter((result) => result.type === 'done');
  const [first, last] = [done[0], done.at(-1)];
  if (first === undefined || last === undefined) return results;
  const changed = done.reduce((sum, result) => sum + result.changed, 0);
  return [{ ...last, from: first.from, changed }, ...results.slice(done.length)];
}

/** The whole chunk is refused. */
export function refused({ from, to }: Chunk, rejection: Rejection): ChunkResult {
  const { detail } = rejection;
  return { from, to, type: 'failed', failure: { type: 'rejected', line: from, detail, rejection } };
}
