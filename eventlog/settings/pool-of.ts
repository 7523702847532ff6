/** Which pools a domain names: its own, and those of its routes. `domainsOf` finds domains by these. */

import { poolOfPlain } from '../events/plain.ts';
import type { Json } from '../json.ts';
import type { PoolName } from '../names.ts';
import type { SparseDomain } from './sparse-settings.ts';

/** Its own pool first; each pool once. */
export function poolsOf(settings: SparseDomain): readonly PoolName[] {
  const { pool, routes } = settings;
  if (routes === undefined || routes.length === 0) return [pool];
  const pools = new Set([pool]);
  for (const route of routes) {
    if (route.pool !== undefined) pools.add(route.pool);
    for (const share of route.split ?? []) pools.add(share.pool);
  }
  return [...pools];
}

/** `state`: canonical JSON. Empty for a pool's stream and for a state that names no pool. */
export function poolsNamedBy(stream: string, state: string): readonly string[] {
  if (!stream.startsWith('domain-')) return [];
  const only = poolOfPlain(state);
  return only === undefined ? poolsIn(JSON.parse(state) as Json) : [only];
}

function poolsIn(state: Json): readonly string[] {
  if (typeof state !== 'object' || state === null) return [];
  const { settings } = state as { readonly settings?: SparseDomain };
  return typeof settings?.pool === 'string' ? poolsOf(settings) : [];
}
