/**
 * Where the journal takes the ledgers' operations from. To the journal they are opaque bytes: the ledger packs and
 * unpacks them, and says which pools and tickets they are about.
 */
import type { ByteWriter } from './bytes.ts';
import type { PoolIndex } from './segment/pool-index.ts';

export interface OperationSource {
  /** Rings: one per thread. */
  readonly threads: number;
  /** Appends what is new and was not yet taken, up to about so many bytes; says how many operations. */
  take(into: ByteWriter, pools: PoolIndex, mostBytes: number): number;
  /** What was taken is committed: its room may be used again. */
  release(): void;
  /** What was taken and not released is taken again. */
  rewind(): void;
  /** What there is now is given up unseen. */
  discard(): void;
  /** How far a thread's ring was taken; `resume` says that so much was committed. */
  positionOf(thread: number): number;
  resume(thread: number, position: number): void;
  /** Operations of this thread that found its ring full; it wraps around at 2^32. */
  lost(thread: number): number;
  /** How full the fullest ring is, from 0 to 1. */
  fullness(): number;
}

/** Nothing is recorded of ledgers. */
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
