/** What is written down of a request is what its client and its backend saw. */
import { describe, expect, it } from 'vitest';
import type { RequestActor } from '../../actors/index.ts';
import type { SparsePool } from '../../eventlog/index.ts';
import { eventually, pause } from '../support/eventually.ts';
import type { PlaneUnderTest } from '../support/plane-under-test.ts';
import { backendThat, deadPort, GET, post, routed, routerOver } from '../support/routed.ts';
import { ok, type Script } from '../support/scripted-backend.ts';

it('counts as service the time from the connection on, as the log has it, and no wait before it', async () => {
  const areWaiting = Promise.withResolvers<void>();
  const slow = async () => {
    await areWaiting.promise;
    await pause(100);
    return ok();
  };
  const { router } = await routed(slow, { accessLog: 'json' }, 1);
  const clients = await Promise.all([1, 2, 3].map(() => router.connect()));
  const answers = Promise.all(clients.map((client) => client.request(GET)));
  await eventually(() => router.waiting === 2, 'two to wait');
  areWaiting.resolve();
  await answers;
  await eventually(() => router.log.split('\n').length === 4, 'three lines');
  const lines = router.log.trim().split('\n');
  const logged = lines.reduce((sum, line) => sum + Number(JSON.parse(line).service), 0);
  const { service, wait } = router.metrics.pool('web').snapshot();
  // The second waited for one, the third for two. The log rounds.
  expect(wait.sumMs).toBeGreaterThan(250);
  expect(Math.abs(service.sumMs - logged)).toBeLessThan(2);
});

it('counts all the time that a request waited, for each of the backends that it was given', async () => {
  let nowMs = 1_000_000_000_000;
  const held: Record<string, PromiseWithResolvers<string>> = {};
  const scriptOf =
    (id: string): Script =>
    (_, connection) => {
      if (held[id] === undefined) {
        held[id] = Promise.withResolvers<string>();
        return held[id].promise;
      }
      if (id === 'web.2') return ok();
      connection.reset();
      return undefined;
    };
  const backends: Record<string, { port: number; maxConcurrency: number }> = {};
  for (const id of ['web.1', 'web.2'])
    backends[id] = { port: (await backendThat(scriptOf(id))).port, maxConcurrency: 1 };
  const pool = { retries: { idempotent: true, budgetPercent: 100 } };
  const router = await routerOver({ backends, pool, now: () => nowMs });
  const clients = await Promise.all([1, 2, 3].map(() => router.connect()));
  for (const client of clients.slice(0, 2)) client.send(GET);
  await eventually(() => Object.keys(held).length === 2, 'both to be busy');
  const [, , third] = clients;
  third!.send(GET);
  for (const [id, ms] of [
    ['web.1', 100],
    ['web.2', 50],
  ] as const) {
    await eventually(() => router.waiting === 1, `it to wait for ${id}`);
    nowMs += ms;
    held[id]!.resolve(ok());
    await eventually(() => router.inFlight()[id] === 0 || router.waiting === 0, `${id} to be free`);
  }
  expect((await third!.response()).status).toBe(200);
  await eventually(() => router.isQuiet, 'every lease given back');
  expect(router.metrics.pool('web').snapshot().wait.sumMs).toBe(150);
});

it('counts as served nobody who was never connected', async () => {
  const router = await routerOver({ backends: { 'web.1': { port: await deadPort() } } });
  expect((await (await router.connect()).request(GET)).body).toContain('H21');
  const { requests, service } = router.metrics.pool('web').snapshot();
  expect(requests).toEqual({ H21: 1 });
  expect(service.counts.every((count) => count === 0)).toBe(true);
});

it('counts every byte that the client was sent, our own 100 Continue too, and those of bodies it sent', async () => {
  const { router } = await routed(() => ok('hello'), { accessLog: 'json' });
  const client = await router.connect();
  client.send(post('0123456789', 'Expect: 100-continue').slice(0, -10));
  await client.receives('HTTP/1.1 100 Continue\r\n\r\n');
  client.send('0123456789');
  await client.receives('hello');
  await eventually(() => router.log !== '', 'a line');
  expect(JSON.parse(router.log)).toMatchObject({ status: 200, bytes: client.received.length });
  const { bytesIn, bytesOut } = router.metrics.pool('web').snapshot();
  expect([bytesIn, bytesOut]).toEqual([10, client.received.length]);
});

