/** The door of the lease ledger. */
import type { ArenaOptions, Ledger, LedgerShared, MainLedger, Ring } from './ledger.ts';
import { MainThreadLedger } from './main-ledger.ts';
import { createBuffer } from './memory/memory.ts';
import { Section } from './memory/section.ts';
import { ThreadLedger } from './thread-ledger.ts';

export type { HealthDefinition, KnownEjection, PoolDefinition, RowDefinition } from './definition.ts';
export { keyOf, routeKeyOf } from './key.ts';
export type {
  ArenaOptions,
  Checkout,
  ConnectionClaims,
  HealthChange,
  Lease,
  LeaseEnd,
  Ledger,
  LedgerShared,
  MainLedger,
  PoolLedger,
  PoolStats,
  Refusal,
  Ring,
  RowEnds,
  RowStats,
  RowWatcher,
  Wait,
  Waiter,
} from './ledger.ts';
export { NO_CHANGES } from './ledger.ts';
export { LedgerBusy } from './memory/section.ts';
export { AllInOrder, type InOrder } from './record/all-in-order.ts';
export { type PoolCheckpoint, type RowCheckpoint, unpackCheckpoint } from './record/checkpoint.ts';
export type { LedgerRecord } from './record/record.ts';
export { recordSource } from './record/record-source.ts';
export { unpackRecords } from './record/record-unpacker.ts';
export { type Asking, type Draw, type Look, look } from './replay/candidates.ts';
export { ReplayMemory } from './replay/replay-memory.ts';
export { ReplayedPool } from './replay/replayed-pool.ts';
export type { Waiting } from './replay/transparent-pool.ts';
export type { Verdict } from './replay/verdict.ts';
export {
  DecisionVerification,
  type PoolDifference,
  type TicketGap,
  type VerifiedDecisions,
} from './replay/verification.ts';
export { type LeaseName, VirtualLedger } from './replay/virtual-ledger.ts';

/** Made once, by the main thread, which is thread 0. */
export function createArena(options: ArenaOptions): MainLedger {
  return new MainThreadLedger(new Section(createBuffer(options), 0), options.ring);
}

/** Made once by each worker, under a number that the main thread enlisted for it. */
export function attachArena(shared: LedgerShared, thread: number, ring: Ring): Ledger {
  return new ThreadLedger(new Section(shared.buffer, thread), ring);
}
