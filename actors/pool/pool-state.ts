/** What a pool is: its settings, and its backends with what is known of each. */
import {
  type BackendHealth,
  completePool,
  type QuarantineCause,
  type SparseBackend,
  type SparsePool,
  type Version,
} from '../../eventlog/index.ts';

export type BackendState = {
  readonly backend: SparseBackend;
  /** The version of the pool's stream at which an operator last changed it; shown as its ETag. */
  readonly version: Version;
  /** When a drain cuts what is unfinished, in epoch milliseconds. */
  readonly drainUntilMs?: number;
  /** The drain is over: how many of the requests under way finished, and how many were cut. */
  readonly drained?: DrainCounts;
  /** In force until `untilMs` (epoch milliseconds), when it ends by itself, without a second event. */
  readonly quarantine?: { readonly cause: QuarantineCause; readonly untilMs: number };
  /** Absent: all is well. */
  readonly health?: BackendHealth;
};

export type DrainCounts = { readonly finished: number; readonly cut: number };

export type PoolState = {
  readonly settings: SparsePool;
  /** The version of its stream at which an operator last changed the pool or one of its backends; shown as its ETag. */
  readonly version: Version;
  readonly backends: { readonly [id: string]: BackendState };
} | null;

/** Own properties only: an id such as `constructor` must not find what every object inherits. */
export function backendOf(pool: PoolState, id: string): BackendState | undefined {
  return pool !== null && Object.hasOwn(pool.backends, id) ? pool.backends[id] : undefined;
}

/** Whether probes have yet to find that one of its backends has started. */
export function awaitsProbes(pool: PoolState): boolean {
  if (pool === null || completePool(pool.settings).health.active === false) return false;
  return Object.values(pool.backends).some(({ backend }) => backend.state === 'starting');
}
