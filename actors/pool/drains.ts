/**
 * Backends that are given nothing any more (drained or removed ones), and what they still have under way. It reads the
 * ledger, which outlives owners and workers, so whoever waits for the end of a drain is told of it, whatever crashes
 * meanwhile.
 *
 *   restricted ──▶ under way ──nothing in flight──▶ drained (recorded) · removed
 *                     └────────put up again───────▶ withdrawn
 */
import type { BackendId, PoolName } from '../../eventlog/index.ts';
import type { CancelTimer, Clock } from '../supervision/index.ts';
import { keyOf, LedgerBusy, type MainLedger, type RowEnds, type RowStats } from './ledger/index.ts';
import { type BackendState, backendOf, type DrainCounts, type PoolState } from './pool-state.ts';

export type Drained = { readonly type: 'drained' | 'removed' | 'withdrawn' } & DrainCounts;

/** The drain that was to last until `untilMs` is over. */
export type DrainEnd = {
  readonly pool: PoolName;
  readonly id: BackendId;
  readonly untilMs: number;
  readonly counts: DrainCounts;
};

export type DrainsOptions = {
  readonly ledger: MainLedger;
  readonly clock: Clock;
  /** Records the end; false: not possible now, so it is asked again. */
  readonly record: (end: DrainEnd) => Promise<boolean>;
  /** A mistake of ours with a backend of this pool; the next look tries again. */
  readonly failed: (pool: PoolName, error: unknown) => void;
};

type Draining = {
  readonly id: BackendId;
  readonly untilMs: number;
  /** Clients whose home it is may come back until then, so it is not over when nothing is under way. */
  readonly mayBeAskedAgain: boolean;
};

type Leaving = {
  readonly pool: PoolName;
  readonly backendKey: number;
  /** Undefined: it was removed. */
  draining: Draining | undefined;
  /**
   * The ledger's counts as last seen: they may vanish with its last lease. Undefined: its pool has rested, so they begin
   * anew.
   */
  seen: RowEnds | undefined;
  /** Of leases that ended since it began to leave. */
  counts: DrainCounts;
  recording: boolean;
  readonly waiting: Set<(end: Drained) => void>;
};

type SeenRows = Map<PoolName, ReadonlyMap<number, RowStats>>;

// 20 ms while somebody waits, which nobody notices; 200 ms otherwise, for the record.
const LOOK_MS = 20;
const IDLE_LOOK_MS = 200;
// If the log is full or the owner is parked, the record is tried again after a second.
const AGAIN_MS = 1000;
const WRAP = 2 ** 32;
const NONE: DrainCounts = { finished: 0, cut: 0 };

export class Drains {
  readonly #options: DrainsOptions;
  readonly #leaving = new Map<string, Leaving>();
  #cancel: CancelTimer | undefined;
  #dueMs = 0;

  constructor(options: DrainsOptions) {
    this.#options = options;
  }

  /** Called after the ledger was restricted to this state and before it is widened. Null: the whole pool is removed. */
  follow(pool: PoolName, state: PoolState): void {
    const rows = this.#rowsOf(pool);
    const isSticky = (state?.settings.affinity ?? false) !== false;
    const present = new Map<number, BackendState>();
    for (const [id, backend] of Object.entries(state?.backends ?? {})) {
      const key = keyOf(id);
      present.set(key, backend);
      // After a restart it may have no row yet, and nothing under way.
      if (isDraining(backend)) this.#drains(pool, id as BackendId, backend, rows.get(key), isSticky);
    }
    for (const row of rows.values()) {
      if (!present.has(row.backendKey) && row.inFlight > 0) this.#enter(pool, row.backendKey, row, undefined);
    }
    for (const leaving of this.#leaving.values()) {
      if (leaving.pool !== pool) continue;
      const backend = present.get(leaving.backendKey);
      if (backend === undefined) leaving.draining = undefined;
      else if (!isDraining(backend)) this.#end(leaving, 'withdrawn');
    }
    this.#arm(0);
  }

