/** Why a whole plan is refused, if it is, by what no owner can know by itself. Reads the log. */
import { type DomainName, type EventLog, type PoolName, poolStream, poolsOf } from '../../eventlog/index.ts';
import type { Command } from './command.ts';
import { inUse, type Rejected, unknownPool } from './refusals.ts';

type Log = Pick<EventLog, 'absentAmong' | 'statesOf' | 'domainsOf'>;

/** Judges what will exist once the whole plan is carried out. */
export async function refusalOfPlan(commands: readonly Command[], log: Log): Promise<Rejected | undefined> {
  const put = new Set<string>();
  const removed = new Set<PoolName>();
  const poolsOfHost = new Map<DomainName, readonly PoolName[]>();
  for (const command of commands) {
    if (command.type === 'PutPool') put.add(command.pool);
    if (command.type === 'RemovePool') removed.add(command.pool);
    if (command.type === 'PutDomain') poolsOfHost.set(command.host, poolsOf(command.settings));
    if (command.type === 'RemoveDomain') poolsOfHost.set(command.host, []);
  }
  const named = new Set([...poolsOfHost.values()].flat().filter((pool) => !put.has(pool)));
  const missing = await missingAmong([...named], log);
  for (const pool of named) if (removed.has(pool)) missing.add(pool);
  for (const [host, pools] of poolsOfHost) {
    const unknown = pools.find((pool) => missing.has(pool));
    if (unknown !== undefined) return unknownPool(host, unknown);
  }
  for (const pool of removed) {
    // With this many, at least one is not changed by the plan.
    const users = await log.domainsOf(pool, poolsOfHost.size + 1);
    const user = users.find((host) => !poolsOfHost.has(host as DomainName));
    if (user !== undefined) return inUse(pool, [user]);
  }
  return undefined;
}

async function missingAmong(pools: readonly PoolName[], log: Log): Promise<Set<string>> {
  const absent = await log.absentAmong(pools.map(poolStream));
  const states = await log.statesOf(absent);
  const missing = new Set<string>(states.flatMap(({ stream, state }) => (state === null ? [stream] : [])));
  return new Set(pools.filter((pool) => missing.has(poolStream(pool))));
}
