/** The contract of the lease ledger: who may check out, in which order, and what only the main thread may do. */
import type { ByteWriter } from '../../../eventlog/index.ts';
import type { Change, PoolDefinition, RowDefinition } from './definition.ts';

/** Everything a thread needs to attach to the ledger; it can be sent to a worker. */
export interface LedgerShared {
  readonly buffer: SharedArrayBuffer;
}

/** One slot of one backend, held until it is checked in by the thread that got it. */
export interface Lease {
  readonly poolKey: number;
  readonly backendKey: number;
  /** Generation of the row: it changes only when the row is given to another backend. */
  readonly epoch: number;
  /** The pool's ticket under which it was granted; together with poolKey, it names the lease in the records. */
  readonly ticket: number;
  /** Internal to the ledger: where the row lies in shared memory. */
  readonly row: number;
  /** The route it was requested for; 0: no route of its own. */
  readonly route: number;
  /** Internal to the ledger: false once checked in. */
  open: boolean;
}

/**
 * Somebody who waits for a lease. Both calls are made in the waiter's own thread, possibly inside another ledger call,
 * but never inside the call that queued it.
 */
export interface Waiter {
  /** Internal to the ledger. Initialise it with 0; it is not 0 exactly while the waiter is queued. */
  place: number;
  granted(lease: Lease): void;
  /** The pool was removed while it waited. */
  refused(reason: 'no_backends'): void;
}

/**
 * `queued`: the waiter will be told. Otherwise it is refused: `no_backends`: the pool has none, or is unknown ·
 * `starting`: none is up, some are starting, and whenEmpty is `refuse` · `exhausted`: all were tried · `queue_full`.
 */
export type Refusal = 'no_backends' | 'starting' | 'queue_full' | 'exhausted';
export type Checkout = Lease | 'queued' | Refusal;

/**
 * Why a waiter that leaves had to wait, judged by the backends it had not tried: `busy`: at least one lacked only a
 * free slot · `unavailable`: none did, and at least one was quarantined or draining · `starting`: the rest were ·
 * `exhausted` · `no_backends`.
 */
export type Wait = 'busy' | 'unavailable' | 'starting' | 'exhausted' | 'no_backends';

/** How a lease ended, for the record. */
export type LeaseEnd =
  | 'finished'
  | 'connect_failed'
  | 'backend_failed'
  | 'timed_out'
  | 'client_gone'
  | 'unused'
  /** The backend answered with a status of 500 or above. */
  | 'server_error'
  /** The backend answered with a status that counts as a failure. */
  | 'listed_status'
  /** The backend's drain was over before the request was. */
  | 'cut';

/** A change of health that a check-in caused, for the log. The ledger acts on it already. */
export type HealthChange =
  | {
      readonly type: 'ejected';
      readonly backendKey: number;
      readonly route: number;
      readonly untilMs: number;
      /** Ejections in a row. */
      readonly level: number;
    }
  /** It should be ejected, but too many already are. */
  | { readonly type: 'withheld'; readonly backendKey: number; readonly route: number }
  | { readonly type: 'returned'; readonly backendKey: number; readonly route: number };

export const NO_CHANGES: readonly HealthChange[] = Object.freeze([]);

export type RowState = 'up' | 'starting' | 'draining' | 'quarantined' | 'ejected' | 'failing' | 'removed';

export interface RowStats {
  readonly backendKey: number;
  readonly inFlight: number;
  /** 0: none. */
  readonly limit: number;
  readonly weight: number;
  readonly state: RowState;
  /** End of its quarantine or ejection, else 0. */
  readonly untilMs: number;
  readonly epoch: number;
  /** Leases cut so far, including those of dead threads; wraps at 2^31. */
  readonly cut: number;
  /** Leases that ended otherwise while the row was closed (drained, removed, quarantined, …); wraps too. */
  readonly finished: number;
}

export type RowEnds = Pick<RowStats, 'cut' | 'finished'>;

export interface PoolStats {
  readonly waiting: number;
  /** Requests refused so far because no backend was free; wraps at 2^31. */
  readonly refused: number;
  readonly rows: readonly RowStats[];
}

/**
 * Claims on connections to backends with a limit: idle and busy connections of all threads together never exceed it.
 * `row` is the row of a lease. A claim lasts from `open` to `closed`; its holder reports what becomes of the
 * connection.
 */
export interface ConnectionClaims {
  /** Whether the backend has a limit, so that a connection to it needs a claim. */
  isCounted(lease: Lease): boolean;
  /** Needs a lease. False: no room; the thread wants a claim now, and is told when to ask again, then with `isWanted`. */
  open(row: number, isWanted: boolean): boolean;
  /** The thread no longer wants one. */
  forgo(row: number): void;
  /** Needs a lease, and takes one of the thread's idle connections for it. False: those it has must be closed. */
  reuse(row: number): boolean;
  /** The connection of a lease becomes idle. False: it must be closed. */
  rest(row: number): boolean;
  /** An idle connection will not be used again. Revoked ones are counted first. */
  closing(row: number): void;
  /** The connection is closed; the claim ends. */
  closed(row: number): void;
  /** How many idle connections were revoked and have to be closed by this thread. */
  owed(row: number): number;
}

/** Is told of rows where this thread has something to do: close revoked connections, or open one that it wants. */
export interface RowWatcher {
  /** 0: all rows. */
  look(row: number): void;
}

