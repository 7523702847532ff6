import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { keyOf, type Outcome } from '../../../actors/index.ts';
import { connectFailure } from '../../../src/proxy/index.ts';
import { Backend } from '../../support/backend.ts';
import { blackHole } from '../../support/black-hole.ts';
import { eventually, pause } from '../../support/eventually.ts';
import { backendThat, closing, deadPort, GET, post, routed, routerOver } from '../../support/routed.ts';
import { ok } from '../../support/scripted-backend.ts';
import { tempDirectory } from '../../support/temp-directory.ts';

describe('connecting', () => {
  it('goes on to another backend when one refuses, and quarantines the first', async () => {
    const backend = await backendThat(() => ok());
    const router = await routerOver({
      backends: { dead: { port: await deadPort() }, live: { port: backend.port } },
      pool: { policy: 'round-robin' },
    });
    const client = await router.connect();
    for (let i = 0; i < 4; i++) expect((await client.request(post('x'))).status).toBe(200);
    expect(router.reports).toMatchObject([
      {
        type: 'connect_failed',
        pool: 'web',
        backend: 'dead',
        cause: 'connect_refused',
        untilMs: expect.toSatisfy(Number.isInteger),
      },
    ]);
    const rows = router.ledger.pool(keyOf('web'))?.stats().rows ?? [];
    expect(rows.find((row) => row.backendKey === keyOf('dead'))?.state).toBe('quarantined');
    expect(router.isQuiet).toBe(true);
  });

  it('goes on to another when the name of one cannot be looked up, and quarantines it, whatever the reason', async () => {
    const backend = await backendThat(() => ok());
    // Longer than the DNS has any, so that nobody is asked.
    const host = `${'a'.repeat(64)}.test`;
    const router = await routerOver({
      backends: { nameless: { host, port: 1 }, live: { port: backend.port } },
      pool: { policy: 'round-robin' },
    });
    const client = await router.connect();
    for (let i = 0; i < 4; i++) expect((await client.request(post('x'))).status).toBe(200);
    expect(router.reports).toMatchObject([{ backend: 'nameless', cause: 'connect_failed' }]);
    expect(connectFailure(Object.assign(new Error(), { code: 'EAI_AGAIN' }))).toBe('connect_failed');
    expect(connectFailure(Object.assign(new Error(), { code: 'EMFILE' }))).toBeUndefined();
  });

  it('makes one quarantine of it when many fail to connect at once', async () => {
    const backends = { dead: { port: await deadPort() } };
    const router = await routerOver({ backends, pool: { queue: { maxWaitMs: 50 } } });
    const clients = await Promise.all([1, 2, 3, 4].map(() => router.connect()));
    await Promise.all(clients.map((client) => client.request(GET)));
    const told = router.reports.map((report) => report.type === 'connect_failed' && report.isNew);
    expect(told.length).toBeGreaterThan(1);
    expect(told).toEqual(told.map((_, at) => at === 0));
  });

  it('quarantines only after as many failures in a row as the pool says', async () => {
    const router = await routerOver({
      backends: { dead: { port: await deadPort() } },
      pool: { health: { passive: { connectFailures: 3 } } },
    });
    const client = await router.connect();
    for (const expected of [0, 0, 1]) {
      expect((await client.request(GET)).status).toBe(503);
      expect(router.reports.length).toBe(expected);
    }
  });

  it('quarantines nobody for failures that were not in a row', async () => {
    await using backend = await Backend.start({ name: 'web.1' });
    const router = await routerOver({
      backends: { 'web.1': { port: Number(backend.address.split(':')[1]) } },
      pool: { health: { passive: { connectFailures: 2 } } },
    });
    const client = await router.connect();
    for (let i = 0; i < 2; i++) {
      await backend.refuse();
      expect((await client.request(GET)).body).toContain('H21');
      await backend.accept();
      expect((await client.request(GET)).status).toBe(200);
    }
    expect(router.reports).toEqual([]);
  });

  it('ends as H21 when every backend refused', async () => {
    const dead = { port: await deadPort() };
    const ends: (Outcome | undefined)[] = [];
    const router = await routerOver({
      backends: { a: dead, b: dead, c: dead },
      accessLog: 'logfmt',
      observe: ({ outcome }) => ends.push(outcome),
    });
    const client = await router.connect();
    const response = await client.request(GET);
    expect(response.status).toBe(503);
    expect(response.headers.get('content-type')).toContain('text/html');
    expect(response.body).toContain('H21');
    expect(router.plane.counters).toMatchObject({ checkouts: 3, checkins: 3, connectFailures: 3 });
    expect(ends.at(-1)).toEqual({ type: 'connect_refused', phase: 'connect' });
    await eventually(() => router.log.includes('code=H21'), 'a line');
    expect(router.log).toMatch(
      /at=error code=H21 desc="Backend connection refused" .* dyno=[abc] connect=\d+ms service= status=503 bytes= /,
    );
  });

  it('stops after as many attempts as the pool allows', async () => {
    const dead = { port: await deadPort() };
    const router = await routerOver({
      backends: { a: dead, b: dead, c: dead },
      pool: { retries: { attempts: 2 } },
    });
    const client = await router.connect();
    expect((await client.request(GET)).status).toBe(503);
    expect(router.plane.counters.checkouts).toBe(2);
  });

  it('that takes too long is given up: the next backend serves, or the request ends as H19', async () => {
    const hole = closing(await blackHole());
    const backend = await backendThat(() => ok());
    const router = await routerOver({
      backends: { hole: { port: hole.port } },
      pool: { timeouts: { connectMs: 100 }, health: { passive: { quarantineMs: 50 } } },
    });
    const client = await router.connect();
    const before = performance.now();
    expect((await client.request(GET)).body).toContain('H19');
    expect(performance.now() - before).toBeGreaterThanOrEqual(99);
    expect(router.reports).toMatchObject([{ cause: 'connect_timeout' }]);
    await router.setBackends({ hole: { port: hole.port }, live: { port: backend.port } });
    for (let i = 0; i < 4; i++) expect((await client.request(GET)).status).toBe(200);
    expect(router.isQuiet).toBe(true);
  });

  it('in vain to where a backend was before it moved is no reason to leave it alone where it is', async () => {
    const hole = closing(await blackHole());
    const backend = await backendThat(() => ok());
    let nowMs = 1_000_000_000_000;
    const router = await routerOver({ backends: { web: { port: hole.port } }, now: () => nowMs });
    const late = (await router.connect()).request(GET);
    await eventually(() => router.plane.counters.connects === 1, 'it to connect');
    await router.setBackends({ web: { port: backend.port } });
    nowMs += 5000;
    expect((await late).body).toContain('H19');
    expect((await (await router.connect()).request(GET)).status).toBe(200);
    expect(router.reports).toEqual([]);
  });

  it('gives up all attempts when their whole time is over', async () => {
    const hole = closing(await blackHole());
    const wish = { port: hole.port };
    let nowMs = 1_000_000_000_000;
    const router = await routerOver({
      backends: { a: wish, b: wish, c: wish },
      pool: { timeouts: { connectMs: 500 }, retries: { totalMs: 600 } },
      now: () => nowMs,
    });
    const answer = (await router.connect()).request(GET);
    await eventually(() => router.plane.counters.connects === 1, 'the first attempt');
    nowMs += 500;
    await eventually(() => router.plane.counters.connects === 2, 'the second attempt');
    nowMs += 100;
    expect((await answer).body).toContain('H19');
    expect(router.plane.counters.connects).toBe(2);
    // The second had a fifth of the time that it takes to say of a backend that it does not answer.
    expect(router.reports).toMatchObject([{ cause: 'connect_timeout' }]);
  });

  it('says of each backend how it failed, whatever the one before it did', async () => {
    const hole = closing(await blackHole());
    const router = await routerOver({
      backends: { hole: { port: hole.port }, dead: { port: await deadPort() } },
      pool: {
        policy: 'round-robin',
        timeouts: { connectMs: 50 },
        health: { passive: { quarantineMs: 1 } },
      },
    });
    const client = await router.connect();
    for (let i = 0; i < 2; i++) {
      expect((await client.request(GET)).status).toBe(503);
      await pause(20);
    }
    const causes = router.reports.map((report) => 'cause' in report && `${report.backend} ${report.cause}`);
    expect(causes.sort()).toEqual([
      'dead connect_refused',
      'dead connect_refused',
      'hole connect_timeout',
      'hole connect_timeout',
    ]);
  });

  it('reaches a backend behind a socket file', async () => {
    await using directory = await tempDirectory();
    const path = join(directory.path, 'backend.sock');
    const server = createServer((socket) => socket.on('data', () => socket.write(ok('by file'))));
    await new Promise<void>((resolve) => {
      server.listen(path, resolve);
    });
    closing({ close: async () => void server.close() });
    const router = await routerOver({ backends: { 'web.1': { port: 1, path } } });
    const client = await router.connect();
    expect((await client.request(GET)).body).toBe('by file');
  });

  it('to a pool without backends, or that is not there, is refused at once as H14', async () => {
    const router = await routerOver({ backends: {} });
    const client = await router.connect();
    expect((await client.request(GET)).body).toContain('H14');
    router.domains.set('app.test', { ...router.domains.get('app.test')!, pool: undefined });
    expect((await client.request(GET)).body).toContain('H14');
  });

  it('to a pool whose owner is parked without a view is refused as H99', async () => {
    const { router } = await routed(() => ok(), { unavailable: true });
    const client = await router.connect();
    expect((await client.request(GET)).body).toContain('H99');
  });

  it('waits out a quarantine of all backends, and goes on when it ends', async () => {
    const backend = await backendThat(() => ok());
    const router = await routerOver({ backends: { 'web.1': { port: backend.port } } });
    const nowMs = performance.timeOrigin + performance.now();
    router.ledger.pool(keyOf('web'))?.quarantine(keyOf('web.1'), nowMs, nowMs + 150);
    const client = await router.connect();
    expect((await client.request(GET)).status).toBe(200);
    expect(performance.timeOrigin + performance.now()).toBeGreaterThanOrEqual(nowMs + 149);
  });

  it('ends as H34 when the wait is over before the quarantine is', async () => {
    const { router } = await routed(() => ok(), { pool: { queue: { maxWaitMs: 80 } } });
    const nowMs = performance.timeOrigin + performance.now();
    router.ledger.pool(keyOf('web'))?.quarantine(keyOf('web.1'), nowMs, nowMs + 5000);
    const client = await router.connect();
    expect((await client.request(GET)).body).toContain('H34');
    expect(router.isQuiet).toBe(true);
  });

  it('is refused as H20 at once when all backends are starting, or waits if the pool holds', async () => {
    const backend = await backendThat(() => ok());
    const backends = { 'web.1': { port: backend.port, state: 'starting' } } as const;
    const refusing = await (await routerOver({ backends })).connect();
    expect((await refusing.request(GET)).body).toContain('H20');
    const router = await routerOver({ backends, pool: { whenEmpty: 'hold' } });
    const client = await router.connect();
    client.send(GET);
    await eventually(() => router.waiting === 1, 'a waiter');
    await router.setBackends({ 'web.1': { port: backend.port } });
    router.plane.deliver();
    expect((await client.response()).status).toBe(200);
  });

  it('finds a backend that joined the pool while it waited', async () => {
    const backend = await backendThat(() => ok('late'));
    const { router, backend: busy } = await routed(undefined, {}, 1);
    const first = await router.connect();
    first.send(GET);
    await eventually(() => router.inFlight()['web.1'] === 1, 'a lease');
    const client = await router.connect();
    client.send(GET);
    await eventually(() => router.waiting === 1, 'a waiter');
    await router.setBackends({
      'web.1': { port: busy.port, maxConcurrency: 1 },
      'web.2': { port: backend.port },
    });
    router.plane.deliver();
    expect((await client.response()).body).toBe('late');
  });
});