  /** The pool's ledger was freed, with nothing under way in it. */
  rested(pool: PoolName): void {
    for (const leaving of this.#leaving.values()) if (leaving.pool === pool) leaving.seen = undefined;
  }

  /** Resolves when the backend has nothing under way; undefined: the caller went away. */
  ended(pool: PoolName, id: BackendId, state: PoolState, gone: AbortSignal): Promise<Drained | undefined> {
    const leaving = this.#leaving.get(nameOf(pool, keyOf(id)));
    if (leaving === undefined) return Promise.resolve(before(state, id));
    if (gone.aborted) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      const tell = (end: Drained | undefined) => {
        gone.removeEventListener('abort', leave);
        leaving.waiting.delete(tell);
        resolve(end);
      };
      const leave = () => tell(undefined);
      gone.addEventListener('abort', leave, { once: true });
      leaving.waiting.add(tell);
      this.#arm(LOOK_MS);
    });
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #drains(
    pool: PoolName,
    id: BackendId,
    backend: BackendState,
    row: RowStats | undefined,
    mayBeAskedAgain: boolean,
  ): void {
    const { drainUntilMs: untilMs, drained } = backend;
    const key = keyOf(id);
    const isKnown = this.#leaving.has(nameOf(pool, key));
    if (untilMs !== undefined && (isKnown || drained === undefined))
      this.#enter(pool, key, row, { id, untilMs, mayBeAskedAgain });
  }

  #enter(pool: PoolName, backendKey: number, row: RowStats | undefined, draining: Leaving['draining']): void {
    const name = nameOf(pool, backendKey);
    const known = this.#leaving.get(name);
    if (known !== undefined) {
      known.draining = draining;
      return;
    }
    const waiting = new Set<(end: Drained) => void>();
    this.#leaving.set(name, {
      pool,
      backendKey,
      draining,
      seen: row ?? NONE,
      counts: NONE,
      recording: false,
      waiting,
    });
  }

  #look(): void {
    const seen: SeenRows = new Map();
    const busy = new Set<PoolName>();
    for (const leaving of this.#leaving.values()) {
      const { pool } = leaving;
      if (busy.has(pool)) continue;
      try {
        this.#judge(leaving, seen);
      } catch (error) {
        // The lock was busy, and the wait for it counts for the whole pool: the next look tries again.
        if (error instanceof LedgerBusy) busy.add(pool);
        else this.#options.failed(pool, error);
      }
    }
    this.#arm(this.#isAwaited() ? LOOK_MS : IDLE_LOOK_MS);
  }

  #judge(leaving: Leaving, seen: SeenRows): void {
    const rows = seen.get(leaving.pool) ?? this.#rowsOf(leaving.pool);
    seen.set(leaving.pool, rows);
    const row = rows.get(leaving.backendKey);
    if (row !== undefined) leaving.seen ??= NONE;
    count(leaving, row ?? this.#options.ledger.ends(keyOf(leaving.pool), leaving.backendKey));
    if ((row?.inFlight ?? 0) === 0) this.#over(leaving);
  }

  #over(leaving: Leaving): void {
    const { draining } = leaving;
    if (draining === undefined) this.#end(leaving, 'removed');
    else if (draining.mayBeAskedAgain && this.#options.clock.now() < draining.untilMs) return;
    else if (!leaving.recording) void this.#record(leaving, draining);
  }

  async #record(leaving: Leaving, { id, untilMs }: Draining) {
    leaving.recording = true;
    const { pool } = leaving;
    const recorded = await this.#options.record({ pool, id, untilMs, counts: leaving.counts });
    // It was removed, put up again or drained until another time meanwhile: the next look judges anew.
    if (recorded && leaving.draining?.untilMs === untilMs) this.#end(leaving, 'drained');
    else if (recorded) leaving.recording = false;
    else {
      this.#options.clock.setTimer(() => {
        leaving.recording = false;
      }, AGAIN_MS);
    }
  }

  #end(leaving: Leaving, type: Drained['type']): void {
    const name = nameOf(leaving.pool, leaving.backendKey);
    if (this.#leaving.get(name) !== leaving) return;
    this.#leaving.delete(name);
    const end = { type, ...leaving.counts };
    for (const tell of [...leaving.waiting]) tell(end);
  }

  #rowsOf(pool: PoolName): ReadonlyMap<number, RowStats> {
    return new Map(this.#options.ledger.rowsOf(keyOf(pool)).map((row) => [row.backendKey, row]));
  }

  #isAwaited(): boolean {
    for (const { waiting } of this.#leaving.values()) if (waiting.size > 0) return true;
    return false;
  }

  #arm(delayMs: number): void {
    const { clock } = this.#options;
    const dueMs = clock.now() + delayMs;
    if (this.#leaving.size === 0 || (this.#cancel !== undefined && this.#dueMs <= dueMs)) return;
    this.#cancel?.();
    this.#dueMs = dueMs;
    this.#cancel = clock.setTimer(() => {
      this.#cancel = undefined;
      this.#look();
    }, delayMs);
  }
}

/** Includes requests that came during the drain: sessions whose home it is. */
function count(leaving: Leaving, ends: RowEnds | undefined): void {
  const { counts, seen } = leaving;
  if (ends === undefined || seen === undefined) return;
  leaving.counts = {
    finished: counts.finished + ((ends.finished - seen.finished + WRAP) % WRAP),
    cut: counts.cut + ((ends.cut - seen.cut + WRAP) % WRAP),
  };
  leaving.seen = ends;
}

function isDraining({ backend }: BackendState): boolean {
  return backend.state === 'draining';
}

/** With nothing under way: what is known of an earlier drain, if there was one. */
function before(state: PoolState, id: BackendId): Drained {
  const backend = backendOf(state, id);
  if (backend === undefined) return { type: 'removed', ...NONE };
  const type = isDraining(backend) ? 'drained' : 'withdrawn';
  return { type, ...(backend.drained ?? NONE) };
}

function nameOf(pool: PoolName, backendKey: number): string {
  return `${pool}/${backendKey}`;
}
