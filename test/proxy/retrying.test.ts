import { describe, expect, it } from 'vitest';
import { keyOf } from '../../actors/index.ts';
import type { SparsePool } from '../../eventlog/index.ts';
import type { BackendRoute } from '../../src/proxy/index.ts';
import { eventually } from '../support/eventually.ts';
import type { PlaneUnderTest } from '../support/plane-under-test.ts';
import { isTaken } from '../support/raw-client.ts';
import { backendThat, deadPort, GET, post, routerOver } from '../support/routed.ts';
import { ok, type Script, type ScriptedBackend } from '../support/scripted-backend.ts';

const closes: Script = (_, connection) => void connection.end();
const resets: Script = (_, connection) => void connection.reset();

/** Round robin, so that the one that fails is asked first or second, and every second time. */
async function overTwo(
  failing: Script,
  retries: SparsePool['retries'] = {},
  pool: SparsePool = {},
  now?: () => number,
): Promise<{ router: PlaneUnderTest; bad: ScriptedBackend; good: ScriptedBackend }> {
  const bad = await backendThat(failing);
  const good = await backendThat(() => ok('good'));
  const backends = { 'web.1': { port: bad.port }, 'web.2': { port: good.port } };
  const wish = { backends, pool: { policy: 'round-robin', ...pool, retries } } as const;
  const router = await routerOver(now === undefined ? wish : { ...wish, now });
  return { router, bad, good };
}

async function statuses(router: PlaneUnderTest, request: string, times: number): Promise<number[]> {
  const found = await statusesOf(router, request, times);
  await eventually(() => router.isQuiet, 'every lease given back');
  return found;
}

async function statusesOf(router: PlaneUnderTest, request: string, times: number): Promise<number[]> {
  const found: number[] = [];
  for (let i = 0; i < times; i++) found.push((await (await router.connect()).request(request)).status);
  return found;
}

describe('an idempotent request whose backend closed without a word', () => {
  it.each([
    ['closes', closes],
    ['resets', resets],
  ] as const)('goes to another backend when the first %s', async (_, failing) => {
    const { router, bad } = await overTwo(failing, { budgetPercent: 100 });
    expect(await statuses(router, GET, 4)).toEqual([200, 200, 200, 200]);
    expect(bad.connections.length).toBeGreaterThan(0);
    expect(router.plane.counters.retries).toBe(bad.connections.length);
  });

  it('takes its small body along', async () => {
    const bodies: string[] = [];
    const bad = await backendThat(closes);
    const good = await backendThat((request) => {
      bodies.push(request.body);
      return ok();
    });
    const backends = { 'web.1': { port: bad.port }, 'web.2': { port: good.port } };
    const router = await routerOver({
      backends,
      pool: { policy: 'round-robin', retries: { budgetPercent: 100 } },
    });
    const put = post('hello').replace('POST', 'PUT');
    expect(await statuses(router, put, 4)).toEqual([200, 200, 200, 200]);
    expect(bodies).toEqual(['hello', 'hello', 'hello', 'hello']);
  });

  it('takes along what it goes on to send, and no more is taken from it while it waits than is held', async () => {
    const one = await backendThat();
    const two = await backendThat();
    const router = await routerOver({
      backends: { 'web.1': { port: one.port }, 'web.2': { port: two.port } },
      pool: { policy: 'round-robin', maxConcurrency: 1 },
    });
    const body = 'x'.repeat(30_000_000);
    const client = await router.connect();
    client.send(post(body).replace('POST', 'PUT').slice(0, 1000));
    await eventually(() => one.connections.length + two.connections.length === 1, 'a connection');
    const [first, second] = one.connections.length === 1 ? [one, two] : [two, one];
    const failing = await first.accept();
    await failing.takeHead();
    const other = (await router.connect()).send(GET);
    const busy = await second.accept();
    await busy.takeRequest();
    failing.end();
    await eventually(() => router.waiting === 1, 'a waiter');
    const rest = post(body).replace('POST', 'PUT').slice(1000);
    expect(await isTaken(client, rest)).toBe(false);
    busy.send(ok());
    expect((await other.response()).status).toBe(200);
    await busy.takeHead();
    await eventually(() => busy.received.length === body.length, 'all of the body');
    busy.send(ok('all of it'));
    expect((await client.response()).body).toBe('all of it');
  });

  it('ends as H13 when every backend has closed on it', async () => {
    const { router } = await overTwo(closes);
    const [bad, worse] = [await backendThat(closes), await backendThat(closes)];
    const both = await routerOver({
      backends: { 'web.1': { port: bad.port }, 'web.2': { port: worse.port } },
    });
    const response = await (await both.connect()).request(GET);
    expect(response.status).toBe(503);
    expect(response.body).toContain('H13');
    expect(bad.connections.length + worse.connections.length).toBe(2);
    expect(both.plane.counters.retries).toBe(1);
    expect(router.isQuiet).toBe(true);
  });

  it('waits for one that is out, where it has tried all others, and that failing is quarantined: H34', async () => {
    const { router, good } = await overTwo(closes, {}, { queue: { maxWaitMs: 1000 } });
    const quarantine = (forMs: number) =>
      router.ledger.pool(keyOf('web'))?.quarantine(keyOf('web.2'), Date.now(), Date.now() + forMs);
    quarantine(300);
    expect((await (await router.connect()).request(GET)).status).toBe(200);
    expect(good.requests).toHaveLength(1);
    quarantine(60_000);
    expect((await (await router.connect()).request(GET)).body).toContain('H34');
    expect(good.requests).toHaveLength(1);
  });

  it('is no retry where there is nobody else, and costs the budget nothing', async () => {
    const bad = await backendThat(closes);
    const router = await routerOver({ backends: { 'web.1': { port: bad.port } } });
    expect(await statuses(router, GET, 6)).toEqual([503, 503, 503, 503, 503, 503]);
    expect(bad.connections.length).toBe(6);
    expect(router.plane.counters).toMatchObject({ retries: 0, retriesDenied: 0 });
  });

  it('is not denied where there is nobody else, even without a budget', async () => {
    const { port } = await backendThat(closes);
    const router = await routerOver({
      backends: { 'web.1': { port } },
      pool: { retries: { statuses: [503], budgetPercent: 0 } },
    });
    expect(await statuses(router, GET, 4)).toEqual([503, 503, 503, 503]);
    expect(router.plane.counters.retriesDenied).toBe(0);
  });

  it('goes nowhere else when the pool does not want it, or has tried enough', async () => {
    for (const retries of [{ idempotent: false }, { budgetPercent: 0 }, { attempts: 1 }]) {
      const { router } = await overTwo(closes, retries);
      expect((await statuses(router, GET, 4)).sort()).toEqual([200, 200, 503, 503]);
      expect(router.plane.counters.retries).toBe(0);
    }
  });

  it('is within the budget of its pool: three, or the share of what ended lately', async () => {
    const bad = await backendThat(closes);
    const worse = await backendThat(closes);
    const router = await routerOver({
      backends: { 'web.1': { port: bad.port }, 'web.2': { port: worse.port } },
    });
    await statuses(router, GET, 12);
    expect(router.plane.counters.retries).toBe(3);
    // Those three ended with nobody left to try: nothing was denied them.
    expect(router.plane.counters.retriesDenied).toBe(9);
  });
});

