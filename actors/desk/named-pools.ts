/**
 * Which pools must already exist for commands that are put together: those that domains name and that are not put with
 * them.
 */
import { InternedNames, type PoolName, poolsOf } from '../../eventlog/index.ts';
import type { Command } from './command.ts';

export type NamedPools = {
  readonly pools: readonly PoolName[];
  /** For each pool, the place of the first command that names it. */
  readonly places: readonly number[];
};

/** Throws a TypeError if a command is not a put. */
export function poolsNamedBy(commands: readonly Command[]): NamedPools {
  const put = new InternedNames();
  for (const command of commands) {
    if (command.type === 'PutPool') put.placeOf(command.pool);
    else if (command.type !== 'PutDomain')
      throw new TypeError(`expected pools and domains that are put, found ${command.type}`);
  }
  const named = new InternedNames<PoolName>();
  const places: number[] = [];
  // By index: pairs would be half a kilobyte of garbage for each line of an import.
  for (let index = 0; index < commands.length; index++) {
    const command = commands[index]!;
    if (command.type !== 'PutDomain') continue;
    for (const pool of poolsOf(command.settings)) {
      if (!put.has(pool) && named.placeOf(pool) === places.length) places.push(index);
    }
  }
  return { pools: named.names, places };
}
