/** The commands that remove a difference. */
import type { Command } from '../../actors/index.ts';
import type { PoolName } from '../../eventlog/index.ts';
import type { Change, Routing } from '../config/index.ts';

/** One command per owner; in any order, since all take effect at one position. */
export function commandsOf(changes: readonly Change[], wished: Routing): Command[] {
  const pools = new Set<PoolName>();
  const commands: Command[] = [];
  for (const change of changes) {
    if (change.kind === 'pool') pools.add(change.name);
    else if (change.kind === 'backend') pools.add(change.pool);
    else if (change.change === 'remove') commands.push({ type: 'RemoveDomain', host: change.name });
    else commands.push({ type: 'PutDomain', host: change.name, settings: change.after });
  }
  return [...[...pools].map((pool) => poolCommand(pool, wished)), ...commands];
}

function poolCommand(pool: PoolName, wished: Routing): Command {
  const routed = wished.pools.get(pool);
  if (routed === undefined) return { type: 'RemovePool', pool };
  return { type: 'PutPool', pool, settings: routed.settings, backends: Object.fromEntries(routed.backends) };
}