/** One pool as a thread sees it. Times are wall-clock milliseconds, the same for all threads. */
export interface PoolLedger {
  readonly key: number;
  /** Absent: limits on connections are not the ledger's business. */
  readonly claims?: ConnectionClaims;
  /**
   * - `tried`: keys of backends not to be picked, at most 16.
   * - `hash`: for consistent-hash, the hash that keeps requests together; up to 2^53; 0 or absent: none.
   * - `route`: the entry of the domain's routes that the request takes, up to 2^52, since a backend may fail for one
   *   route and serve another; 0 or absent: none of its own, so its end speaks for the backend as a whole.
   * - `wanted`: key of the request's home; 0 or absent: none. As long as the home lives (in the pool, up or draining,
   *   healthy, not tried), the request gets that backend or waits for it; otherwise it may get any.
   */
  checkout(
    nowMs: number,
    tried: readonly number[],
    waiter: Waiter,
    hash?: number,
    route?: number,
    wanted?: number,
  ): Checkout;
  /** `latencyMs`: how long the backend took, for peak-ewma; −1 or absent: not known. */
  checkin(lease: Lease, nowMs: number, end: LeaseEnd, latencyMs?: number): readonly HealthChange[];
  /**
   * Ends the wait of a waiter whose place is not 0. If a lease is returned, it had just been granted: the caller checks
   * it in, and `granted` will not be called.
   */
  leave(waiter: Waiter, nowMs: number): Lease | Wait;
  /** A connection for this open lease failed: how many did in a row, over all threads. It decides nothing by itself. */
  connectFailed(lease: Lease): number;
  /** A connection for this open lease was made. */
  connectMade(lease: Lease): void;
  /**
   * In force at once in all threads; a later end replaces an earlier one. True: it was in no quarantine, or in one that
   * was over.
   */
  quarantine(backendKey: number, nowMs: number, untilMs: number): boolean;
  /** The backend's probes fail, or no longer fail: in force at once in all threads. */
  probed(backendKey: number, nowMs: number, isFailing: boolean): void;
  /**
   * Ends quarantines and ejections that are due, and serves the queue. For a timer: nothing else wakes those who wait
   * for such an end.
   */
  expire(nowMs: number): void;
  /** When the next quarantine or ejection ends; 0: none. */
  nextExpiryMs(): number;
  stats(): PoolStats;
}

export interface Ledger {
  readonly thread: number;
  /** Undefined while no such pool is defined; the same object as long as the pool exists. */
  pool(key: number): PoolLedger | undefined;
  /** This thread no longer uses the pool: the next `pool` looks it up again. */
  forget(key: number): void;
  /** Forgets the pools that are gone, checking a limited number at a time. Call it now and then. */
  forgetGone(): void;
  /** Sets who is told of claims during `deliver`. */
  watchRows(watcher: RowWatcher): void;
  /** Tells this thread's waiters what other threads did for them. Call it when the bell message arrives. */
  deliver(): void;
}

/**
 * The main thread's ledger. Calls that workers' ledgers have too throw LedgerBusy if a lock is not free within two
 * milliseconds; without workers no lock is ever held. Its promises wait only for a lock: they are done at once if it is
 * free, otherwise in a later turn of the event loop, since only the main thread can free the lock of a dead worker.
 */
export interface MainLedger extends Ledger {
  readonly shared: LedgerShared;
  /** Takes the lowest free thread number; throws if all are in use. */
  enlist(): number;
  /**
   * Makes the pool's ledger equal to its owner's state; repeating it changes nothing. `restrict` comes first: it
   * removes, drains, lowers limits and shortens the queue. `widen` does the rest.
   */
  define(
    poolKey: number,
    pool: PoolDefinition,
    rows: readonly RowDefinition[],
    phase: 'restrict' | 'widen',
    change: Change,
  ): Promise<void>;
  /** The pool is removed: its waiters are refused, and its memory is used again once the last lease is returned. */
  drop(poolKey: number, change: Change): Promise<void>;
  /** Every pool, with how many wait and how many were refused so far. Read without a lock. */
  pressures(each: (poolKey: number, waiting: number, refused: number) => void): void;
  /** Also of a pool that was dropped, for as long as leases on it are out. */
  rowsOf(poolKey: number): readonly RowStats[];
  /** How leases on a backend ended so far, also after it left the pool; undefined: no longer known. */
  ends(poolKey: number, backendKey: number): RowEnds | undefined;
  /** The pool's ticket: it stays the same as long as nobody uses its ledger; 0: there is none. */
  ticket(poolKey: number): number;
  /**
   * Frees the memory of a ledger at rest: nothing in flight, nobody waiting, no quarantine to remember, and no
   * operation since this ticket. False: it is not at rest.
   */
  rest(poolKey: number, ticket: number, change: Change): Promise<boolean>;
  /** Takes back everything that a worker held, then frees its number. Only after the worker's exit event. */
  reap(thread: number, nowMs: number): Promise<void>;
  /** Every pool, with the ticket it had a moment ago. Read without a lock. */
  tickets(each: (poolKey: number, ticket: number) => void): void;
  /** Packs a pool's whole state and returns the ticket after which it holds; 0: no such pool, or its lock was busy. */
  checkpoint(poolKey: number, into: ByteWriter): number;
}

/** Makes another thread call `deliver` soon. Called once until it does. */
export type Ring = (thread: number) => void;

export interface ArenaOptions {
  /**
   * At most this many threads, including the main thread (number 0); up to 255. A row takes 4 bytes for each, and 8 for
   * its claims.
   */
  readonly threads: number;
  readonly ring: Ring;
  /** Whether operations are recorded for a journal. */
  readonly record: boolean;
  /** Address space reserved for growth, in bytes. */
  readonly reserveBytes?: number;
  /** False: nobody connects to the backends, so claims on connections are not kept. */
  readonly claims?: boolean;
  /** Record slots in each thread's ring: a power of two. */
  readonly recordSlots?: number;
}
