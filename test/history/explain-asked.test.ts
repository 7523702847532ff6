/** Where a request would go, out of a journal and a log that are made by hand. */
import { expect, it } from 'vitest';
import {
  type BackendId,
  type Json,
  openSqliteLog,
  type PoolEvent,
  type PoolName,
  type SparseBackend,
  type SparseDomain,
  type SparsePool,
} from '../../eventlog/index.ts';
import { type AskedStory, type AskedWish, LocalHistory, sourcesOf } from '../../src/history/index.ts';
import { CompiledRoute } from '../../src/proxy/index.ts';
import { append, domainOf, write } from '../eventlog/appends.ts';
import { RUN } from '../eventlog/journal/desk.ts';
import { tempDirectory } from '../support/temp-directory.ts';
import { RecordedWorld } from './recorded-world.ts';

type Setting = {
  readonly domain?: Partial<SparseDomain>;
  readonly pool?: SparsePool;
  readonly wish?: Partial<AskedWish>;
};

const at = (port: number) => ({ address: `127.0.0.1:${port}` });

/** Domain `a.test` of pool `web`, and what happens to that; what is told just after it. */
async function asked(
  directory: string,
  happens: (world: RecordedWorld) => Promise<unknown>,
  { domain = {}, pool = {}, wish = {} }: Setting = {},
): Promise<AskedStory> {
  const settings = { pool: 'web' as PoolName, ...domain };
  const current = { settings, version: 1 } as unknown as Json;
  const made = write(domainOf('a.test'), 0, [{ type: 'DomainCreated', data: { settings } }], current);
  {
    await using log = openSqliteLog({ directory, now: () => RUN });
    await log.append(append([made], { commandId: 'the domain' }));
  }
  await using world = new RecordedWorld(directory, 1, 7);
  await world.create(pool, { 'web.1': at(9001) });
  await happens(world);
  world.turn();
  return explained(directory, wish, Math.ceil(world.nowMs) + 100);
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
    why: 'web.1 was the only one available',
    notes: ['the pool sleeps, since nobody has used it for long: backends are shown as when it is woken'],
  });
});

