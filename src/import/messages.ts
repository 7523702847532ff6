/**
 * The messages between the main thread, the import thread and the drafting thread, for several numbered imports at
 * once.
 */
import type { MessagePort } from 'node:worker_threads';
import type { Packed } from '../../eventlog/index.ts';
import type { ChunkResult } from './chunks.ts';
import type { DraftedChunk } from './drafted.ts';
import type { ImportWish } from './importer.ts';

export type ImportBoot = {
  readonly directory: string;
  /**
   * One number: bits of `WANTED`, set when somebody starts to wait for the turn to end; the thread that reads it sets
   * it to 0.
   */
  readonly wanted: Int32Array<SharedArrayBuffer>;
};

/** Bits of `wanted`. */
export const WANTED = { command: 1, other: 2 } as const;

export type DraftBoot = { readonly fitting: Int32Array<SharedArrayBuffer> };

/**
 * Indexes in `fitting`: the lines per chunk, if the import does not set it, and how many chunks are not worth a draft.
 */
export const FITTING = { lines: 0, spared: 1 } as const;

export type Begin = {
  readonly type: 'begin';
  readonly id: number;
  readonly wish: ImportWish;
  /** The router's own addresses, which no backend may have. */
  readonly listeners: readonly string[];
  /** Where its lines come from: each `More` is answered with a piece, and after the last one with null. */
  readonly bytes: MessagePort;
};
export type More = 'more';
export type Piece = Uint8Array<ArrayBuffer> | null;
/** Nobody wants it any more. What it was already told to write is still reported. */
export type Cancel = { readonly type: 'cancel'; readonly id: number };
export type Failed = { readonly type: 'failed'; readonly id: number; readonly message: string };
export type Ended = { readonly type: 'ended'; readonly id: number };

export type ToImporter =
  | Begin
  | Cancel
  /** It may decide and append once more in this turn; nobody else does until the turn is over. */
  | { readonly type: 'go'; readonly id: number; readonly turn: number };

export type FromImporter =
  | Ended
  | Failed
  /** Chunks are read and wait to be written. `turn`: from 1. */
  | { readonly type: 'turn'; readonly id: number; readonly turn: number }
  /** `packed` absent: nothing was written. The last one of a turn ends it. */
  | {
      readonly type: 'wrote';
      readonly id: number;
      readonly packed?: Packed | undefined;
      readonly isLast: boolean;
    }
  | { readonly type: 'result'; readonly id: number; readonly result: ChunkResult };

export type ToDrafter =
  | Begin
  | Cancel
  /** There is room for another commit's chunks. */
  | { readonly type: 'take'; readonly id: number };

export type FromDrafter =
  | Ended
  | Failed
  | { readonly type: 'chunks'; readonly id: number; readonly chunks: readonly DraftedChunk[] };
