/** Where a request would go, out of a journal and a log that are made by hand. */
import { expect, it } from 'vitest';
import { openSqliteLog, type PoolEvent } from '../../eventlog/index.ts';
import { type AskedStory, type AskedWish, LocalHistory, sourcesOf } from '../../src/history/index.ts';
import { append, domainCreated, domainOf, domainState, write } from '../eventlog/appends.ts';
import { RUN } from '../journal/desk.ts';
import { tempDirectory } from '../support/temp-directory.ts';
import { RecordedWorld } from './recorded-world.ts';

const at = (port: number) => ({ address: `127.0.0.1:${port}` });

/** Domain `a.test` of pool `web`, and what happens to that; what is told just after it. */
async function asked(
  directory: string,
  happens: (world: RecordedWorld) => Promise<unknown>,
): Promise<AskedStory> {
  const made = write(domainOf('a.test'), 0, [domainCreated()], domainState('web', 1));
  {
    await using log = openSqliteLog({ directory, now: () => RUN });
    await log.append(append([made], { commandId: 'the domain' }));
  }
  await using world = new RecordedWorld(directory, 1, 7);
  await world.create({}, { 'web.1': at(9001) });
  await happens(world);
  world.turn();
  return explained(directory, {}, Math.ceil(world.nowMs) + 100);
}

async function explained(directory: string, more: Partial<AskedWish>, nowMs = 0): Promise<AskedStory> {
  const past = sourcesOf(directory, () => nowMs);
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

it('at the position of a change, what it changed is so, though its ledger knew of it a moment later', async () => {
  await using directory = await tempDirectory();
  let position = 0;
  const happens = async (world: RecordedWorld) => {
    world.ask();
    world.checkpoint();
    // Events have whole milliseconds, operations the moment.
    world.pass(1000.5);
    position = await world.happen({
      type: 'BackendAdded',
      data: { id: 'web.2' as never, backend: at(9002) },
    });
    world.pass(10);
    world.ask();
  };
  await asked(directory.path, happens);
  const then = await explained(directory.path, { at: { type: 'position', position }, whyNot: 'web.2' });
  expect(then).toMatchObject({
    backend: 'web.2',
    whyNot: 'web.2 is the one that would be picked',
    notes: [],
  });
  const before = { type: 'position', position: position - 1 } as const;
  expect(await explained(directory.path, { at: before, whyNot: 'web.2' })).toMatchObject({
    backend: 'web.1',
    whyNot: 'the pool has no backend web.2',
  });
});

it('the last change is somebody’s, however often the router has found something since', async () => {
  await using directory = await tempDirectory();
  const { changes } = await asked(directory.path, async (world) => {
    const quarantined = (untilMs: number): PoolEvent => {
      const data = { id: 'web.1' as never, cause: 'connect_refused' as const, untilMs };
      return { type: 'BackendQuarantined', data };
    };
    await world.happen(...Array.from({ length: 2500 }, (_, at) => quarantined(RUN + at)));
  });
  expect(changes.last).toMatchObject({ type: 'BackendAdded', stream: 'pool-web' });
});
