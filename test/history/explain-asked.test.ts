/** Where a request would go, out of a journal and a log that are made by hand. */
import { expect, it } from 'vitest';
import { openSqliteLog } from '../../eventlog/index.ts';
import { type AskedStory, type AskedWish, LocalHistory, sourcesOf } from '../../src/history/index.ts';
import { append, domainCreated, domainOf, domainState, write } from '../eventlog/appends.ts';
import { tempDirectory } from '../support/temp-directory.ts';
import { RecordedWorld } from './recorded-world.ts';

const at = (port: number) => ({ address: `127.0.0.1:${port}` });

/** After what happens to pool `web`, `a.test` is made its domain. */
async function asked(
  directory: string,
  happens: (world: RecordedWorld) => Promise<unknown>,
  more: Partial<AskedWish> = {},
): Promise<AskedStory> {
  let nowMs = 0;
  {
    await using world = new RecordedWorld(directory, 1, 7);
    await world.create({}, { 'web.1': at(9001) });
    await happens(world);
    world.turn();
    nowMs = Math.ceil(world.nowMs);
  }
  await using log = openSqliteLog({ directory, now: () => nowMs });
  const made = write(domainOf('a.test'), 0, [domainCreated()], domainState('web', 1));
  await log.append(append([made], { commandId: 'the domain' }));
  const past = sourcesOf(directory, () => nowMs + 100);
  try {
    const wish = { host: 'a.test', path: '/', method: 'GET', headers: [], ...more };
    return await new LocalHistory(past).ask('explainAsked', wish);
  } finally {
    past.close();
  }
}

it('a pool that sleeps is told as it would be when it is woken', async () => {
  await using directory = await tempDirectory();
  const story = await asked(directory.path, async (world) => {
    world.ask();
    world.pass(10);
    world.finish('finished');
    world.pass(10);
    world.checkpoint();
    world.pass(1000);
    expect(await world.fallAsleep()).toBe(true);
    world.pass(100);
  });
  expect(story).toMatchObject({
    pool: 'web',
    backend: 'web.1',
    why: 'web.1 was the only one that could be had',
    notes: ['the pool sleeps, since nobody has used it for long: backends are shown as when it is woken'],
  });
});
