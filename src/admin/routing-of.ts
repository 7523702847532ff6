/** What is in force, as a config file would say it. */
import type { Present } from '../../actors/index.ts';
import type { BackendId, PoolName } from '../../eventlog/index.ts';
import type { RoutedPool, Routing } from '../config/index.ts';

export function routingOf({ pools, domains }: Pick<Present, 'pools' | 'domains'>): Routing {
  const routed = new Map<PoolName, RoutedPool>();
  for (const [name, pool] of pools) {
    const backends = Object.entries(pool.backends).map(
      ([id, { backend }]) => [id as BackendId, backend] as const,
    );
    routed.set(name, { settings: pool.settings, backends: new Map(backends) });
  }
  return { pools: routed, domains: new Map([...domains].map(([host, { settings }]) => [host, settings])) };
}
