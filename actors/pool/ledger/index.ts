/** The door of the lease ledger. */
import type { ArenaOptions, Ledger, LedgerShared, MainLedger, Ring } from './ledger.ts';

export { keyOf } from './key.ts';
export type {
  ArenaOptions,
  Change,
  Checkout,
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
  RowState,
  RowStats,
  Wait,
  Waiter,
} from './ledger.ts';

/** Made once, by the main thread, which is thread 0. */
export function createArena(_options: ArenaOptions): MainLedger {
  throw new Error('the ledger is being built');
}

/** Made once by each worker, under a number that the main thread enlisted for it. */
export function attachArena(_shared: LedgerShared, _thread: number, _ring: Ring): Ledger {
  throw new Error('the ledger is being built');
}