describe('a request that is not idempotent', () => {
  it('is delivered once, whatever becomes of it', async () => {
    const { router, bad, good } = await overTwo(closes, { budgetPercent: 100 });
    const found = await statuses(router, post('hello'), 4);
    expect(found.sort()).toEqual([200, 200, 503, 503]);
    expect(bad.requests.length + good.requests.length).toBe(4);
    expect(router.plane.counters.retries).toBe(0);
  });
});

const unavailable: Script = () => 'HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nbusy';

// Whoever answers has all of it.
const FIRST_BYTE_MS = 5000;

/** A clock that runs as ours does, and is set forward for as long as a silent backend would have to be waited for. */
function withSilence() {
  let skippedMs = 0;
  const skip = () => {
    skippedMs += FIRST_BYTE_MS;
  };
  const silent: Script = () => void skip();
  return { silent, skip, now: () => performance.timeOrigin + performance.now() + skippedMs };
}

describe('an answer whose status is listed for retries', () => {
  const retries = { statuses: ['500-599'], budgetPercent: 100 };

  it('is not passed on while another backend is free, small body and limits included', async () => {
    for (const maxConcurrency of [null, 1]) {
      // What a connection closed without a word allows is another matter.
      const { router, good } = await overTwo(
        unavailable,
        { ...retries, idempotent: false },
        { maxConcurrency },
      );
      expect(await statuses(router, GET, 4)).toEqual([200, 200, 200, 200]);
      expect(await statuses(router, post('hello').replace('POST', 'PUT'), 4)).toEqual([200, 200, 200, 200]);
      expect(good.requests.filter(({ body }) => body === 'hello')).toHaveLength(4);
      expect(router.plane.counters.retries).toBeGreaterThan(0);
    }
  });

  it('stands when it answers what is not idempotent, which is delivered once', async () => {
    const { router, bad, good } = await overTwo(unavailable, retries);
    for (const body of ['hello', ''])
      expect((await statuses(router, post(body), 4)).sort()).toEqual([200, 200, 503, 503]);
    expect(bad.requests.length + good.requests.length).toBe(8);
  });

  it('stands when it answers more than is held, whole', async () => {
    const { router, bad, good } = await overTwo(unavailable, retries);
    const put = post('x'.repeat(200_000)).replace('POST', 'PUT');
    expect((await statuses(router, put, 4)).sort()).toEqual([200, 200, 503, 503]);
    expect([...bad.requests, ...good.requests].map(({ body }) => body.length)).toEqual(
      Array.from({ length: 4 }, () => 200_000),
    );
  });

  it('stands where there is no other backend, and takes nothing from the budget', async () => {
    const { port } = await backendThat(unavailable);
    const router = await routerOver({
      backends: { 'web.1': { port } },
      pool: { retries: { statuses: [503] } },
    });
    expect(new Set(await statuses(router, GET, 6))).toEqual(new Set([503]));
    expect(router.plane.counters).toMatchObject({ retries: 0, retriesDenied: 0 });
  });

  it('stands where the other backend has just left, or its drain is over, and the ledger has yet to hear of it', async () => {
    for (const leave of [
      (router: PlaneUnderTest) => void router.backends.delete(keyOf('web.2')),
      (router: PlaneUnderTest) => {
        const route = router.backends.get(keyOf('web.2')) as BackendRoute;
        router.backends.set(route.key, { ...route, cutAtMs: 1 });
      },
    ]) {
      const { router, good } = await overTwo(unavailable, { ...retries, budgetPercent: 1 });
      leave(router);
      const client = await router.connect();
      for (let i = 0; i < 6; i++) {
        const { status, body } = await client.request(GET);
        expect([status, body]).toEqual([503, 'busy']);
      }
      await eventually(() => router.isQuiet, 'every lease given back');
      expect(good.connections).toEqual([]);
      expect(router.plane.counters).toMatchObject({ retries: 0, retriesDenied: 0 });
    }
  });

  it('is gone once another backend was asked: what that leads to counts, as of all attempts the last', async () => {
    const bad = await backendThat(unavailable);
    const good = await backendThat(() => ok('good'));
    const dead = { port: await deadPort() };
    const backends = { 'web.1': { port: bad.port }, 'web.2': dead };
    const pool = { policy: 'round-robin', retries, health: { passive: false } } as const;
    const two = await routerOver({ backends, pool });
    const answers = await Promise.all([1, 2].map(async () => (await two.connect()).request(GET)));
    expect(answers.map(({ body }) => /H21|busy/.exec(body)?.[0]).sort()).toEqual(['H21', 'busy']);
    expect(bad.requests.length).toBe(2);
    const three = await routerOver({ backends: { ...backends, 'web.3': { port: good.port } }, pool });
    expect(await statuses(three, GET, 6)).toEqual([200, 200, 200, 200, 200, 200]);
  });

  it('stands when all answer so, or the budget is spent', async () => {
    const [bad, worse] = [await backendThat(unavailable), await backendThat(unavailable)];
    const router = await routerOver({
      backends: { 'web.1': { port: bad.port }, 'web.2': { port: worse.port } },
      pool: { retries },
    });
    const client = await router.connect();
    const answer = await client.request(GET);
    expect([answer.status, answer.body]).toEqual([503, 'busy']);
    expect(bad.requests.length + worse.requests.length).toBe(2);
    const { router: poor } = await overTwo(unavailable, { ...retries, budgetPercent: 0 });
    expect((await statuses(poor, GET, 4)).sort()).toEqual([200, 200, 503, 503]);
  });
});

