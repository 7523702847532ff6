import { describe, expect, it } from 'vitest';
import {
  attachArena,
  type ConnectionClaims,
  keyOf,
  type Lease,
  type PoolLedger,
} from '../../actors/index.ts';
import { blackHole } from '../support/black-hole.ts';
import { eventually, pause } from '../support/eventually.ts';
import type { PlaneUnderTest } from '../support/plane-under-test.ts';
import type { RawClient } from '../support/raw-client.ts';
import { backendThat, closing, deadPort, GET, get, routed, routerOver } from '../support/routed.ts';
import { ok } from '../support/scripted-backend.ts';

/** By another worker. */
function leasedElsewhere({ ledger }: PlaneUnderTest): { elsewhere: PoolLedger; lease: Lease } {
  const elsewhere = attachArena(ledger.shared, ledger.enlist(), () => {}).pool(keyOf('web')) as PoolLedger;
  const waiter = { place: 0, granted() {}, refused() {} };
  return { elsewhere, lease: elsewhere.checkout(Date.now(), [], waiter, 0, 0, 0) as Lease };
}

/** A connection that another worker keeps, until it closes it. */
function idleElsewhere(router: PlaneUnderTest): { close(): void } {
  const { elsewhere, lease } = leasedElsewhere(router);
  const claims = elsewhere.claims as ConnectionClaims;
  expect([claims.open(lease.row, false), claims.rest(lease.row)]).toEqual([true, true]);
  elsewhere.checkin(lease, Date.now(), 'finished', -1);
  return {
    close: () => {
      claims.closing(lease.row);
      claims.closed(lease.row);
      router.plane.deliver();
    },
  };
}

