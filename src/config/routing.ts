/** Routing state, wished or found: pools with their backends, and domains. Settings are sparse. */
import type {
  BackendId,
  DomainName,
  PoolName,
  SparseBackend,
  SparseDomain,
  SparsePool,
} from '../../eventlog/index.ts';

export type RoutedPool = {
  readonly settings: SparsePool;
  readonly backends: ReadonlyMap<BackendId, SparseBackend>;
};

/** Maps, not objects: a domain may be called `__proto__`, and a pool `constructor`. */
export type Routing = {
  readonly pools: ReadonlyMap<PoolName, RoutedPool>;
  readonly domains: ReadonlyMap<DomainName, SparseDomain>;
};

export const EMPTY_ROUTING: Routing = { pools: new Map(), domains: new Map() };

/** The form used by config files and the body of `POST /v1/apply`; `parseRouting` reads it. */
export type RoutingJson = {
  readonly pools: {
    readonly [pool: string]: SparsePool & { readonly backends: { readonly [id: string]: SparseBackend } };
  };
  readonly domains: { readonly [host: string]: SparseDomain };
};

/** Names in order, so that equal routing is equal text. */
export function routingJson(routing: Routing): RoutingJson {
  return {
    pools: Object.fromEntries(inOrder(routing.pools).map(([name, pool]) => [name, poolJson(pool)])),
    domains: Object.fromEntries(inOrder(routing.domains)),
  };
}

export function poolJson({ settings, backends }: RoutedPool): RoutingJson['pools'][string] {
  return { ...settings, backends: Object.fromEntries(inOrder(backends)) };
}

/** By code unit, as the log orders its streams: the same everywhere, whatever the locale. */
export function inOrder<Name extends string, T>(map: ReadonlyMap<Name, T>): [Name, T][] {
  return [...map].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
}