describe('an idempotent request that is not answered in time', () => {
  const timeouts = { firstByteMs: FIRST_BYTE_MS, abortLingerMs: 50 };

  it('goes to another backend where the pool says so', async () => {
    for (const maxConcurrency of [null, 1]) {
      const retries = { firstByteTimeouts: true, budgetPercent: 100 };
      const { silent, now } = withSilence();
      const { router } = await overTwo(silent, retries, { timeouts, maxConcurrency }, now);
      expect(await statuses(router, GET, 4)).toEqual([200, 200, 200, 200]);
      expect((await statuses(router, post('once'), 2)).sort()).toEqual([200, 503]);
    }
  });

  it('keeps the place of the first, where that has a limit, until it has closed', async () => {
    const { skip, now } = withSilence();
    const first = await backendThat();
    const second = await backendThat(() => ok('good'));
    const router = await routerOver({
      now,
      backends: { 'web.1': { port: first.port, maxConcurrency: 1 }, 'web.2': { port: second.port } },
      pool: {
        policy: 'round-robin',
        retries: { firstByteTimeouts: true, budgetPercent: 100 },
        timeouts: { firstByteMs: FIRST_BYTE_MS, abortLingerMs: 60_000 },
      },
    });
    const answers = statusesOf(router, GET, 2);
    const connection = await first.accept();
    await connection.takeRequest();
    skip();
    expect(await answers).toEqual([200, 200]);
    await connection.ends();
    expect(await statusesOf(router, GET, 3)).toEqual([200, 200, 200]);
    expect([first.connections.length, router.inFlight()['web.1']]).toEqual([1, 1]);
    connection.end();
    await eventually(() => router.isQuiet, 'its place given back');
  });

  it('ends as H12 where it does not', async () => {
    const { silent, now } = withSilence();
    const { router } = await overTwo(silent, {}, { timeouts }, now);
    expect((await statuses(router, GET, 2)).sort()).toEqual([200, 503]);
  });
});
