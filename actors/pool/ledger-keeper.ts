/**
 * Keeps a pool's ledger equal to its owner's state. The ledger outlives the owner: after a restart the owner brings it in
 * line again, and leases granted meanwhile stay granted.
 */
import {
  completeBackend,
  completePool,
  type Ejection,
  type PoolName,
  type PoolSettings,
  type SparseBackend,
} from '../../eventlog/index.ts';
import { LONGEST_MS } from './health/course.ts';
import {
  type HealthDefinition,
  type KnownEjection,
  keyOf,
  type MainLedger,
  type PoolDefinition,
  type RowDefinition,
  routeKeyOf,
} from './ledger/index.ts';
import { WELL } from './pool.ts';
import { type BackendState, backendOf, type PoolState } from './pool-state.ts';

type Pool = NonNullable<PoolState>;

export type LedgerKeeperOptions = {
  readonly ledger: MainLedger;
  readonly now: () => number;
  readonly random: () => number;
  /** Is told the names behind the keys of the ledger. */
  readonly named: (pool: string, backends: Iterable<string>) => void;
  /** Called when what this state takes away is no longer given to anyone, and what it adds is not yet given. */
  readonly restricted: (pool: PoolName, state: PoolState) => void;
  /** Called when a ledger was freed because nobody used it. */
  readonly rested: (pool: PoolName) => void;
};

export class LedgerKeeper {
  readonly #options: LedgerKeeperOptions;
  // A step may have to wait for the ledger's lock; later steps on the same pool wait behind it.
  readonly #last = new Map<PoolName, Promise<void>>();
  /** The pools that have a ledger; the ledger itself only knows their keys. */
  readonly #kept = new Set<PoolName>();

  constructor(options: LedgerKeeperOptions) {
    this.#options = options;
  }

  /** `midway` is called after the ledger was restricted to this state and before it is widened. */
  follow(pool: PoolName, state: PoolState, version: number, midway: () => void): Promise<void> {
    return this.#next(pool, () => this.#align(pool, state, version, midway));
  }

  /** Names of the pools that have a ledger. */
  pools(): Iterable<PoolName> {
    return this.#kept;
  }

  has(pool: PoolName): boolean {
    return this.#kept.has(pool);
  }

  /** A number that stays the same as long as nobody uses the pool's ledger. */
  ticket(pool: PoolName): number {
    return this.#options.ledger.ticket(keyOf(pool));
  }

  /** Frees the pool's ledger if nobody used it since that ticket. False: somebody did. */
  async rest(pool: PoolName, ticket: number, version: number): Promise<boolean> {
    const { ledger, now, rested } = this.#options;
    let rests = false;
    await this.#next(pool, async () => {
      rests = await ledger.rest(keyOf(pool), ticket, { position: version, nowMs: now() });
      if (!rests) return;
      this.#kept.delete(pool);
      rested(pool);
    });
    return rests;
  }

  #next(pool: PoolName, step: () => Promise<void>): Promise<void> {
    const before = this.#last.get(pool) ?? Promise.resolve();
    const next = before.catch(() => {}).then(step);
    this.#last.set(pool, next);
    const forget = () => {
      if (this.#last.get(pool) === next) this.#last.delete(pool);
    };
    next.then(forget, forget);
    return next;
  }

  async #align(pool: PoolName, state: PoolState, position: number, midway: () => void): Promise<void> {
    const { ledger, now, random, named, restricted } = this.#options;
    const key = keyOf(pool);
    const change = { position, nowMs: now() };
    if (state === null) {
      midway();
      await ledger.drop(key, change);
      this.#kept.delete(pool);
      restricted(pool, null);
      return;
    }
    const definition = definitionOf(state, Math.floor(random() * 0x1_0000_0000));
    const rows = rowsOf(state, change.nowMs);
    named(pool, Object.keys(state.backends));
    this.#kept.add(pool);
    await ledger.define(key, definition, rows, 'restrict', change);
    restricted(pool, state);
    midway();
    await ledger.define(key, definition, rows, 'widen', change);
  }
}

export function definitionOf(state: Pool, seed: number): PoolDefinition {
  const settings = completePool(state.settings);
  return {
    policy: settings.policy,
    maxWaiting: settings.queue.maxWaiting,
    whenEmpty: settings.whenEmpty,
    seed,
    health: healthOf(settings),
  };
}

export function rowsOf(state: Pool, nowMs: number): RowDefinition[] {
  const settings = completePool(state.settings);
  const latestMs = latestEndMs(settings, nowMs);
  return Object.entries(state.backends).map(([id, backend]) => rowOf(id, backend, settings, latestMs));
}

function rowOf(id: string, state: BackendState, settings: PoolSettings, latestMs: number): RowDefinition {
  const { ejections, probes } = state.health ?? WELL;
  const isJudged = healthOf(settings).failures > 0;
  const backend = completeBackend(state.backend as SparseBackend);
  return {
    backendKey: keyOf(id),
    limit: backend.maxConcurrency ?? settings.maxConcurrency ?? 0,
    weight: backend.weight,
    state: backend.state,
    place: keyOf(backend.address),
    quarantineUntilMs: endBy(latestMs, state.quarantine?.untilMs ?? 0),
    ejections: isJudged ? ejections.map((ejection) => knownEjection(ejection, latestMs)) : [],
    isFailing: probes === 'failing' && settings.health.active !== false,
  };
}

function knownEjection({ route, untilMs, level }: Ejection, latestMs: number): KnownEjection {
  return { route: routeKeyOf(route), untilMs: endBy(latestMs, untilMs), level };
}

/** When the quarantine in force ends, according to the log; 0: there is none. */
export function quarantineEndOf(pool: PoolState, id: string, nowMs: number): number {
  const untilMs = backendOf(pool, id)?.quarantine?.untilMs ?? 0;
  if (pool === null || untilMs <= nowMs) return 0;
  return endBy(latestEndMs(completePool(pool.settings), nowMs), untilMs);
}

/** The ejections that nothing has ended yet, with their ends as the ledger has them; 0: over since some time nobody knows. */
export function ejectionsOf(pool: PoolState, id: string, nowMs: number): readonly Ejection[] {
  const health = backendOf(pool, id)?.health;
  if (pool === null || health === undefined) return [];
  const latestMs = latestEndMs(completePool(pool.settings), nowMs);
  return health.ejections.map((ejection) => ({ ...ejection, untilMs: endBy(latestMs, ejection.untilMs) }));
}

/** The latest end that a quarantine or an ejection could have. */
function latestEndMs({ health: { passive } }: PoolSettings, nowMs: number): number {
  return nowMs + Math.max(LONGEST_MS, passive === false ? 0 : passive.quarantineMs);
}

/** An end later than any could be was set by a clock that has been set back since, so it counts as over. */
function endBy(latestMs: number, untilMs: number): number {
  return untilMs > latestMs ? 0 : untilMs;
}

/** How the ledger judges health under these settings. */
export function healthOf({ health: { passive }, slowStartMs }: PoolSettings): HealthDefinition {
  if (passive === false || passive.outlier === false)
    return { failures: 0, windowMs: 0, maxEjectedPercent: 0, quarantineMs: 0, slowStartMs };
  const { outlier, maxEjectedPercent, quarantineMs } = passive;
  return {
    failures: outlier.failures,
    windowMs: outlier.windowMs,
    maxEjectedPercent,
    quarantineMs,
    slowStartMs,
  };
}
