/** What workers saw of backends: recorded, counted, and of no use where there is no such backend. */
import { afterEach, expect, it } from 'vitest';
import type { HealthNews } from '../../actors/backend/backend.machine.ts';
import { openSqliteLog } from '../../eventlog/index.ts';
import { eventually } from '../support/eventually.ts';
import { backend, pool, type Scene, startSystem } from '../support/system.ts';
import { type TempDirectory, tempDirectory } from '../support/temp-directory.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const BY = { author: 'test' };
const web = pool('web');
const one = backend('web.1');
const two = backend('web.2');
const ADDRESS = { address: '127.0.0.1:9001' };

let scene: Scene;
let clock: VirtualClock;
afterEach(() => scene.system.stop());

async function start(...ids: (typeof one)[]): Promise<Scene> {
  clock = new VirtualClock();
  scene = await startSystem(undefined, clock);
  await put(...ids);
  return scene;
}

/** A life over the log of a directory. */
async function startOver({ path }: TempDirectory, startMs?: number): Promise<void> {
  clock = new VirtualClock(startMs);
  scene = await startSystem(() => openSqliteLog({ directory: path, now: Date.now }), clock);
}

function put(...ids: (typeof one)[]) {
  const backends = Object.fromEntries(ids.map((id) => [id, ADDRESS]));
  return scene.system.desk.ask({ type: 'PutPool', pool: web, settings: {}, backends }, BY);
}

function refuses(id: typeof one, isNew = true) {
  const untilMs = clock.now() + 5000;
  scene.system.health.report({
    type: 'connect_failed',
    pool: web,
    backend: id,
    cause: 'connect_refused',
    untilMs,
    isNew,
  });
  return untilMs;
}

function tells(id: typeof one, news: HealthNews) {
  scene.system.health.report({ type: 'health_changed', pool: web, backend: id, news });
}

function recorded() {
  return scene.published.flat().filter(({ type }) => type !== 'PoolCreated' && type !== 'BackendAdded');
}

function isRecorded(events: number) {
  return eventually(() => recorded().length >= events, `${events} events`);
}

function watched(): string[] {
  const { actors } = scene.system.actors({ limit: 100 });
  return actors.filter(({ kind }) => kind === 'backend').map(({ id }) => id);
}

it('is recorded of the backend that it is about, and counted for its pool', async () => {
  const { system } = await start(one, two);
  const untilMs = refuses(two);
  const ejected = { route: '', untilMs: clock.now() + 900, level: 1 };
  tells(one, { type: 'ejected', ...ejected });
  for (let again = 0; again < 2; again++) refuses(two, false);
  tells(one, { type: 'probed', probes: 'failing' });
  await isRecorded(2);
  expect(recorded()).toMatchObject([
    { stream: 'pool-web', type: 'BackendQuarantined', data: { id: two, cause: 'connect_refused', untilMs } },
    { stream: 'pool-web', type: 'BackendHealthChanged', data: { id: one, ejections: [ejected] } },
  ]);
  const none = { withheld: 0, returned: 0, passing: 0 };
  expect(system.health.counts.get(web)).toEqual({ ...none, quarantined: 1, ejected: 1, failing: 1 });
});

it('is recorded after a restart of who takes it, if it came meanwhile, and once', async () => {
  const { system } = await start(one);
  await system.sabotage('health');
  tells(one, { type: 'ejected', route: '', untilMs: clock.now() + 60_000, level: 1 });
  await isRecorded(1);
  await clock.advance(2000);
  tells(one, { type: 'returned', route: '' });
  await isRecorded(2);
  await system.sabotage('health');
  await clock.advance(2000);
  await put(one, two);
  expect(recorded()).toMatchObject([{ data: { ejections: [{ route: '' }] } }, { data: { ejections: [] } }]);
});

it('is of no use where the backend or the pool has gone', async () => {
  const { system } = await start(one, two);
  expect(watched()).toEqual(['backend:web/web.1', 'backend:web/web.2']);
  await put(two);
  expect([watched(), [...system.health.pools()]]).toEqual([['backend:web/web.2'], [web]]);
  refuses(one);
  await system.desk.ask({ type: 'RemovePool', pool: web }, BY);
  refuses(two);
  await clock.settle();
  expect([watched(), [...system.health.pools()], [...system.health.counts]]).toEqual([[], [], []]);
  expect(recorded().map(({ type }) => type)).toEqual(['BackendRemoved', 'PoolRemoved']);
});

