/** The door of the lease ledger. */
import type { ArenaOptions, Ledger, LedgerShared, MainLedger, Ring } from './ledger.ts';
import { MainThreadLedger } from './main-ledger.ts';
import { createBuffer } from './memory.ts';
import { Section } from './section.ts';
import { ThreadLedger } from './thread-ledger.ts';

export { AllInOrder, type InOrder } from './all-in-order.ts';
export { type Asking, type Draw, type Look, look } from './candidates.ts';
export { type PoolCheckpoint, type RowCheckpoint, unpackCheckpoint } from './checkpoint.ts';
export { inOrder } from './journalled.ts';
export { keyOf, routeKeyOf } from './key.ts';
export type {
  ArenaOptions,
  Checkout,
  ConnectionClaims,
  HealthChange,
  HealthDefinition,
  KnownEjection,
  Lease,
  LeaseEnd,
  Ledger,
  LedgerShared,
  MainLedger,
  PoolDefinition,
  PoolLedger,
  PoolStats,
  Refusal,
  Ring,
  RowDefinition,
  RowEnds,
  RowStats,
  RowWatcher,
  Wait,
  Waiter,
} from './ledger.ts';
export { NO_CHANGES } from './ledger.ts';
export type { LedgerRecord } from './record.ts';
export { recordSource } from './record-source.ts';
export { unpackRecords } from './record-unpacker.ts';
export { ReplayMemory } from './replay-memory.ts';
export { ReplayedPool } from './replayed-pool.ts';
export { LedgerBusy } from './section.ts';
export type { Waiting } from './transparent-pool.ts';
export type { Verdict } from './verdict.ts';
export {
  DecisionVerification,
  type PoolDifference,
  type TicketGap,
  type VerifiedDecisions,
} from './verification.ts';
export { type LeaseName, VirtualLedger } from './virtual-ledger.ts';

/** Made once, by the main thread, which is thread 0. */
export function createArena(options: ArenaOptions): MainLedger {
  return new MainThreadLedger(new Section(createBuffer(options), 0), options.ring);
}

/** Made once by each worker, under a number that the main thread enlisted for it. */
export function attachArena(shared: LedgerShared, thread: number, ring: Ring): Ledger {
  return new ThreadLedger(new Section(shared.buffer, thread), ring);
}