it('a pool that slept and was woken is told as it is', async () => {
  await using directory = await tempDirectory();
  const story = await asked(directory.path, async (world) => {
    world.ask();
    world.pass(10);
    world.finish('finished');
    world.pass(10);
    world.checkpoint();
    world.pass(1000);
    await world.sleep();
    world.ask();
    world.pass(100);
  });
  expect(story).toMatchObject({ backend: 'web.1', notes: [], sight: { candidates: [{ inFlight: 1 }] } });
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

// 999: it is the first of the first page that is read.
it.each([999, 2500])(
  'the last change is somebody’s, even if the router has found %i things since',
  async (times) => {
    await using directory = await tempDirectory();
    const { changes } = await asked(directory.path, async (world) => {
      const quarantined = (untilMs: number): PoolEvent => {
        const data = { id: 'web.1' as never, cause: 'connect_refused' as const, untilMs };
        return { type: 'BackendQuarantined', data };
      };
      await world.happen(...Array.from({ length: times }, (_, at) => quarantined(RUN + at)));
    });
    expect(changes.last).toMatchObject({ type: 'BackendAdded', stream: 'pool-web' });
  },
);

const nothing = async () => {};

it.each<[string, Setting, object]>([
  [
    'a route that redirects',
    {
      domain: {
        routes: [{ match: { pathPrefix: '/' }, redirect: { status: 308, location: 'https://b.test/' } }],
      },
    },
    { pool: null, why: 'route 0 redirects it' },
  ],
  [
    'a route that splits',
    {
      domain: {
        routes: [
          {
            match: { pathPrefix: '/' },
            split: [
              { pool: 'web' as PoolName, weight: 9 },
              { pool: 'new' as PoolName, weight: 1 },
            ],
          },
        ],
      },
    },
    { pool: null, why: 'route 0 splits it by weight: web 9, new 1' },
  ],
  [
    'a pool that does not exist',
    { domain: { pool: 'old' as PoolName } },
    { pool: 'old', why: 'there is no pool old: H14' },
  ],
  ['another host', { wish: { host: 'b.test' } }, { domain: null, why: 'no domain serves this host: 404' }],
])('of %s is told why it goes nowhere, whichever backend is asked about', async (_, setting, expected) => {
  await using directory = await tempDirectory();
  const story = await asked(directory.path, nothing, {
    ...setting,
    wish: { ...setting.wish, whyNot: 'web.1' },
  });
  expect(story).toMatchObject({ backend: null, sight: null, ...expected });
  expect(story.whyNot).toBe(`no backend is picked: ${story.why}`);
});

it('of a domain in maintenance is told what its pool would do without', async () => {
  await using directory = await tempDirectory();
  const setting = { domain: { maintenance: true }, wish: { whyNot: 'web.1' } };
  expect(await asked(directory.path, nothing, setting)).toMatchObject({
    pool: 'web',
    backend: null,
    why: 'a.test is in maintenance: H80',
    whyNot: 'web.1 is available, but no backend is picked: a.test is in maintenance: H80',
  });
});

const id = 'web.1' as BackendId;
const ALL_MAY_BE_OUT = { health: { passive: { maxEjectedPercent: 100 } } };
const isOut = (untilMs: number): PoolEvent => ({
  type: 'BackendQuarantined',
  data: { id, cause: 'connect_refused', untilMs },
});
const isEjected = (route: string, untilMs: number): PoolEvent => ({
  type: 'BackendHealthChanged',
  data: { id, withheld: [], probes: 'passing', ejections: [{ route, untilMs, level: 1 }] },
});
const LATER_MS = RUN + 60_000;
const LATER = new Date(LATER_MS).toISOString();
const changed = (backend: SparseBackend): PoolEvent => ({ type: 'BackendChanged', data: { id, backend } });

it.each<[string, (world: RecordedWorld) => Promise<unknown>, Setting, object]>([
  [
    'busy',
    async (world) => world.ask(),
    { pool: { maxConcurrency: 1 } },
    { why: 'no backend is available now; it would wait', whyNot: 'web.1 is unavailable: at its limit, 1/1' },
  ],
  [
    'busy, and nobody may wait',
    async (world) => world.ask(),
    { pool: { maxConcurrency: 1, queue: { maxWaiting: 0 } } },
    {
      why: 'no backend is available now; the queue is full: H11',
      whyNot: 'web.1 is unavailable: at its limit, 1/1',
    },
  ],
  [
    'quarantined',
    (world) => world.happen(isOut(LATER_MS)),
    {},
    {
      why: 'no backend is available now; it would wait',
      whyNot: `web.1 is unavailable: quarantined, until ${LATER}`,
    },
  ],
  [
    'ejected',
    (world) => world.happen(isEjected('', LATER_MS)),
    { pool: ALL_MAY_BE_OUT },
    {
      why: 'no backend is available now; it would wait',
      whyNot: `web.1 is unavailable: ejected, until ${LATER}`,
    },
  ],
  [
    'starting',
    (world) => world.happen(changed({ ...at(9001), state: 'starting' })),
    {},
    { why: 'no backend is up; some are starting: H20', whyNot: 'web.1 is unavailable: starting' },
  ],
])('where the only backend is %s, it is told so', async (_, happens, setting, expected) => {
  await using directory = await tempDirectory();
  const story = await asked(
    directory.path,
    async (world) => {
      world.checkpoint();
      await happens(world);
      // A ledger ejects before its owner knows, unless it begins with what that knows.
      await world.sleep();
      world.pass(10);
    },
    { ...setting, wish: { whyNot: 'web.1' } },
  );
  expect(story).toMatchObject({ pool: 'web', backend: null, ...expected });
});

it('a backend that fails for one route is told to for that route alone', async () => {
  await using directory = await tempDirectory();
  const route = { match: { pathPrefix: '/api' }, pool: 'web' as PoolName };
  const { name } = new CompiledRoute('a.test', route, 0);
  const whyNot = 'web.1';
  const ofRoute = await asked(
    directory.path,
    async (world) => {
      world.checkpoint();
      await world.happen(isEjected(name, LATER_MS));
      await world.sleep();
      world.pass(10);
    },
    { domain: { routes: [route] }, pool: ALL_MAY_BE_OUT, wish: { path: '/api/cart', whyNot } },
  );
  expect(ofRoute).toMatchObject({
    route: { route: 0 },
    backend: null,
    whyNot: `web.1 is unavailable: failing for this route, until ${LATER}`,
  });
  const asOf = { type: 'time', ms: RUN + 10 } as const;
  expect(await explained(directory.path, { path: '/', whyNot, at: asOf })).toMatchObject({
    route: { route: -1 },
    backend: 'web.1',
  });
});

it('a pool is as whoever has its ledger says it is, where one asks about now', async () => {
  await using directory = await tempDirectory();
  let checkpoint: Uint8Array = new Uint8Array();
  await asked(directory.path, async (world) => {
    world.checkpoint();
    world.turn();
    world.pass(50);
    world.ask();
    checkpoint = world.glimpse();
    // What the journal has by now is not what it had then.
    world.finish('finished');
  });
  const inFlight = async (wish: Partial<AskedWish>) =>
    (await explained(directory.path, wish, RUN + 100)).sight?.candidates[0]?.inFlight;
  const live = { pool: 'web', checkpoint };
  expect(await inFlight({ live })).toBe(1);
  expect(await inFlight({ live: { ...live, pool: 'other' } })).toBe(0);
  expect(await inFlight({ live, at: { type: 'time', ms: RUN } })).toBe(0);
});

it('a pool is told as it was, and not as if its backends had moved: what it had learnt of them is known', async () => {
  await using directory = await tempDirectory();
  let [live, ms] = [new Uint8Array(), 0];
  const learn = async (world: RecordedWorld) => {
    await world.happen({ type: 'BackendAdded', data: { id: 'web.2' as BackendId, backend: at(9002) } });
    for (let turn = 0; turn < 10; turn++) {
      world.ask();
      world.pass(7);
      world.finish('finished');
    }
    world.checkpoint();
    world.pass(1000);
    world.ask();
    world.quarantine('web.2', 5000);
    [live, ms] = [world.glimpse().slice(), Math.ceil(world.nowMs) + 1];
    world.pass(10);
    world.expire();
  };
  await asked(directory.path, learn, { pool: { policy: 'peak-ewma' } });
  const then = await explained(directory.path, { at: { type: 'time', ms } });
  const alive = await explained(directory.path, { live: { pool: 'web', checkpoint: live } }, ms);
  expect(then.sight?.candidates).toMatchObject([{ against: undefined }, { against: 'quarantined' }]);
  expect(then.sight).toEqual(alive.sight);
  expect(then.notes).toEqual([]);
});

it('what is not known of who would ask is said', async () => {
  await using directory = await tempDirectory();
  const pool = { policy: 'consistent-hash', affinity: { cookie: 'home' } } as const;
  const { notes } = await asked(directory.path, async (world) => world.checkpoint(), { pool });
  expect(notes).toEqual([
    'hash keys need the router’s secret: answered as if the request had no key',
    'answered as for a new client, without an affinity cookie',
  ]);
});