it('is still known after a restart of the machine that had it recorded', async () => {
  const { system } = await start(one);
  const untilMs = clock.now() + 60_000;
  const ejected = (route: string) => tells(one, { type: 'ejected', route, untilMs, level: 1 });
  ejected('a.example');
  await isRecorded(1);
  await system.sabotage('backend:web/web.1');
  await clock.advance(2000);
  ejected('b.example');
  await isRecorded(2);
  const routes = [{ route: 'a.example' }, { route: 'b.example' }];
  expect(recorded()[1]).toMatchObject({ data: { ejections: routes } });
});

it('is still known after a start over the log that has it', async () => {
  await using directory = await tempDirectory();
  const untilMs = 1_000_000_060_000;
  const ejected = (route: string) => tells(one, { type: 'ejected', route, untilMs, level: 1 });
  await startOver(directory);
  await put(one);
  tells(one, { type: 'probed', probes: 'failing' });
  await isRecorded(1);
  await clock.advance(2000);
  ejected('a.example');
  await isRecorded(2);
  await scene.system.stop();
  await startOver(directory);
  ejected('b.example');
  await isRecorded(1);
  const routes = [{ route: 'a.example' }, { route: 'b.example' }];
  expect(recorded()[0]).toMatchObject({ data: { ejections: routes, probes: 'failing' } });
});

it('is recorded also where the clock was set back by years since the last time', async () => {
  await using directory = await tempDirectory();
  for (const startMs of [2_000_000_000_000, 1_000_000_000_000]) {
    await startOver(directory, startMs);
    await put(one);
    const untilMs = refuses(one);
    await isRecorded(1);
    expect(recorded()).toMatchObject([{ type: 'BackendQuarantined', data: { untilMs } }]);
    await scene.system.stop();
  }
});

it('is not recorded of another address: not what waits to be recorded, nor beside what is learnt there', async () => {
  const { system } = await start(one, two);
  const untilMs = clock.now() + 60_000;
  const ejected = (route: string) => tells(one, { type: 'ejected', route, untilMs, level: 1 });
  refuses(two);
  ejected('a.example');
  const moved = { address: '127.0.0.1:9002' };
  await system.desk.ask({ type: 'PutBackend', pool: web, id: one, backend: moved }, BY);
  await clock.advance(2000);
  ejected('b.example');
  await isRecorded(3);
  expect(recorded()).toMatchObject([
    { type: 'BackendQuarantined', data: { id: two } },
    { type: 'BackendChanged', data: { id: one } },
    { type: 'BackendHealthChanged', data: { id: one, ejections: [{ route: 'b.example' }] } },
  ]);
});

it('is recorded again when its backend is changed where it is, since the log forgets it then', async () => {
  const { system } = await start(one);
  refuses(one);
  await isRecorded(1);
  await clock.advance(1000);
  tells(one, { type: 'probed', probes: 'failing' });
  await isRecorded(2);
  const change = (weight: number) =>
    system.desk.ask({ type: 'PutBackend', pool: web, id: one, backend: { ...ADDRESS, weight } }, BY);
  const [quarantined, failing] = recorded().map(({ type, data }) => ({ type, data }));
  await change(2);
  await isRecorded(5);
  expect(recorded().slice(3)).toMatchObject([quarantined, failing]);
  // The quarantine is over by then, and nothing is told of what is well.
  await clock.advance(5000);
  tells(one, { type: 'probed', probes: 'passing' });
  await isRecorded(6);
  await change(3);
  await change(4);
  expect(recorded().slice(6)).toMatchObject([{ type: 'BackendChanged' }, { type: 'BackendChanged' }]);
});

it('is recorded in two steps where many fail at once: who changes the pool meanwhile waits for no more', async () => {
  const ids = Array.from({ length: 40 }, (_, index) => backend(`many.${index}`));
  await start(...ids);
  const before = scene.published.length;
  for (const id of ids) refuses(id);
  await isRecorded(ids.length);
  const steps = scene.published.slice(before).map((events) => events.map(({ type }) => type));
  expect(steps).toEqual([['BackendQuarantined'], Array(ids.length - 1).fill('BackendQuarantined')]);
});
