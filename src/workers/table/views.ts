/** The views that a thread holds, each with the time of its last use. */
import { type DomainState, keyOf, type PoolState } from '../../../actors/index.ts';
import type { DomainRoute, PoolRoute } from '../../proxy/index.ts';
import { DomainView, type PoolsByName, unreadableDomain } from './domain-view.ts';
import { type BackendFollower, PoolView, unreadablePool } from './pool-view.ts';

/** With the number of the sweep in which it was last used. */
export type Marked<View> = View & { usedAt?: number };

export class Views {
  readonly domains = new Map<string, Marked<DomainRoute>>();
  readonly pools = new Map<string, Marked<PoolRoute>>();
  readonly poolsByKey = new Map<number, PoolRoute>();
  /** Pools that were removed, or may be outdated because something was missed, until they are read or created again. */
  readonly #doubted = new Map<string, PoolView>();
  /** How domains look up their pools. */
  readonly #poolsByName: PoolsByName;

  constructor(poolsByName: PoolsByName) {
    this.#poolsByName = poolsByName;
  }

  placeDomain(name: string, state: DomainState, sweep: number): void {
    if (state === null) {
      this.domains.delete(name);
      return;
    }
    const domain: Marked<DomainRoute> = new DomainView(name, state, this.#poolsByName);
    domain.usedAt = this.domains.get(name)?.usedAt ?? sweep;
    this.domains.set(name, domain);
  }

  placePool(name: string, state: PoolState, sweep: number, follower: BackendFollower): void {
    if (state === null) {
      this.#removePool(name, follower);
      return;
    }
    const held = this.pools.get(name);
    // A pool that could not be read for a while may be doubted as well.
    const before: Marked<PoolView> | undefined = held instanceof PoolView ? held : this.#doubted.get(name);
    this.#doubted.delete(name);
    const pool: Marked<PoolRoute> = new PoolView(name, state, before, follower);
    pool.usedAt = before?.usedAt ?? sweep;
    this.pools.set(name, pool);
    this.poolsByKey.set(pool.key, pool);
  }

  /** Requests in progress find the map of backends empty; if the pool is created again, it gets the same map. */
  #removePool(name: string, follower: BackendFollower): void {
    const gone = this.pools.get(name) ?? this.#doubted.get(name);
    this.forgetPool(name);
    if (!(gone instanceof PoolView)) return;
    gone.empty(follower);
    this.#doubted.set(name, gone);
  }

  markUnreadable(kind: 'domain' | 'pool', name: string): void {
    if (kind === 'domain') this.domains.set(name, unreadableDomain(name));
    else this.pools.set(name, unreadablePool(name));
  }

  /** Drops the view of an owner that could not be read. */
  dropUnreadable(kind: 'domain' | 'pool', name: string): void {
    if (kind === 'domain') this.domains.delete(name);
    else this.pools.delete(name);
  }

  forgetPool(name: string): void {
    this.pools.delete(name);
    this.#doubted.delete(name);
    this.poolsByKey.delete(keyOf(name));
  }

  distrust(): void {
    // Requests that wait for a grant hold the pool's map of backends, so the pool must continue with the same map.
    for (const [name, pool] of this.pools) if (pool instanceof PoolView) this.#doubted.set(name, pool);
    this.domains.clear();
    this.pools.clear();
    this.poolsByKey.clear();
  }

  /** Drops doubted pools that no request waits for or has a backend of. Returns them. */
  forgetDoubted(isBusy: (pool: PoolRoute) => boolean): readonly PoolView[] {
    const idle = [...this.#doubted.values()].filter((pool) => !isBusy(pool));
    for (const { name } of idle) this.#doubted.delete(name);
    return idle;
  }
}
