/** Carries out one chunk of lines, completely or not at all, and its result. */
import type { Answer, By, Desk, Rejection } from '../../actors/index.ts';
import type { Chunk, ReadChunk, Unreadable } from './read-chunks.ts';

/** Promised to clients, of the chunks that they ask for and of the results that they get. */
export const MAX_CHUNK_LINES = 1000;

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

/** Joins what was written together into results of no more lines than a chunk may have; a failure stays alone. */
export function joined(results: readonly ChunkResult[]): readonly ChunkResult[] {
  const told: ChunkResult[] = [];
  for (const result of results) {
    const last = told.at(-1);
    if (last?.type === 'done' && result.type === 'done' && result.to - last.from < MAX_CHUNK_LINES)
      told[told.length - 1] = { ...result, from: last.from, changed: last.changed + result.changed };
    else told.push(result);
  }
  return told;
}

/** The whole chunk is refused. */
export function refused({ from, to }: Chunk, rejection: Rejection): ChunkResult {
  const { detail } = rejection;
  return { from, to, type: 'failed', failure: { type: 'rejected', line: from, detail, rejection } };
}
