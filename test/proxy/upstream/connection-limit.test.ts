import { expect, it } from 'vitest';
import { createHeadcount, SharedHeadcount } from '../../../src/proxy/index.ts';
import { eventually } from '../../support/eventually.ts';
import { backendThat, closing, GET, get, routerOver } from '../../support/routed.ts';
import { ok } from '../../support/scripted-backend.ts';

it('room is made for another backend by closing an idle connection', async () => {
  const one = await backendThat(() => ok('one'));
  const other = await backendThat(() => ok('other'));
  const router = await routerOver({
    backends: { one: { port: one.port }, other: { port: other.port, maxConcurrency: 1 } },
    pool: { policy: 'round-robin' },
    mostToBackends: 1,
  });
  const client = await router.connect();
  const bodies = new Set<string>();
  for (let i = 0; i < 6; i++) {
    bodies.add((await client.request(GET)).body);
    await eventually(() => one.open + other.open === 1, 'one open');
  }
  expect(bodies).toEqual(new Set(['one', 'other']));
});

it('room is made for another worker before long', async () => {
  const backend = await backendThat(() => ok());
  const counts = createHeadcount(2);
  const wish = { mostToBackends: 1, pool: { timeouts: { upstreamKeepAliveMs: 60_000 } } };
  const router = await routerOver({
    ...wish,
    backends: { 'web.1': { port: backend.port } },
    headcount: new SharedHeadcount(counts, 0),
  });
  const beside = closing(await router.beside({ ...wish, headcount: new SharedHeadcount(counts, 1) }));
  expect((await (await router.connect()).request(GET)).status).toBe(200);
  const other = await beside.connect();
  expect((await other.request(GET)).status).toBe(503);
  await eventually(() => backend.open === 0, 'the idle one to be closed');
  expect((await other.request(GET)).status).toBe(200);
});

it('room is refused where every connection is busy, at no cost to the backend, and is there again afterwards', async () => {
  const gate = Promise.withResolvers<void>();
  const backend = await backendThat(async ({ target }) => {
    if (target === '/slow') await gate.promise;
    return ok();
  });
  const router = await routerOver({ backends: { 'web.1': { port: backend.port } }, mostToBackends: 2 });
  const slow = await Promise.all([router.connect(), router.connect()]);
  const answers = slow.map((client) => client.request(get('/slow')));
  await eventually(() => backend.requests.length === 2, 'both to be there');
  const client = await router.connect();
  expect((await client.request(GET)).status).toBe(503);
  expect(backend.connections.length).toBe(2);
  gate.resolve();
  for (const answer of answers) expect((await answer).status).toBe(200);
  expect((await client.request(GET)).status).toBe(200);
  await eventually(() => router.isQuiet, 'the leases to be back');
  expect(router.reports).toEqual([]);
});

it('room comes back with each connection, however it ended', async () => {
  const backend = await backendThat(({ target }) =>
    target === '/never' ? new Promise(() => {}) : ok('', 'Connection: close'),
  );
  const router = await routerOver({
    backends: { 'web.1': { port: backend.port } },
    pool: { timeouts: { abortLingerMs: 20 } },
    mostToBackends: 1,
  });
  for (let i = 0; i < 3; i++) {
    expect((await (await router.connect()).request(GET)).status).toBe(200);
    await eventually(() => router.isQuiet, 'it to be closed');
    const leaver = (await router.connect()).send(get('/never'));
    await eventually(() => backend.requests.length === 2 * i + 2, 'the request to be there');
    leaver.reset();
    await eventually(() => router.isQuiet, 'it to be over');
  }
});