describe('a backend with a limit', () => {
  it('never sees more connections than its limit, busy and idle together', async () => {
    const { router, backend } = await routed(
      async () => {
        await new Promise((resolve) => {
          setTimeout(resolve, 2);
        });
        return ok();
      },
      {},
      3,
    );
    const clients = await Promise.all(Array.from({ length: 20 }, () => router.connect()));
    await Promise.all(
      clients.map(async (client) => {
        for (let i = 0; i < 10; i++) {
          const method = i % 2 === 0 ? 'GET' : 'POST';
          expect((await client.request(GET.replace('GET', method))).status).toBe(200);
        }
      }),
    );
    expect(backend.mostOpen).toBe(3);
    expect(router.isQuiet).toBe(true);
  });

  it.each([1, 2, 3])(
    'of %i has one limit for two workers, whose idle connections make room for each other',
    async (limit) => {
      const backend = await backendThat(async () => {
        await pause(2);
        return ok();
      });
      const one = await routerOver({
        backends: { 'web.1': { port: backend.port, maxConcurrency: limit } },
        pool: { timeouts: { upstreamKeepAliveMs: 30, abortLingerMs: 5000 } },
      });
      const both = [one, closing(await one.beside())];
      const ask = async (router: PlaneUnderTest, times: number, pauseMs: number): Promise<void> => {
        const client = await router.connect();
        for (let i = 0; i < times; i++) {
          expect((await client.request(GET)).status).toBe(200);
          await pause(i % 3 === 0 ? pauseMs : 0);
          if (i % 4 === 3) (await router.connect()).send(GET).close();
        }
        client.close();
      };
      // Some leave while they wait, and some connections idle until their time is over.
      await Promise.all(both.flatMap((router) => [0, 5, 20, 45].map((pauseMs) => ask(router, 12, pauseMs))));
      await eventually(() => both.every((router) => router.isQuiet), 'quiet');
      await eventually(() => backend.open === 0, 'all too long idle');
      // Then each in turn can have all there is, and takes no more of the other's than it needs.
      for (const router of [...both, ...both])
        await Promise.all(Array.from({ length: limit }, () => ask(router, 1, 0)));
      expect(backend.mostOpen).toBe(limit);
      // And keeps what nobody else wants, unless this process stands still for as long as one may be idle.
      const opened = async () => {
        const before = backend.connections.length;
        await ask(one, 3, 0);
        return backend.connections.length - before;
      };
      await expect.poll(opened, { interval: 0 }).toBeLessThanOrEqual(1);
    },
  );

  it('closes for another worker as many as that needs, one that is just answered if it comes first', async () => {
    const backend = await backendThat();
    const one = await routerOver({ backends: { 'web.1': { port: backend.port, maxConcurrency: 3 } } });
    const two = closing(await one.beside());
    // What the other kept and its backend closed counts no more.
    const former = (await two.connect()).send(GET);
    const closed = await backend.accept();
    await closed.takeRequest();
    closed.send(ok());
    expect((await former.response()).status).toBe(200);
    await closed.end().ends();
    const clients = [await one.connect(), await one.connect(), await one.connect()];
    for (const client of clients) client.send(GET);
    const [first, second, third] = [await backend.accept(), await backend.accept(), await backend.accept()];
    for (const connection of [first, second, third]) await connection.takeRequest();
    for (const connection of [first, second]) connection.send(ok());
    await eventually(() => one.inFlight()['web.1'] === 1, 'two idle');
    const other = (await two.connect()).send(GET);
    await eventually(() => first.ended || second.ended, 'the end of one');
    third.send(ok());
    await third.ends();
    third.end();
    const next = await backend.accept();
    await next.takeRequest();
    next.send(ok());
    expect((await other.response()).status).toBe(200);
    await pause(20);
    expect([first, second].filter(({ ended }) => ended)).toHaveLength(1);
  });

  it('whose room is waited for by nobody any more is given back at once', async () => {
    const { router } = await routed(() => ok(), { pool: { timeouts: { abortLingerMs: 5000 } } }, 1);
    const idling = idleElsewhere(router);
    const client = (await router.connect()).send(GET);
    await eventually(() => router.inFlight()['web.1'] === 1, 'a lease');
    client.close();
    await eventually(() => router.isQuiet, 'the lease given back', 4000);
    idling.close();
  });

  it('is waited for in the order of arrival', async () => {
    const served: string[] = [];
    const { router, backend } = await routed(undefined, {}, 1);
    const clients: RawClient[] = [];
    for (let i = 0; i < 6; i++) {
      const client = await router.connect();
      client.send(get(`/${i}`));
      await eventually(() => router.inFlight()['web.1'] === 1 && router.waiting === i, 'its place');
      clients.push(client);
    }
    const connection = await backend.accept();
    for (const client of clients) {
      served.push((await connection.takeRequest()).target);
      connection.send(ok());
      expect((await client.response()).status).toBe(200);
    }
    expect(served).toEqual(['/0', '/1', '/2', '/3', '/4', '/5']);
    expect(backend.connections.length).toBe(1);
  });

  it('whose queue is full refuses at once: H11, outcome queue_full', async () => {
    const { router, backend } = await routed(
      undefined,
      { pool: { queue: { maxWaiting: 1 } }, accessLog: 'logfmt' },
      1,
    );
    const first = (await router.connect()).send(GET);
    await eventually(() => router.inFlight()['web.1'] === 1, 'a lease');
    const second = (await router.connect()).send(GET);
    await eventually(() => router.waiting === 1, 'a waiter');
    const third = await router.connect();
    expect((await third.request(GET)).body).toContain('H11');
    await eventually(() => router.log.includes('outcome=queue_full'), 'a line');
    const connection = await backend.accept();
    for (const client of [first, second]) {
      await connection.takeRequest();
      connection.send(ok());
      expect((await client.response()).status).toBe(200);
    }
  });

  it('that stays busy too long: H11, outcome queue_timeout, not before the time', async () => {
    const { router } = await routed(
      undefined,
      { pool: { queue: { maxWaitMs: 100 } }, accessLog: 'logfmt' },
      1,
    );
    (await router.connect()).send(GET);
    await eventually(() => router.inFlight()['web.1'] === 1, 'a lease');
    const client = await router.connect();
    const before = performance.now();
    expect((await client.request(GET)).body).toContain('H11');
    const tookMs = performance.now() - before;
    expect(tookMs).toBeGreaterThanOrEqual(99);
    await eventually(() => router.log.includes('outcome=queue_timeout'), 'a line');
    expect(router.log).toMatch(/ dyno= connect= service= .* outcome=queue_timeout pool=web wait=\d{2,}ms\n/);
    expect(router.waiting).toBe(0);
    const { counts, sumMs } = router.metrics.pool('web').wait;
    expect([counts.reduce((sum, count) => sum + count), sumMs >= 99 && sumMs <= tookMs]).toEqual([1, true]);
  });

  it('is not waited for by a client that has left', async () => {
    const { router, backend } = await routed(undefined, {}, 1);
    const first = (await router.connect()).send(GET);
    await eventually(() => router.inFlight()['web.1'] === 1, 'a lease');
    const leaver = (await router.connect()).send(GET);
    await eventually(() => router.waiting === 1, 'a waiter');
    const last = (await router.connect()).send(get('/last'));
    await eventually(() => router.waiting === 2, 'two waiters');
    leaver.close();
    await eventually(() => router.waiting === 1, 'one waiter');
    const connection = await backend.accept();
    await connection.takeRequest();
    connection.send(ok());
    expect((await first.response()).status).toBe(200);
    expect((await connection.takeRequest()).target).toBe('/last');
    connection.send(ok());
    expect((await last.response()).status).toBe(200);
    await eventually(() => router.isQuiet, 'quiet');
  });

  it('is not given the next request before it has closed a connection it will not keep', async () => {
    const { router, backend } = await routed(undefined, { pool: { timeouts: { abortLingerMs: 5000 } } }, 1);
    const first = (await router.connect()).send(GET);
    const connection = await backend.accept();
    await connection.takeRequest();
    connection.send(ok('last', 'Connection: close'));
    expect((await first.response()).body).toBe('last');
    const second = (await router.connect()).send(GET);
    await eventually(() => router.waiting === 1, 'a waiter');
    expect(backend.connections.length).toBe(1);
    connection.end();
    const next = await backend.accept();
    await next.takeRequest();
    next.send(ok());
    expect((await second.response()).status).toBe(200);
  });

  it('that the view has lost is passed over, and its slot given back', async () => {
    const live = await backendThat(() => ok('live'));
    const { router } = await routed(undefined, { pool: { policy: 'round-robin' } }, 1);
    await router.setBackends({ 'web.1': { port: 1 }, 'web.2': { port: live.port } });
    router.backends.delete(keyOf('web.1'));
    const client = await router.connect();
    for (let i = 0; i < 3; i++) expect((await client.request(GET)).body).toBe('live');
    expect(router.isQuiet).toBe(true);
  });

  it('whose drain is over when it is granted is not asked, and another is', async () => {
    const [over, other] = [await backendThat(() => ok('over')), await backendThat(() => ok('other'))];
    const router = await routerOver({
      backends: { 'web.1': { port: over.port }, 'web.2': { port: other.port } },
    });
    const key = keyOf('web.1');
    const route = router.backends.get(key);
    if (route === undefined) throw new Error('expected web.1 in the view');
    router.backends.set(key, { ...route, cutAtMs: Date.now() - 60_000 });
    for (let i = 0; i < 8; i++) expect((await (await router.connect()).request(GET)).body).toBe('other');
    expect(over.requests).toEqual([]);
    expect(router.isQuiet).toBe(true);
  });

  it('is not blamed where another worker has all its connections and closes none in time: H11', async () => {
    const { router } = await routed(() => ok(), { pool: { timeouts: { connectMs: 60 } } }, 1);
    const idling = idleElsewhere(router);
    const client = await router.connect();
    expect((await client.request(GET)).body).toContain('H11');
    expect([router.reports, router.isQuiet]).toEqual([[], true]);
    idling.close();
    expect((await client.request(GET)).status).toBe(200);
  });

  it('has all of its time to connect once there is room for a connection', async () => {
    const { port } = closing(await blackHole());
    const router = await routerOver({
      backends: { 'web.1': { port, maxConcurrency: 1 } },
      pool: { timeouts: { connectMs: 300 } },
    });
    const idling = idleElsewhere(router);
    const client = (await router.connect()).send(GET);
    await pause(100);
    const before = performance.now();
    idling.close();
    expect((await client.response()).body).toContain('H19');
    expect(performance.now() - before).toBeGreaterThanOrEqual(299);
  });

  it('is given back by who is granted it just when it leaves', async () => {
    const { router, backend } = await routed(undefined, {}, 1);
    const { elsewhere, lease } = leasedElsewhere(router);
    const client = (await router.connect()).send(GET);
    await eventually(() => router.waiting === 1, 'a waiter');
    elsewhere.checkin(lease, Date.now(), 'finished', -1);
    expect([router.waiting, router.inFlight()['web.1']]).toEqual([0, 1]);
    client.close();
    await eventually(() => router.isQuiet, 'its lease given back');
    expect([router.plane.counters.checkouts, backend.connections.length]).toEqual([1, 0]);
  });

  it('is held by an aborted request until the backend has closed', async () => {
    const { router, backend } = await routed(undefined, { pool: { timeouts: { abortLingerMs: 5000 } } }, 1);
    const first = (await router.connect()).send(GET);
    const connection = await backend.accept();
    await connection.takeRequest();
    first.close();
    await connection.ends();
    const second = (await router.connect()).send(GET);
    await eventually(() => router.waiting === 1, 'a waiter');
    expect(backend.mostOpen).toBe(1);
    connection.end();
    const next = await backend.accept();
    await next.takeRequest();
    next.send(ok());
    expect((await second.response()).status).toBe(200);
  });
});

