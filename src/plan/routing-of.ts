/** The routing in force, in the shape of a config file. */
import type { PoolState, Present } from '../../actors/index.ts';
import type { BackendId, PoolName } from '../../eventlog/index.ts';
import type { RoutedPool, Routing } from '../config/index.ts';

export function routingOf({ pools, domains }: Pick<Present, 'pools' | 'domains'>): Routing {
  const routed = new Map<PoolName, RoutedPool>();
  for (const [name, pool] of pools) routed.set(name, routedPool(pool));
  return { pools: routed, domains: new Map([...domains].map(([host, { settings }]) => [host, settings])) };
}

export function routedPool({ settings, backends }: NonNullable<PoolState>): RoutedPool {
  const routed = Object.entries(backends).map(([id, { backend }]) => [id as BackendId, backend] as const);
  return { settings, backends: new Map(routed) };
}
