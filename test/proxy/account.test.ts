/** What is written down of a request is what its client and its backend saw. */
import { expect, it } from 'vitest';
import { eventually, pause } from '../support/eventually.ts';
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