describe('a domain with a limit', () => {
  it('has so many requests at once and refuses the next, until one has ended', async () => {
    const { router, backend } = await routed(undefined, {
      features: { maxInFlight: 2 },
      accessLog: 'logfmt',
    });
    const [one, two] = [(await router.connect()).send(GET), (await router.connect()).send(GET)];
    const [first] = [await backend.accept(), await backend.accept()];
    const next = await router.connect();
    for (let i = 0; i < 3; i++) expect((await next.request(GET)).status).toBe(503);
    await eventually(() => router.log.split('outcome=max_in_flight').length === 4, 'three lines');
    await first.takeRequest();
    first.send(ok());
    await Promise.race([one.receives('200 OK'), two.receives('200 OK')]);
    for (let i = 0; i < 3; i++) {
      next.send(GET);
      await first.takeRequest();
      first.send(ok());
      expect((await next.response()).status).toBe(200);
    }
  });
});

describe('backends that the ledger knows and the view does not know yet', () => {
  const GONE = { 'web.1': { port: 1 } };

  async function behind(backends: Record<string, { port: number }>, maxWaitMs = 5000) {
    const router = await routerOver({ backends, pool: { queue: { maxWaitMs } }, accessLog: 'logfmt' });
    router.backends.clear();
    return router;
  }

  it.each([1, 20])('are waited for, %i of them', async (count) => {
    const backend = await backendThat(() => ok());
    const all = Object.fromEntries(
      Array.from({ length: count }, (_, i) => [`web.${i}`, { port: backend.port }]),
    );
    const router = await behind(all);
    const clients = [await router.connect(), await router.connect()];
    for (const client of clients) client.send(GET);
    await pause(30);
    expect(backend.connections.length).toBe(0);
    for (const [id, wish] of Object.entries(all)) router.place(id, wish);
    for (const client of clients) expect((await client.response()).status).toBe(200);
    expect(router.isQuiet).toBe(true);
  });

  it('are waited for no longer than for any other: owner_unavailable', async () => {
    const router = await behind(GONE, 200);
    const client = await router.connect();
    const before = performance.now();
    expect((await client.request(GET)).body).toContain('H99');
    const tookMs = performance.now() - before;
    expect(tookMs).toBeGreaterThanOrEqual(199);
    // It would be half a minute where nothing is said.
    expect(tookMs).toBeLessThan(15_000);
    await eventually(() => router.log.includes('outcome=owner_unavailable'), 'a line');
    expect(router.isQuiet).toBe(true);
  });

  it('are waited for by each attempt in its own time', async () => {
    let nowMs = 1_000_000_000_000;
    const dead = { port: await deadPort() };
    const router = await routerOver({
      backends: { 'web.1': dead, 'web.2': dead },
      pool: { queue: { maxWaitMs: 500 }, timeouts: { connectMs: 60_000 }, health: { passive: false } },
      now: () => nowMs,
    });
    router.backends.clear();
    const client = (await router.connect()).send(GET);
    await eventually(() => router.plane.counters.checkouts > 2, 'it to wait');
    nowMs += 400;
    router.place('web.1', dead);
    await eventually(() => router.plane.counters.connectFailures === 1, 'a failed connect');
    const { checkouts } = router.plane.counters;
    await eventually(() => router.plane.counters.checkouts > checkouts + 1, 'it to wait again');
    nowMs += 400;
    await pause(50);
    expect(client.received).toBe('');
    nowMs += 100;
    expect((await client.response()).body).toContain('H99');
    expect(router.isQuiet).toBe(true);
  });

  it('are not asked for by a client that has left', async () => {
    const router = await behind(GONE);
    const client = (await router.connect()).send(GET);
    await eventually(() => router.plane.counters.checkouts > 3, 'some attempts');
    client.close();
    await eventually(() => router.isQuiet, 'quiet');
    const { checkouts } = router.plane.counters;
    await pause(250);
    expect(router.plane.counters.checkouts).toBe(checkouts);
  });
});
