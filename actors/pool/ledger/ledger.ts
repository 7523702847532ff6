/** What a lease ledger promises: who may check out, in which order, and what only the main thread may do. */
import type { ByteWriter } from '../../../eventlog/index.ts';
import type { PolicyName } from '../policy/policies.ts';

/** All a thread needs to attach; it can be sent to a worker. */
export interface LedgerShared {
  readonly buffer: SharedArrayBuffer;
}

/** One slot of one backend, held until it is checked in by the thread that got it. */
export interface Lease {
  readonly poolKey: number;
  readonly backendKey: number;
  /** Generation of the row: it changes only when the row is given to another backend. */
  readonly epoch: number;
  /** The pool's ticket under which it was given: with poolKey, its name in the records. */
  readonly ticket: number;
  /** The ledger's own: where the row is in shared memory. */
  readonly row: number;
  /** What it was asked for; 0: no route of its own. */
  readonly route: number;
  /** The ledger's own: false once checked in. */
  open: boolean;
}

/** Who waits. Both calls come in the waiter's own thread, perhaps within another ledger call, but never within the one that queued it. */
export interface Waiter {
  /** The ledger's own; set it to 0 once, when made. Not 0 exactly while it waits. */
  place: number;
  granted(lease: Lease): void;
  /** The pool was removed while it waited. */
  refused(reason: 'no_backends'): void;
}

/**
 * `queued`: the waiter will be told. Refused: `no_backends`: the pool has none, or is unknown · `starting`: none
 * is up and some are starting (whenEmpty: refuse) · `exhausted`: all it has were tried · `queue_full`.
 */
export type Refusal = 'no_backends' | 'starting' | 'queue_full' | 'exhausted';
export type Checkout = Lease | 'queued' | Refusal;

/**
 * Why one who leaves had to wait, over the backends it had not tried: `busy`: some only lacked a free slot ·
 * `unavailable`: all were quarantined, draining or starting, not all the last · `starting` · `exhausted` · `no_backends`.
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
  /** It answered, with a status from 500 on. */
  | 'server_error'
  /** It answered, with a status that counts as a failure of its backend. */
  | 'listed_status'
  /** Its backend's drain was over before it was. */
  | 'cut';

/** What a check-in made known of its backend, for the log: the ledger acts on it already. */
export type HealthChange =
  | {
      readonly type: 'ejected';
      readonly backendKey: number;
      readonly route: number;
      readonly untilMs: number;
      /** Ejections in a row. */
      readonly level: number;
    }
  /** It should be ejected, but too many are. */
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
  /** Leases cut so far, those of dead threads among them; it wraps at 2^31. */
  readonly cut: number;
  /** Leases that ended otherwise while it was given nothing (drained, removed, quarantined); it wraps too. */
  readonly finished: number;
}

export type RowEnds = Pick<RowStats, 'cut' | 'finished'>;

export interface PoolStats {
  readonly waiting: number;
  /** Requests refused so far for want of a free backend; it wraps at 2^31. */
  readonly refused: number;
  readonly rows: readonly RowStats[];
}

/**
 * Leave to have connections to backends with a limit, which idle and busy ones of all threads never exceed. `row` is a
 * lease's. A claim lasts from `open` until `closed`; whoever has one tells what becomes of its connection.
 */
export interface ConnectionClaims {
  /** Its backend has a limit, so a connection to it needs a claim. */
  isCounted(lease: Lease): boolean;
  /** With a lease. False: the thread wants one now, and is told when to ask again, then with `isWanted`. */
  open(row: number, isWanted: boolean): boolean;
  /** It wants one no longer. */
  forgo(row: number): void;
  /** With a lease, an idle connection is taken for it. False: those it has are to be closed. */
  reuse(row: number): boolean;
  /** With a lease, whose connection becomes idle. False: it is to be closed. */
  rest(row: number): boolean;
  /** An idle connection is not to be used any more. Those that are owed go first. */
  closing(row: number): void;
  /** It is closed now. */
  closed(row: number): void;
  /** How many idle connections the thread has to close. */
  owed(row: number): number;
}

/** Told of rows at which there is something for the thread to do: idle connections owed, or room for one it wants. */
export interface RowWatcher {
  /** 0: any row. */
  look(row: number): void;
}

/** One pool as a thread sees it. Times are wall-clock milliseconds, the same for all threads. */
export interface PoolLedger {
  readonly key: number;
  /** None: limits on connections are somebody else's. */
  readonly claims?: ConnectionClaims;
  /**
   * `tried`: keys of backends not to be picked, at most 16. `hash`: of what the request is to be kept together by, for
   * consistent-hash; up to 2^53, 0 or none: of nothing. `route`: the entry of a domain's routes it is for, up to 2^52, since
   * backends may fail for one and serve another; 0 or none: it speaks for the backend as a whole. `wanted`: key of the backend
   * where it is at home, 0 or none: nowhere. While that one lives (there, up or draining, healthy, not tried) it is given that one or
   * waits for it; else any.
   */
  checkout(
    nowMs: number,
    tried: readonly number[],
    waiter: Waiter,
    hash?: number,
    route?: number,
    wanted?: number,
  ): Checkout;
  /** `latencyMs`: how long the backend took, for peak-ewma; −1 or none: not known. */
  checkin(lease: Lease, nowMs: number, end: LeaseEnd, latencyMs?: number): readonly HealthChange[];
  /**
   * For a waiter whose place is not 0: it no longer waits. A lease: it had just been granted that one, which is now the
   * caller's to check in, and `granted` will not be called.
   */
  leave(waiter: Waiter, nowMs: number): Lease | Wait;
  /** At once, for everyone; a later end wins over an earlier one. True: it was in none, or in one whose time is over. */
  quarantine(backendKey: number, nowMs: number, untilMs: number): boolean;
  /** Its probes fail, or do no longer: at once, for everyone. */
  probed(backendKey: number, nowMs: number, isFailing: boolean): void;
  /** Ends due quarantines and ejections, and serves the queue: for a timer, since nothing else wakes those who wait for one. */
  expire(nowMs: number): void;
  /** When the next quarantine or ejection ends; 0: none. */
  nextExpiryMs(): number;
  stats(): PoolStats;
}

