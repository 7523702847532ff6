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
  /** One number, not 0 once somebody has come to wait for the turn to end, as `WANTED` says; whoever reads it there makes it 0. */
  readonly wanted: Int32Array<SharedArrayBuffer>;
};

/** Bits of `wanted`. */
export const WANTED = { command: 1, other: 2 } as const;

export type DraftBoot = { readonly fitting: Int32Array<SharedArrayBuffer> };

/** Places in `fitting`: how many lines a chunk is to have where an import does not say so, and how many chunks are not worth a draft. */
export const FITTING = { lines: 0, spared: 1 } as const;

export type Begin = {
  readonly type: 'begin';
  readonly id: number;
  readonly wish: ImportWish;
  /** Our own addresses, which no backend may be. */
  readonly listeners: readonly string[];
  /** Where its lines come from: each `More` is answered with a piece of them, and after the last one with null. */
  readonly bytes: MessagePort;
};
export type More = 'more';
export type Piece = Uint8Array<ArrayBuffer> | null;
/** Nobody wants it any more. What it was told to write it still says. */
export type Cancel = { readonly type: 'cancel'; readonly id: number };
export type Failed = { readonly type: 'failed'; readonly id: number; readonly message: string };
export type Ended = { readonly type: 'ended'; readonly id: number };

export type ToImporter =
  | Begin
  | Cancel
  /** In this turn it may decide and append once more: nobody else does until the turn is over. */
  | { readonly type: 'go'; readonly id: number; readonly turn: number };

export type FromImporter =
  | Ended
  | Failed
  /** Chunks are read, and wait to be written. `turn`: from 1. */
  | { readonly type: 'turn'; readonly id: number; readonly turn: number }
  /** Absent: nothing. The last of a turn ends it. */
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
  /** There is room for what is written in one turn. */
  | { readonly type: 'take'; readonly id: number };

export type FromDrafter =
  | Ended
  | Failed
  | { readonly type: 'chunks'; readonly id: number; readonly chunks: readonly DraftedChunk[] };
