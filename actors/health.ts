/**
 * Passes what workers saw of the backends' health to the machine of each backend, which has it recorded. The worker has
 * told the ledger first; this is how the log, and so the next start, comes to know.
 */
import type { BackendHealth, BackendId, PoolName, QuarantineCause } from '../eventlog/index.ts';
import type { HealthNews } from './backend/backend.machine.ts';
import { BackendChild } from './backend/backend-child.ts';
import type { Desk } from './desk/command.ts';
import { HealthNotes } from './health-notes.ts';
import { quarantineEndOf } from './pool/ledger-keeper.ts';
import { WELL } from './pool/pool.ts';
import { type BackendState, backendOf, type PoolState } from './pool/pool-state.ts';
import {
  type ChildContext,
  type ChildSpec,
  crashed,
  DynamicSupervisor,
  type Running,
  type World,
} from './supervision/index.ts';

export type HealthReport =
  | {
      readonly type: 'connect_failed';
      readonly pool: PoolName;
      readonly backend: BackendId;
      readonly cause: QuarantineCause;
      /** Epoch milliseconds. */
      readonly untilMs: number;
      /** It was in no quarantine; otherwise this prolongs one. */
      readonly isNew: boolean;
    }
  | {
      readonly type: 'health_changed';
      readonly pool: PoolName;
      readonly backend: BackendId;
      readonly news: HealthNews;
    };

/** What was reported of a pool's backends so far. */
export type HealthCounts = Record<
  'ejected' | 'withheld' | 'returned' | 'quarantined' | 'failing' | 'passing',
  number
>;

export type HealthOptions = {
  readonly world: World;
  readonly desk: () => Desk;
};

// A second of reports about a whole pool that went away; what is dropped is repeated by the next failure.
const MAX_HELD = 1000;
const WINDOW = { intensity: 30, periodMs: 10_000 } as const;
// No name contains it, so that pool and id can be separated again.
const SEPARATOR = '/';

export class Health {
  readonly backends: DynamicSupervisor<BackendChild>;
  readonly counts = new Map<PoolName, HealthCounts>();
  readonly #options: HealthOptions;
  readonly #notes: HealthNotes;
  /** Pools as last followed: their owners may not run yet. */
  readonly #pools = new Map<PoolName, NonNullable<PoolState>>();
  #held: HealthReport[] = [];
  #running = false;

  constructor(options: HealthOptions) {
    this.#options = options;
    this.#notes = new HealthNotes(options.desk);
    this.backends = new DynamicSupervisor(
      {
        id: 'backends',
        kind: 'backend',
        restart: 'permanent',
        shutdownMs: 'brutal',
        start: (context) => this.#backend(context),
        ...WINDOW,
      },
      options.world,
    );
  }

  childSpec(): ChildSpec {
    return {
      id: 'health',
      kind: 'health',
      restart: 'permanent',
      shutdownMs: 'brutal',
      start: (context) => this.#start(context),
    };
  }

  /** These are all the pool's backends now. */
  follow(pool: PoolName, state: PoolState): void {
    const former = this.#pools.get(pool) ?? null;
    if (state !== null) this.#pools.set(pool, state);
    else if (this.#pools.delete(pool)) this.counts.delete(pool);
    for (const [id, was] of Object.entries(former?.backends ?? {})) {
      const is = backendOf(state, id);
      const key = pool + SEPARATOR + id;
      // A backend that moved gets a new machine, which knows nothing of the old address.
      if (is?.backend.address !== was.backend.address) void this.backends.stop(key);
      else if (isForgotten(was, is)) this.backends.lookup(key)?.tell({ type: 'forgotten' });
    }
    for (const id in state?.backends) this.backends.ensure(pool + SEPARATOR + id);
  }

  /** All pools. */
  pools(): Iterable<PoolName> {
    return this.#pools.keys();
  }

  report(report: HealthReport): void {
    // The last requests of a pool may end after it was removed.
    if (!this.#pools.has(report.pool)) return;
    this.#count(report);
    this.#pass(report);
  }

  #pass(report: HealthReport): void {
    if (!this.#running) {
      if (this.#held.length < MAX_HELD) this.#held.push(report);
      return;
    }
    const child = this.backends.lookup(report.pool + SEPARATOR + report.backend);
    if (report.type === 'health_changed') child?.tell({ type: 'learnt', news: report.news });
    else child?.tell({ type: 'connect failed', cause: report.cause, untilMs: report.untilMs });
  }

  #count(report: HealthReport): void {
    let counts = this.counts.get(report.pool);
    if (counts === undefined) {
      counts = { ejected: 0, withheld: 0, returned: 0, quarantined: 0, failing: 0, passing: 0 };
      this.counts.set(report.pool, counts);
    }
    if (report.type === 'connect_failed') counts.quarantined += report.isNew ? 1 : 0;
    else counts[report.news.type === 'probed' ? report.news.probes : report.news.type]++;
  }

  #start(context: ChildContext): Running {
    this.#running = true;
    const held = this.#held;
    this.#held = [];
    for (const report of held) this.#pass(report);
    const stop = () => {
      this.#running = false;
    };
    return {
      stop,
      crash: (error) => {
        stop();
        context.exited(crashed(error));
      },
    };
  }

  #backend(context: ChildContext): BackendChild {
    const cut = context.id.indexOf(SEPARATOR);
    const pool = context.id.slice(0, cut) as PoolName;
    const id = context.id.slice(cut + 1) as BackendId;
    const { world } = this.#options;
    const failed = (error: Error) => child.crash(error);
    const state = this.#pools.get(pool) ?? null;
    const known = backendOf(state, id);
    const its = { id, address: known?.backend.address ?? '' };
    const record = (cause: QuarantineCause, untilMs: number) =>
      this.#notes.record(pool, { type: 'quarantine', ...its, cause, untilMs }, failed);
    const recordHealth = (health: BackendHealth, withheld: readonly string[]) =>
      this.#notes.record(pool, { type: 'health', ...its, health, withheld }, failed);
    const health = known?.health ?? WELL;
    const untilMs = quarantineEndOf(state, id, world.clock.now());
    const quarantine = { cause: known?.quarantine?.cause ?? 'connect_failed', untilMs };
    const child = new BackendChild(
      { quarantine, health, now: world.clock.now, record, recordHealth },
      context,
      world.clock,
    );
    return child;
  }
}

/** Whether the log no longer knows something of the backend's health, because the backend was changed. */
function isForgotten(was: BackendState, is: BackendState): boolean {
  const hasForgotten = (what: 'quarantine' | 'health') => was[what] !== undefined && is[what] === undefined;
  return hasForgotten('quarantine') || hasForgotten('health');
}
