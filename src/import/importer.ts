/** Who carries out an import: in this thread, by the desk at hand, or in a thread of its own. */
import type { By, Desk } from '../../actors/index.ts';
import type { OwnAddresses } from '../config/index.ts';
import { type ChunkResult, importChunks } from './chunks.ts';
import { cutLines, type Numbering } from './cut-lines.ts';
import { roomyHeap } from './roomy-heap.ts';

export type ImportWish = Numbering & {
  /** Lines a chunk. */
  readonly size: number;
  /** Its command id, if any, is that of the whole import: each chunk's is made of it and its first line. */
  readonly by: By;
};

export interface Importer {
  /** The results of its chunks, in order; the first that failed is the last. Throws what `source` throws. */
  import(source: AsyncIterable<Uint8Array>, wish: ImportWish): AsyncGenerator<ChunkResult, void>;
}

export function importerOver(desk: Pick<Desk, 'askTogether'>, ownAddresses: () => OwnAddresses): Importer {
  return {
    async *import(source, { size, by, ...numbering }) {
      using _ = roomyHeap();
      yield* importChunks(cutLines(source, size, numbering), { desk, ownAddresses, by });
    },
  };
}