it('counts what passes over an upgraded connection, either way', async () => {
  const backend = await backendThat();
  const router = await routerOver({ backends: { 'web.1': { port: backend.port } } });
  const client = await router.connect();
  client.send('GET / HTTP/1.1\r\nHost: app.test\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nearly');
  const connection = await backend.accept();
  await connection.takeHead();
  connection.send('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
  await connection.receives('early');
  client.send('bird');
  await connection.receives('bird');
  connection.send('back');
  await client.receives('back');
  client.end();
  connection.end();
  await eventually(() => router.isQuiet, 'every lease given back');
  const { requests, bytesIn, bytesOut } = router.metrics.pool('web').snapshot();
  expect(requests).toEqual({ '1xx': 1 });
  expect([bytesIn, bytesOut]).toEqual(['earlybird'.length, client.received.length]);
});

describe('of a request that was sent more than once, the last attempt counts', () => {
  const timeouts = { firstByteMs: 2000, abortLingerMs: 50 };
  const retries = { statuses: [503], firstByteTimeouts: true, budgetPercent: 100 };
  const pool: SparsePool = { policy: 'round-robin', timeouts, retries, health: { passive: false } };
  const unavailable = 'HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n';

  /** A clock that moves only while a backend works. */
  function work() {
    const clock = { nowMs: 1_000_000_000_000 };
    const taking =
      (ms: number, script: Script): Script =>
      (request, connection) => {
        clock.nowMs += ms;
        return script(request, connection);
      };
    return { clock, now: () => clock.nowMs, taking };
  }

  async function lines(router: PlaneUnderTest, count: number): Promise<Record<string, unknown>[]> {
    await eventually(() => router.log.split('\n').length > count, `${count} lines`);
    const each = router.log.trim().split('\n');
    return each.map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  const failing: readonly (readonly [string, Script])[] = [
    ['closed without a word', (_, connection) => void connection.end()],
    ['reset', (_, connection) => void connection.reset()],
    ['answered with a status for retries', () => unavailable],
    ['said nothing in time', () => undefined],
  ];

  it.each(failing)('in the times of one whose first backend %s', async (_, fail) => {
    const { now, taking } = work();
    const acts = [taking(2000, fail), taking(30, () => ok())];
    const script: Script = (request, connection) => acts.shift()?.(request, connection);
    const backends: Record<string, { port: number }> = {};
    for (const id of ['web.1', 'web.2']) backends[id] = { port: (await backendThat(script)).port };
    const router = await routerOver({ backends, pool, now, accessLog: 'json' });
    expect((await (await router.connect()).request(GET)).status).toBe(200);
    const [line] = await lines(router, 1);
    expect(line).toMatchObject({ connect: 0, service: 30 });
    expect(router.metrics.pool('web').snapshot().service.sumMs).toBe(30);
  });

  it.each(failing)('in the line of one whose first backend %s, and the second refused', async (_, fail) => {
    const { now, taking } = work();
    const first = await backendThat(taking(2000, fail));
    const backends = { 'web.1': { port: first.port }, 'web.2': { port: await deadPort() } };
    const router = await routerOver({ backends, pool, now, accessLog: 'json' });
    for (let i = 0; i < 2; i++) await (await router.connect()).request(GET);
    const refused = (await lines(router, 2)).filter(({ code }) => code === 'H21');
    expect(refused.length).toBeGreaterThan(0);
    for (const line of refused)
      expect(line).toMatchObject({ dyno: 'web.2', connect: 0, service: null, bytes: null });
  });

  it.each(failing.slice(0, 2))(
    'in the times of one whose first backend %s, and that waited for the second',
    async (_, fail) => {
      for (const isServed of [true, false]) {
        const { clock, now, taking } = work();
        const isBusy = Promise.withResolvers<string>();
        const acts = [() => isBusy.promise, taking(1500, fail), taking(30, () => ok())];
        const script: Script = (request, connection) => acts.shift()?.(request, connection);
        const backends: Record<string, { port: number; maxConcurrency: number }> = {};
        for (const id of ['web.1', 'web.2'])
          backends[id] = { port: (await backendThat(script)).port, maxConcurrency: 1 };
        const queue = { maxWaitMs: 500 };
        const router = await routerOver({ backends, pool: { ...pool, queue }, now, accessLog: 'json' });
        const other = (await router.connect()).send(GET);
        await eventually(() => acts.length === 2, 'one to be busy');
        const client = (await router.connect()).send(GET);
        await eventually(() => router.waiting === 1, 'the other to wait');
        clock.nowMs += isServed ? 100 : 500;
        if (isServed) isBusy.resolve(ok());
        expect((await client.response()).status).toBe(isServed ? 200 : 503);
        isBusy.resolve(ok());
        await other.response();
        const waited = (await lines(router, 2)).find(({ wait }) => wait !== undefined);
        expect(waited).toMatchObject(
          isServed
            ? { connect: 0, service: 30, wait: 100 }
            : { code: 'H11', connect: null, service: null, wait: 500 },
        );
      }
    },
  );

  it('in the times of one that was sent again since its connection was stale', async () => {
    const { now, taking } = work();
    const acts = [() => ok(), taking(1500, (_, connection) => void connection.end()), taking(30, () => ok())];
    const script: Script = (request, connection) => acts.shift()?.(request, connection);
    const { router, backend } = await routed(script, { pool, now, accessLog: 'json' });
    for (let i = 0; i < 2; i++) expect((await (await router.connect()).request(GET)).status).toBe(200);
    expect(backend.connections.length).toBe(2);
    expect((await lines(router, 2))[1]).toMatchObject({ connect: 0, service: 30 });
  });

  it.each([
    ['closed_without_response', 'send', failing[0]?.[1]],
    ['first_byte_timeout', 'send', failing[3]?.[1]],
    ['connect_refused', 'connect', undefined],
  ] as const)('in the phase of one that ends as %s everywhere', async (type, phase, fail) => {
    const { now, taking } = work();
    const backends: Record<string, { port: number }> = {};
    for (const id of ['web.1', 'web.2'])
      backends[id] = { port: fail ? (await backendThat(taking(2000, fail))).port : await deadPort() };
    const ends: unknown[] = [];
    const observe = ({ outcome }: RequestActor) => void (outcome && ends.push(outcome));
    const router = await routerOver({ backends, pool, now, observe });
    expect((await (await router.connect()).request(GET)).status).toBe(503);
    expect(ends).toEqual([{ type, phase }]);
  });
});
