/**
 * Where the journal takes the ledgers' operations from. To the journal they are opaque bytes: the ledger packs and
 * unpacks them, and says which pools and tickets they are about.
 */
import type { ByteWriter } from './bytes.ts';
import type { PoolIndex } from './segment/pool-index.ts';

export interface OperationSource {
  /** Number of rings: one per thread. */
  readonly threads: number;
  /** Appends what is new and was not yet taken, up to about this many bytes; returns how many operations. */
  take(into: ByteWriter, pools: PoolIndex, mostBytes: number): number;
  /** What was taken is committed: its space may be used again. */
  release(): void;
  /** What was taken and not released will be taken again. */
  rewind(): void;
  /** Drops what is there now without reading it. */
  discard(): void;
  /** How far a thread's ring was taken; `resume` tells how far it was committed. */
  positionOf(thread: number): number;
  resume(thread: number, position: number): void;
  /** How many operations of this thread found its ring full; wraps at 2^32. */
  lost(thread: number): number;
  /** How full the fullest ring is, from 0 to 1. */
  fullness(): number;
}

/** For a journal that records nothing of ledgers. */
export const NO_OPERATIONS: OperationSource = {
  threads: 0,
  take: () => 0,
  release() {},
  rewind() {},
  discard() {},
  positionOf: () => 0,
  resume() {},
  lost: () => 0,
  fullness: () => 0,
};
