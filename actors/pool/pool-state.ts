/** What a pool is: its settings, and its backends with what is known of each. */
import type {
  BackendHealth,
  QuarantineCause,
  SparseBackend,
  SparsePool,
  Version,
} from '../../eventlog/index.ts';

export type BackendState = {
  readonly backend: SparseBackend;
  /** The version of the pool's stream at which it was last changed by a person: what an ETag says. */
  readonly version: Version;
  /** When a drain cuts what is unfinished, in epoch milliseconds. */
  readonly drainUntilMs?: number;
  /** The drain is over: how many of the requests that it found finished, and how many were cut. */
  readonly drained?: DrainCounts;
  /** In force until `untilMs` (epoch milliseconds) and over by itself then: no second event says so. */
  readonly quarantine?: { readonly cause: QuarantineCause; readonly untilMs: number };
  /** Absent: all is well. */
  readonly health?: BackendHealth;
};

export type DrainCounts = { readonly finished: number; readonly cut: number };

export type PoolState = {
  readonly settings: SparsePool;
  /** The version of its stream at which it, or one of its backends, was last changed by a person: what an ETag says. */
  readonly version: Version;
  readonly backends: { readonly [id: string]: BackendState };
} | null;

/** An id such as `constructor` must not find what every object inherits. */
export function backendOf(pool: PoolState, id: string): BackendState | undefined {
  return pool !== null && Object.hasOwn(pool.backends, id) ? pool.backends[id] : undefined;
}
