/** Carries out an import: in this thread, with a desk at hand, or on the import thread. */
import type { By, Desk } from '../../actors/index.ts';
import type { OwnAddresses } from '../config/index.ts';
import { type ChunkResult, carriedOut } from './chunks.ts';
import { cutLines, type Line, type Numbering } from './cut-lines.ts';
import { readChunks } from './read-chunks.ts';
import { roomyHeap } from './roomy-heap.ts';

export type ImportWish = Numbering & {
  /** Lines per chunk. Undefined: many, or few while others wait for their turn. */
  readonly size?: number | undefined;
  /**
   * Its command id, if any, is that of the whole import: the id of each chunk is made of it and the chunk's first line.
   */
  readonly by: By;
};

export interface Importer {
  /** The results of its chunks, in order; the first that failed is the last. Throws what `source` throws. */
  import(source: AsyncIterable<Uint8Array>, wish: ImportWish): AsyncGenerator<ChunkResult, void>;
}

// Small enough that a command sent meanwhile waits less than 10 ms, large enough to share an fsync.
export const CHUNK = 500;

export function importerOver(desk: Pick<Desk, 'askTogether'>, ownAddresses: () => OwnAddresses): Importer {
  return {
    async *import(source, { size, by, ...numbering }) {
      using _ = roomyHeap();
      yield* importChunks(cutLines(source, size ?? CHUNK, numbering), { desk, ownAddresses, by });
    },
  };
}

export type Into = {
  readonly desk: Pick<Desk, 'askTogether'>;
  readonly ownAddresses: () => OwnAddresses;
  /**
   * Its command id, if any, is that of the whole import: the id of each chunk is made of it and the chunk's first line.
   */
  readonly by: By;
};

/** One after the other: the first refused chunk ends the import, and those before it stay in force. */
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
