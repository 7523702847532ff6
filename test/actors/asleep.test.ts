/** Owners asleep, read many at a time. */
import { expect, it } from 'vitest';
import { asleepOver, type Command } from '../../actors/index.ts';
import { createMemoryLog, type PoolName } from '../../eventlog/index.ts';

it('gives others their turn between pages of them', async () => {
  await using log = createMemoryLog({ now: Date.now });
  const commands = Array.from(
    { length: 4500 },
    (_, n): Command => ({ type: 'PutPool', pool: `p${n}` as PoolName, settings: {} }),
  );
  let turns = 0;
  const count = () => {
    turns += 1;
    handle = setImmediate(count);
  };
  let handle = setImmediate(count);
  const proposals = await asleepOver(log).decideAll(commands);
  clearImmediate(handle);
  expect(proposals).toHaveLength(commands.length);
  expect(turns).toBeGreaterThanOrEqual(4);
});