export interface Ledger {
  readonly thread: number;
  /** Undefined while no such pool is defined. The same object as long as the pool lives. */
  pool(key: number): PoolLedger | undefined;
  /** Nobody in this thread uses this pool any more: the next `pool` finds it anew. */
  forget(key: number): void;
  /** Likewise those that are gone, some of them at a time. To be called now and then. */
  forgetGone(): void;
  /** Who is told of claims, from `deliver`. */
  watchRows(watcher: RowWatcher): void;
  /** Tells this thread's waiters what others did for them. Call it when the bell message comes. */
  deliver(): void;
}

export interface PoolDefinition {
  readonly policy: PolicyName;
  readonly maxWaiting: number;
  readonly whenEmpty: 'refuse' | 'hold';
  /** Of the pool's chance; used when the pool's ledger is made, ignored after. */
  readonly seed: number;
  /** None: health is not judged. */
  readonly health?: HealthDefinition;
}

/** How the health of a pool's backends is judged; all 0: it is not. */
export interface HealthDefinition {
  /** Failures within the window that make an outlier; 0: none do. */
  readonly failures: number;
  readonly windowMs: number;
  readonly maxEjectedPercent: number;
  /** How long the first ejection lasts; each next in a row lasts twice as long, up to a minute. */
  readonly quarantineMs: number;
  /** 0: none. */
  readonly slowStartMs: number;
}

/** An ejection that is known from before. */
export interface KnownEjection {
  readonly route: number;
  readonly untilMs: number;
  readonly level: number;
}

export interface RowDefinition {
  readonly backendKey: number;
  /** Leases at once; 0: no limit. */
  readonly limit: number;
  readonly weight: number;
  readonly state: 'up' | 'starting' | 'draining';
  /** Key of its address: of one that moved nothing is known, also while leases of the former place are out. None: it never moves. */
  readonly place?: number;
  /** 0: none. It never shortens a quarantine that the ledger has. */
  readonly quarantineUntilMs: number;
  /** In force when the ledger is made; later the ledger knows better. */
  readonly ejections?: readonly KnownEjection[];
  /** Its probes failed when they were last heard of; as `ejections`. */
  readonly isFailing?: boolean;
}

export interface Change {
  /** Position in the event log of what made it. */
  readonly position: number;
  readonly nowMs: number;
}

/**
 * The main thread's ledger. What it shares with the workers' throws LedgerBusy where a worker's would wait longer than two
 * milliseconds for a lock; without workers no lock is ever held. Its promises wait only for a lock: at once if it is free, else a later turn of the event loop,
 * since the main thread alone can free the lock of a dead worker.
 */
export interface MainLedger extends Ledger {
  readonly shared: LedgerShared;
  /** The lowest thread number that is free, now taken; throws when all are. */
  enlist(): number;
  /**
   * Makes the pool's ledger equal to its owner's state; repeated, it changes nothing. `restrict` (before the change is
   * published) removes, drains, lowers limits and shortens the queue; `widen` (after) does the rest.
   */
  define(
    poolKey: number,
    pool: PoolDefinition,
    rows: readonly RowDefinition[],
    phase: 'restrict' | 'widen',
    change: Change,
  ): Promise<void>;
  /** The pool is removed: its waiters are refused; its memory is used again when the last lease is in. */
  drop(poolKey: number, change: Change): Promise<void>;
  /** The pools there are, with how many wait and how many were refused so far: read without a lock. */
  pressures(each: (poolKey: number, waiting: number, refused: number) => void): void;
  /** Of a pool that was dropped too, for as long as somebody has a lease on it. */
  rowsOf(poolKey: number): readonly RowStats[];
  /** How leases on a backend ended so far, also when it is gone from the pool; undefined: not known any more. */
  ends(poolKey: number, backendKey: number): RowEnds | undefined;
  /** The pool's ticket: it is the same as long as nobody uses its ledger; 0: it has none. */
  ticket(poolKey: number): number;
  /**
   * Gives back the memory of a ledger that rests: nothing in flight, nobody waiting, no quarantine to be remembered, and no
   * operation since this ticket. False: it does not.
   */
  rest(poolKey: number, ticket: number, change: Change): Promise<boolean>;
  /** After a worker's exit event, never before: gives back all it held. Then its number is free. */
  reap(thread: number, nowMs: number): Promise<void>;
  /** The pools there are, with the ticket each had a moment ago: read without a lock. */
  tickets(each: (poolKey: number, ticket: number) => void): void;
  /** Packs a pool's whole state, and says behind which ticket it is so; 0: no such pool, or its lock was not to be had. */
  checkpoint(poolKey: number, into: ByteWriter): number;
}

/** Rings another thread: have it call `deliver` soon. Called once until it does. */
export type Ring = (thread: number) => void;

export interface ArenaOptions {
  /** Threads at most, the main thread included (it is number 0); up to 255. A row costs 4 bytes for each. */
  readonly threads: number;
  readonly ring: Ring;
  /** Whether operations leave records for a journal. */
  readonly record: boolean;
  /** Address space reserved for growth, in bytes. */
  readonly reserveBytes?: number;
  /** False: nobody connects to the backends, so no claims on connections are kept. */
  readonly claims?: boolean;
  /** Record slots in each thread's ring: a power of two. */
  readonly recordSlots?: number;
}
