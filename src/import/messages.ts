/** What the main thread and the thread of imports say to each other; several imports at once, each by a number. */
import type { Packed } from '../../eventlog/index.ts';
import type { ChunkResult } from './chunks.ts';
import type { ImportWish } from './importer.ts';

export type ImportBoot = {
  readonly directory: string;
  /** One number, 1 once a command has come to wait for the turn to end; whoever reads it there makes it 0. */
  readonly wanted: Int32Array<SharedArrayBuffer>;
};

export type ToImporter =
  /** `listeners`: our own addresses, which no backend may be. */
  | {
      readonly type: 'begin';
      readonly id: number;
      readonly wish: ImportWish;
      readonly listeners: readonly string[];
    }
  /** The next bytes of its lines; absent: there are no more. */
  | { readonly type: 'bytes'; readonly id: number; readonly bytes?: Uint8Array }
  /** It may decide and append: nobody else does until it has said what it wrote. */
  | { readonly type: 'go'; readonly id: number }
  /** Nobody wants it any more. What it was told to write it still says. */
  | { readonly type: 'cancel'; readonly id: number };

export type FromImporter =
  /** It has room for more bytes. */
  | { readonly type: 'more'; readonly id: number }
  /** Chunks are read, and wait to be written. */
  | { readonly type: 'turn'; readonly id: number }
  /** The turn is over; absent: nothing was written. */
  | { readonly type: 'wrote'; readonly id: number; readonly packed?: Packed }
  | { readonly type: 'result'; readonly id: number; readonly result: ChunkResult }
  | { readonly type: 'ended'; readonly id: number }
  | { readonly type: 'failed'; readonly id: number; readonly message: string };
