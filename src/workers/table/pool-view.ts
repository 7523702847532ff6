/** A pool in the form that requests use. */
import { type BackendState, keyOf, type PoolState } from '../../../actors/index.ts';
import { completeBackend, completePool, POOL_DEFAULTS } from '../../../eventlog/index.ts';
import type { BackendAddress, BackendRoute, PoolRoute } from '../../proxy/index.ts';

/** What has the connections to backends. */
export interface BackendFollower {
  /** Requests on the backend are cut then; Infinity: it is not drained after all. */
  cutAt(pool: string, backend: string, atMs: number): void;
  /** The backend was removed from its pool, or has moved. */
  gone(pool: string, backend: BackendRoute): void;
}

/** It keeps the pool's map of backends over all changes, so that a waiting request finds a backend added meanwhile. */
export class PoolView implements PoolRoute {
  readonly name: string;
  readonly key: number;
  readonly settings: PoolRoute['settings'];
  readonly backends: Map<number, BackendRoute>;
  readonly #states: Map<number, BackendState>;

  constructor(
    name: string,
    state: NonNullable<PoolState>,
    before: PoolView | undefined,
    follower: BackendFollower,
  ) {
    this.name = name;
    this.key = before?.key ?? keyOf(name);
    this.settings = completePool(state.settings);
    this.backends = before?.backends ?? new Map();
    this.#states = before === undefined ? new Map() : before.#states;
    this.#place(state, follower);
  }

  /** The pool was removed. */
  empty(follower: BackendFollower): void {
    for (const backend of this.backends.values()) follower.gone(this.name, backend);
    this.backends.clear();
    this.#states.clear();
  }

  #place(state: NonNullable<PoolState>, follower: BackendFollower): void {
    const present = new Set<number>();
    for (const [id, backend] of Object.entries(state.backends)) {
      const key = keyOf(id);
      present.add(key);
      const known = this.#states.get(key);
      if (known?.backend === backend.backend) continue;
      const before = this.backends.get(key);
      if (before !== undefined && before.settings.address !== backend.backend.address)
        follower.gone(this.name, before);
      this.#states.set(key, backend);
      const settings = completeBackend(backend.backend);
      const cutAtMs = backend.drainUntilMs;
      this.backends.set(key, { id, key, address: addressOf(settings.address), settings, cutAtMs });
      // This also cancels the cut of a backend that was removed while it drained and is added again.
      follower.cutAt(this.name, id, cutAtMs ?? Number.POSITIVE_INFINITY);
    }
    for (const [key, backend] of this.backends) {
      if (present.has(key)) continue;
      follower.gone(this.name, backend);
      this.backends.delete(key);
      this.#states.delete(key);
    }
  }
}

/** A pool that exists but cannot be read. */
export function unreadablePool(name: string): PoolRoute {
  return { name, key: keyOf(name), settings: POOL_DEFAULTS, backends: new Map(), unavailable: true };
}

/** `unix:/path`, `[v6]:port` or `host:port`, as checked when it was set. */
export function addressOf(text: string): BackendAddress {
  if (text.startsWith('unix:')) return { path: text.slice('unix:'.length) };
  const colon = text.lastIndexOf(':');
  const host = text.slice(0, colon);
  return { host: host.startsWith('[') ? host.slice(1, -1) : host, port: Number(text.slice(colon + 1)) };
}
