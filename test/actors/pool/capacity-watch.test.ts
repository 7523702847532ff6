/** What is recorded of pools that want more backends, and of which. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { keyOf, type Lease, type PoolLedger } from '../../../actors/index.ts';
import { pool, type Scene, startSystem } from '../../support/system.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

const BY = { author: 'test' };
const web = pool('web');
const ADDRESS = '127.0.0.1:9001';

let clock: VirtualClock;
let scene: Scene;
beforeEach(async () => {
  clock = new VirtualClock();
  scene = await startSystem(undefined, clock);
});
afterEach(() => scene.system.stop());

const put = (name: string, settings: object, backends: object) =>
  scene.system.desk.ask({ type: 'PutPool', pool: pool(name), settings, backends: backends as never }, BY);

/** Requests that come now; those that found a place can be ended. */
function requests(name: string, count: number): () => void {
  const ledger = scene.ledger.pool(keyOf(name)) as PoolLedger;
  const leases = Array.from({ length: count }, () =>
    ledger.checkout(clock.now(), [], { place: 0, granted() {}, refused() {} }, 0, 0, 0),
  );
  const held = leases.filter((lease): lease is Lease => typeof lease === 'object');
  return () => {
    for (const lease of held) ledger.checkin(lease, clock.now(), 'finished');
  };
}

async function wants() {
  const events = await scene.system.log.read({ limit: 1000 });
  return events.flatMap(({ type, stream, data }) => (type === 'CapacityWanted' ? [[stream, data]] : []));
}

it('a pool whose requests wait wants more, with what it has; one that is calm wants nothing', async () => {
  const { capacity } = scene.system;
  const backends = {
    a: { address: ADDRESS },
    b: { address: ADDRESS, maxConcurrency: 3 },
    c: { address: ADDRESS, state: 'draining' },
  };
  await put('web', { maxConcurrency: 2 }, backends);
  await put('calm', { maxConcurrency: 2 }, backends);
  requests('calm', 2);
  requests('web', 7);
  await clock.advance(5000);
  const want = { cause: 'saturated', forMs: 1500, waiting: 2, refused: 0, inFlight: 5 };
  const supply = { limit: 5, backends: 3, up: 2, starting: 0 };
  expect(await wants()).toEqual([['pool-web', { ...want, ...supply }]]);
  expect([...capacity.told]).toEqual([['web', 1]]);
  await clock.advance(60_000);
  expect(capacity.told.get(web)).toBe(3);
  expect(await wants()).toHaveLength(3);
  await scene.system.desk.ask({ type: 'RemovePool', pool: web }, BY);
  await clock.advance(60_000);
  expect([...capacity.told]).toEqual([]);
});

it('a pool that refuses since it has no backends says so at the next look, and once while nobody asks', async () => {
  await put('web', {}, {});
  requests('web', 3);
  await clock.advance(60_000);
  const want = { cause: 'no_backends', forMs: 0, waiting: 0, refused: 3, inFlight: 0 };
  const supply = { limit: 0, backends: 0, up: 0, starting: 0 };
  expect(await wants()).toEqual([['pool-web', { ...want, ...supply }]]);
});

it('a pool whose requests are served within two seconds wants nothing', async () => {
  await put('web', { maxConcurrency: 1 }, { a: { address: ADDRESS } });
  const end = requests('web', 2);
  await clock.advance(1200);
  end();
  await clock.advance(60_000);
  expect(await wants()).toEqual([]);
});
