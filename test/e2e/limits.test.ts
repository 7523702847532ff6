/** A backend's limit holds for its connections, idle ones included, over all workers, as the backend itself counts them. */
import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { AdminClient, actorsOf, ledgerOf } from '../support/admin-client.ts';
import { Backend } from '../support/backend.ts';
import { Chance } from '../support/chance.ts';
import { eventually, pause } from '../support/eventually.ts';
import { startLoad, summary } from '../support/load.ts';
import { startRouter, WORKERS } from '../support/router-process.ts';
import { tempDirectory } from '../support/temp-directory.ts';

const COUNTS = WORKERS === undefined ? [1, 2, 4] : [Number(WORKERS)];

async function startScene(workers: number, limit: number, backends: number) {
  await using stack = new AsyncDisposableStack();
  const directory = stack.use(await tempDirectory());
  const all: Backend[] = [];
  for (let i = 1; i <= backends; i++) all.push(stack.use(await Backend.start({ name: `web.${i}`, limit })));
  const router = stack.use(
    await startRouter({
      directory: directory.path,
      args: ['--chaos', '--workers', String(workers)],
      config: {
        accessLog: false,
        pools: {
          web: {
            maxConcurrency: limit,
            queue: { maxWaitMs: 30_000 },
            timeouts: { upstreamKeepAliveMs: 60_000 },
            backends: Object.fromEntries(all.map(({ name, address }) => [name, { address }])),
          },
        },
        domains: { 'example.com': { pool: 'web' } },
      },
    }),
  );
  const admin = stack.use(new AdminClient(router.admin));
  const owned = stack.move();
  return { router, admin, backends: all, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

describe.each(COUNTS)('with %i workers', (workers) => {
  it('idle connections are kept and used again, and with busy ones never exceed the limit', async () => {
    await using scene = await startScene(workers, 3, 4);
    const { router, backends, admin } = scene;
    await using load = startLoad({
      port: router.port,
      connections: 6,
      hosts: ['example.com'],
      perSecond: 400,
    });
    await load.completes(600);
    const figures = await load.stop();
    expect(summary(figures)).toBe('');
    expect(backends.flatMap(({ excess }) => excess)).toEqual([]);
    const metrics = (await admin.get<string>('/metrics')).body;
    const reuses = Number(/^switchyard_upstream_reuses_total (\d+)$/m.exec(metrics)?.[1]);
    expect(reuses).toBeGreaterThan(figures.completed * 0.3);
    expect(backends.reduce((sum, { open }) => sum + open, 0)).toBeGreaterThan(0);
  });

  it('a backend that serves one connection at a time is blocked by nobody, also while clients leave', async () => {
    const chance = new Chance();
    await using scene = await startScene(workers, 1, 2);
    const { router, backends, admin } = scene;
    for (const backend of backends) backend.behave = () => ({ type: 'answer', delayMs: chance.below(4) });
    await using load = startLoad({ port: router.port, connections: 10, hosts: ['example.com'] });
    const until = load.completes(400);
    let done = false;
    void until.then(() => {
      done = true;
    });
    while (!done) {
      await leaveEarly(router.port, chance);
      await pause(5);
    }
    await until;
    const figures = await load.stop();
    expect(summary(figures), `seed ${chance.seed}`).toBe('');
    expect(
      backends.flatMap(({ excess }) => excess),
      `seed ${chance.seed}`,
    ).toEqual([]);
    await expect
      .poll(async () => Object.values((await ledgerOf(admin, 'web')).backends).map((row) => row.inFlight))
      .toEqual([0, 0]);
    await eventually(() => backends.every(({ open }) => open <= 1), 'one connection at most');
  });

  it('a worker that dies gives its idle ones back too', async () => {
    await using scene = await startScene(workers, 1, 1);
    const { router, admin, backends } = scene;
    await using load = startLoad({
      port: router.port,
      connections: 4,
      hosts: ['example.com'],
      whenRefused: 'retry',
    });
    await load.completes(50);
    for (let crash = 0; crash < 3; crash++) {
      await admin.post('/v1/chaos', { crash: `worker:${1 + (crash % workers)}` });
      await load.completes(50);
    }
    const figures = await load.stop();
    expect(summary(figures)).not.toMatch(/HTTP\/1\.1|no answer/);
    expect(backends.flatMap(({ excess }) => excess)).toEqual([]);
    await eventually(() => backends.every(({ open }) => open <= 1), 'one connection at most');
  });
});

async function leaveEarly(port: number, chance: Chance): Promise<void> {
  const socket = connect(port, '127.0.0.1').on('error', () => {});
  socket.write('GET /left HTTP/1.1\r\nHost: example.com\r\n\r\n');
  await pause(chance.below(6));
  socket.destroy();
}

describe('requests that wait for a slot', () => {
  it('are served first come first, whichever worker they came to', async () => {
    await using scene = await startScene(COUNTS.at(-1) ?? 2, 1, 1);
    const { router, admin, backends } = scene;
    const served: string[] = [];
    for (const backend of backends) backend.onRequest = ({ url }) => void served.push(url ?? '');
    // The first holds the slot until all others wait.
    const open = Promise.withResolvers<void>();
    const when = open.promise;
    for (const backend of backends)
      backend.behave = ({ url }) => (url === '/0' ? { type: 'answer', when } : { type: 'answer' });
    const asked: Promise<string>[] = [];
    const want: string[] = [];
    for (let i = 0; i <= 20; i++) {
      want.push(`/${i}`);
      asked.push(answered(router.port, `/${i}`));
      await expect.poll(async () => (await ledgerOf(admin, 'web')).waiting).toBe(i);
      if (i === 0) await eventually(() => served.length === 1, 'the first at the backend');
    }
    open.resolve();
    await Promise.all(asked);
    expect(served).toEqual(want);
    expect(backends.flatMap(({ excess }) => excess)).toEqual([]);
  });
});

describe('requests that wait while a worker and the owner of their pool die', () => {
  const POINTS = ['before-append', 'after-append', 'before-publish', 'in-ledger', 'in-activation'] as const;

  it('keep their order but for those that the worker had, and leave nothing behind', async () => {
    const workers = COUNTS.at(-1) ?? 2;
    await using scene = await startScene(workers, 1, 1);
    const { router, admin, backends } = scene;
    const [backend] = backends;
    const served: string[] = [];
    backend!.onRequest = ({ url }) => void served.push(url ?? '');
    let [answers, losses] = [0, 0];
    for (const [round, at] of POINTS.entries()) {
      const open = Promise.withResolvers<void>();
      backend!.behave = () => ({ type: 'answer', when: open.promise });
      served.length = 0;
      const asked: Promise<string>[] = [];
      for (let i = 0; i <= 16; i++) {
        asked.push(answered(router.port, `/${round}-${i}`));
        if (i === 0) await eventually(() => served.length === 1, 'the first at the backend');
        await expect.poll(async () => (await ledgerOf(admin, 'web')).waiting).toBe(i);
      }
      await admin.post('/v1/chaos', { crash: 'pool:web', at });
      const crash = admin.post('/v1/chaos', { crash: `worker:${1 + (round % workers)}` });
      const change = { maxConcurrency: 1, queue: { maxWaiting: 900 + round, maxWaitMs: 30_000 } };
      await expect
        .poll(async () => (await admin.put('/v1/pools/web', change)).status, { timeout: 30_000 })
        .toBe(200);
      expect((await crash).status).toBe(200);
      await expect.poll(() => restartsOf(admin), { timeout: 30_000 }).toBe(round + 1);
      open.resolve();
      const got = await Promise.all(asked);
      const places = served.map((url) => Number(url.split('-')[1]));
      expect(places, `at ${at}`).toEqual(places.toSorted((a, b) => a - b));
      // Who has no answer was the dead worker's; everybody else was served.
      for (const [i, answer] of got.entries()) {
        if (answer.startsWith('HTTP/1.1 200 ')) expect(places).toContain(i);
        else expect(answer, `/${round}-${i} at ${at}`).toBe('');
        if (answer === '') losses++;
        else answers++;
      }
      await expect
        .poll(async () => {
          const { waiting, backends: rows } = await ledgerOf(admin, 'web');
          return [waiting, rows['web.1']?.inFlight];
        })
        .toEqual([0, 0]);
    }
    expect(backend!.excess).toEqual([]);
    expect(losses).toBeGreaterThan(0);
    if (workers > 1) expect(answers).toBeGreaterThan(0);
  });
});

/** Of workers that all serve; NaN: one does not. */
async function restartsOf(admin: AdminClient): Promise<number> {
  const workers = (await actorsOf(admin)).filter(({ kind }) => kind === 'worker');
  const count = workers.reduce((sum, { restarts }) => sum + restarts, 0);
  return workers.every(({ state }) => state === 'running') ? count : Number.NaN;
}

/** Over a connection of its own; what came until it ended. */
async function answered(port: number, path: string): Promise<string> {
  const socket = connect(port, '127.0.0.1').on('error', () => {});
  socket.write(`GET ${path} HTTP/1.1\r\nHost: example.com\r\nConnection: close\r\n\r\n`);
  let received = '';
  socket.on('data', (chunk) => {
    received += chunk;
  });
  await new Promise((resolve) => socket.on('close', resolve));
  return received;
}
