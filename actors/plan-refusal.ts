/** Why a whole plan is refused, or not: what no owner can know by itself, asked of everything there will be. */
import { type PoolName, poolsOf } from '../eventlog/index.ts';
import type { Command, Present } from './command.ts';
import { inUse, type Rejected, unknownPool } from './refusals.ts';

/** What matters is what exists once all of it has happened. */
export function refusalOfPlan(commands: readonly Command[], present: Present): Rejected | undefined {
  const pools = new Set<string>(present.pools.keys());
  const poolsOfHost = new Map<string, readonly PoolName[]>();
  const removed = new Set<string>();
  for (const command of commands) {
    if (command.type === 'PutPool') pools.add(command.pool);
    if (command.type === 'RemovePool') removed.add(command.pool);
    if (command.type === 'PutDomain') poolsOfHost.set(command.host, poolsOf(command.settings));
    if (command.type === 'RemoveDomain') poolsOfHost.set(command.host, []);
  }
  for (const pool of removed) pools.delete(pool);
  for (const [host, named] of poolsOfHost) {
    const unknown = named.find((pool) => !pools.has(pool));
    if (unknown !== undefined) return unknownPool(host, unknown);
  }
  if (removed.size === 0) return undefined;
  for (const [host, domain] of present.domains) {
    if (poolsOfHost.has(host)) continue;
    const gone = poolsOf(domain.settings).find((pool) => removed.has(pool));
    if (gone !== undefined) return inUse(gone, [host]);
  }
  return undefined;
}
