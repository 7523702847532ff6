/** Chunks of lines read ahead, each with what it comes to where nobody ever heard of its owners. */
import { randomUUID } from 'node:crypto';
import { type By, type Draft, draftOf } from '../../actors/index.ts';
import { ofChunk } from './chunks.ts';
import type { Line } from './cut-lines.ts';
import type { DraftedChunk } from './drafted.ts';
import { type Reading, readChunks, type SoundChunk } from './read-chunks.ts';

/** Undefined where there are no lines, as `cutLines` says; the first that cannot be read is the last. */
export async function* draftChunks(
  chunks: AsyncIterable<readonly Line[]>,
  reading: Reading,
  by: By,
  isWorthIt: () => boolean,
): AsyncGenerator<DraftedChunk | undefined, void> {
  for await (const chunk of readChunks(chunks, reading)) {
    if (chunk?.type === 'read') yield drafted(chunk, isWorthIt() ? draft(chunk, by) : undefined);
    else yield chunk;
  }
}

function draft({ from, commands, digest }: SoundChunk, by: By): Draft | undefined {
  return draftOf(commands, { by: ofChunk(by, from), digest }, randomUUID);
}

function drafted({ from, to, commands, lines, digest }: SoundChunk, draft: Draft | undefined): DraftedChunk {
  const read = { commands: JSON.stringify(commands), lines: Float64Array.from(lines), digest };
  return { from, to, type: 'drafted', draft, ...read };
}
