/** Who waits for a ledger that is being made. */
import { expect, it } from 'vitest';
import type { PoolRoute } from '../../../src/proxy/index.ts';
import { type Sleeper, Wakes } from '../../../src/proxy/lease/wakes.ts';

it('goes on, though somebody who waited with it fails over that', () => {
  const asked: string[] = [];
  const wakes = new Wakes((pool) => asked.push(pool));
  const mistake = new Error('a mistake');
  const ends: unknown[] = [];
  const sleeper = (goOn: () => void): Sleeper => ({
    wakes: 0,
    outcome: undefined,
    client: { deadlineAt() {} },
    goOn,
    crashed: (error) => ends.push(error),
  });
  const fails = sleeper(() => {
    throw mistake;
  });
  for (const one of [fails, sleeper(() => ends.push('went on'))])
    wakes.wait(one, { name: 'web' } as PoolRoute, 0);
  wakes.woken('web');
  expect([asked, ends]).toEqual([['web'], [mistake, 'went on']]);
});
