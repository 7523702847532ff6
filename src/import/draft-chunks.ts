/** Chunks of lines read ahead, each with its draft: what it comes to if all its owners are new. */
import { type By, draftOf, newCommandId } from '../../actors/index.ts';
import { ofChunk } from './chunks.ts';
import type { Line } from './cut-lines.ts';
import type { DraftedChunk } from './drafted.ts';
import { type Reading, readChunks, type SoundChunk } from './read-chunks.ts';

/** Undefined if there are no lines, as with `cutLines`; the first unreadable chunk is the last. */
export async function* draftChunks(
  chunks: AsyncIterable<readonly Line[]>,
  reading: Reading,
  by: By,
  isWorthIt: () => boolean,
): AsyncGenerator<DraftedChunk | undefined, void> {
  for await (const chunk of readChunks(chunks, reading)) {
    yield chunk?.type === 'read' ? drafted(chunk, by, isWorthIt()) : chunk;
  }
}

function drafted(chunk: SoundChunk, by: By, isWorthIt: boolean): DraftedChunk {
  const { from, to, commands, lines, digest } = chunk;
  const text = JSON.stringify(commands);
  const request = { by: ofChunk(by, from), digest };
  const draft = isWorthIt ? draftOf(commands, request, newCommandId) : undefined;
  return { from, to, type: 'drafted', draft, commands: text, lines: Float64Array.from(lines), digest };
}
