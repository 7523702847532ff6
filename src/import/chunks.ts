/**
 * Chunks of lines carried out one after the other, each wholly or not at all: the first that is refused ends the import, and
 * what came before it stays in force.
 */
import type { By, Desk, Rejection } from '../../actors/index.ts';
import type { OwnAddresses } from '../config/index.ts';
import type { Line } from './cut-lines.ts';
import { type Chunk, oneAhead, type ReadChunk, readChunks, type Unreadable } from './read-chunks.ts';

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
  /** A chunk is read while the one before it waits for its turn: only where nobody else wants what is read from. */
  readonly isAhead?: boolean;
};

export async function* importChunks(
  chunks: AsyncIterable<readonly Line[]>,
  { desk, ownAddresses, by, isAhead }: Into,
): AsyncGenerator<ChunkResult, void> {
  const read = readChunks(chunks, { ownAddresses, isDigested: by.commandId !== undefined });
  for await (const chunk of isAhead === true ? oneAhead(read) : read) {
    const result = chunk.type === 'failed' ? chunk : await carriedOut(chunk, desk, by);
    yield result;
    if (result.type === 'failed') return;
  }
}

async function carriedOut(
  { from, to, commands, lines, digest }: Extract<ReadChunk, { type: 'read' }>,
  desk: Into['desk'],
  { author, commandId }: By,
): Promise<ChunkResult> {
  const by = commandId === undefined ? { author } : { author, commandId: `${commandId}:${from}` };
  const answer = await desk.askTogether(commands, by, digest);
  if (answer.type === 'done')
    return { from, to, type: 'done', changed: answer.changed, position: answer.position };
  const { rejection, command } = answer;
  const line = command === undefined ? from : (lines[command] ?? from);
  const detail = command === undefined ? rejection.detail : `line ${line}: ${rejection.detail}`;
  return { from, to, type: 'failed', failure: { type: 'rejected', line, detail, rejection } };
}
