import { expect, it } from 'vitest';
import { openSqliteLog } from '../../../eventlog/index.ts';
import { LONG_ANSWERERS } from '../../../src/history/answerers.ts';
import { roomOf, sourcesOf } from '../../../src/history/index.ts';
import { tempDirectory } from '../../support/temp-directory.ts';
import { withPools } from '../past.ts';

it('says how many changes it has found, and where, with each', async () => {
  await using directory = await tempDirectory();
  const log = openSqliteLog({ directory: directory.path, now: Date.now });
  await withPools(log, 6);
  await log.close();
  const past = sourcesOf(directory.path, Date.now);
  const wish = { to: { type: 'position', position: 3 }, scope: undefined } as const;
  const steps = LONG_ANSWERERS.restoration(wish, roomOf(past.sources(), new AbortController().signal));
  const said: unknown[] = [];
  let step = await steps.next();
  for (; step.done !== true; step = await steps.next()) said.push(step.value);
  past.close();
  expect(said).toEqual([
    { found: 1, at: 'pool-p3' },
    { found: 2, at: 'pool-p4' },
    { found: 3, at: 'pool-p5' },
  ]);
  expect(step.value).toMatchObject({ to: 3, at: 6, found: 3 });
});
