/** Workers are replaced one at a time, and nobody whose connection was accepted can tell. */
import { rename } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { AdminClient, actorsOf, ledgerOf } from '../support/admin-client.ts';
import { Backend } from '../support/backend.ts';
import { eventually } from '../support/eventually.ts';
import { startLoad, summary } from '../support/load.ts';
import { type RouterProcess, runCommand, startRouter, WORKERS } from '../support/router-process.ts';
import { tempDirectory } from '../support/temp-directory.ts';

type Answer = {
  readonly replaced: readonly {
    readonly worker: number;
    readonly readyInMs: number;
    readonly connections: number;
    readonly lost: number | null;
    readonly cut?: number;
  }[];
};

const COUNT = Number(WORKERS ?? 2);
const ALL = Array.from({ length: COUNT }, (_, index) => index + 1);

async function startScene(options: { drainMs?: number; workers?: number } = {}) {
  await using stack = new AsyncDisposableStack();
  const directory = stack.use(await tempDirectory());
  const web = stack.use(await Backend.start({ name: 'web' }));
  const router = stack.use(
    await startRouter({
      directory: directory.path,
      args: ['--workers', String(options.workers ?? COUNT), '--chaos'],
      config: {
        accessLog: false,
        drainMs: options.drainMs ?? 30_000,
        pools: { web: { backends: { 'web.1': { address: web.address } } } },
        domains: { 'example.com': { pool: 'web' } },
      },
    }),
  );
  const admin = stack.use(new AdminClient(router.admin));
  const owned = stack.move();
  return { router, admin, web, directory: directory.path, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

describe('replacing the workers', () => {
  it('under load fails no request on an accepted connection, and says which were replaced', async () => {
    await using scene = await startScene();
    const { router, admin } = scene;
    await using load = startLoad({
      port: router.port,
      connections: 24,
      hosts: ['example.com'],
      forgivesUnaccepted: true,
    });
    await load.completes(200);
    for (let round = 0; round < 2; round++) {
      const { status, body } = await admin.post<Answer>('/v1/workers/replace', {}, { prefer: 'wait' });
      expect(status).toBe(200);
      expect(body.replaced.map(({ worker }) => worker)).toEqual(ALL);
      expect(body.replaced.map(({ cut }) => cut)).toEqual(ALL.map(() => 0));
      await load.completes(200);
    }
    router.signal('SIGUSR2');
    await eventually(() => replacedIn(router) === 3 * COUNT, 'all replaced again', 40_000);
    await load.completes(200);
    const figures = await load.stop();
    expect(summary(figures)).toBe('');
    // Counted a moment before the close, while clients go on connecting: few, and those that we know of.
    expect(figures.unaccepted).toBeLessThanOrEqual(lostIn(router) + 3 * COUNT);
    const workers = (await actorsOf(admin)).filter(({ kind }) => kind === 'worker');
    expect(workers.map(({ state, restarts }) => [state, restarts])).toEqual(ALL.map(() => ['running', 0]));
    // What the former ones had counted is not forgotten.
    await expect.poll(() => requestsBegun(admin)).toBe(figures.completed);
  });

  it('lets an idle connection ask once more, and says with the answer that it closes', async () => {
    await using scene = await startScene();
    const idle = await Promise.all(ALL.flatMap(() => [1, 2, 3]).map(() => keptAlive(scene.router.port)));
    const { body } = await scene.admin.post<Answer>('/v1/workers/replace');
    expect(body.replaced.reduce((sum, { connections }) => sum + connections, 0)).toBe(idle.length);
    // Longer than a shutdown is patient with them.
    await new Promise((resolve) => setTimeout(resolve, 800));
    for (const client of idle) {
      const answer = await client.ask();
      expect(answer).toMatch(/^HTTP\/1\.1 200 /);
      expect(answer).toMatch(/\r\nConnection: close\r\n/i);
      await client.ended;
    }
  });

  it('lets a response take as long as it takes, until its worker is replaced once more', async () => {
    await using scene = await startScene({ drainMs: 700 });
    const { admin, router, web } = scene;
    web.behave = ({ url }) => ({ type: 'stream', chunks: url === '/long' ? 100_000 : 20, everyMs: 10 });
    const [short, long] = await Promise.all([stream(router.port, '/'), stream(router.port, '/long')]);
    const replace = () => admin.post<Answer>('/v1/workers/replace', {}, { prefer: 'wait' });
    const first = await replace();
    expect(first.status).toBe(202);
    for (const { cut, connections } of first.body.replaced) expect(connections > 0).toBe(cut === undefined);
    await eventually(() => short.received().endsWith('\r\n0\r\n\r\n'), 'the short response');
    short.leave();
    await expect.poll(() => retiring(admin), { timeout: 20_000 }).toBe(1);
    // Much longer than a drain: nobody needs its place.
    const before = long.received().length;
    await eventually(() => long.received().length > before + 1000, 'more of the long response');
    // Its place is needed: now it has the drain time.
    const second = await replace();
    expect([second.status, second.body.replaced.map(({ cut }) => cut)]).toEqual([200, ALL.map(() => 0)]);
    expect(await long.all).not.toMatch(/\r\n0\r\n\r\n$/);
    expect(await retiring(admin)).toBe(0);
  });

  it('is refused while it is being done, and where the new one cannot start the former serves on', async () => {
    await using scene = await startScene();
    const { admin, router, directory } = scene;
    const twice = () => Promise.all([1, 2].map(() => admin.post<Answer>('/v1/workers/replace')));
    let both = await twice();
    // Where this process stood still between the two, the first was done when the second came.
    for (let tries = 1; both.every(({ status }) => status === 200) && tries < 10; tries++)
      both = await twice();
    expect(both.map(({ status }) => status).toSorted()).toEqual([200, 409]);
    expect(both.find(({ status }) => status === 409)?.body).toMatchObject({
      type: 'worker_not_replaced',
      replaced: [],
    });
    await rename(join(directory, 'data/events.db'), join(directory, 'elsewhere.db'));
    const refused = await admin.post('/v1/workers/replace', { worker: COUNT });
    expect([refused.status, refused.body]).toMatchObject([
      409,
      { type: 'worker_not_replaced', detail: expect.stringContaining(`worker ${COUNT} serves on`) },
    ]);
    for (let i = 0; i < 4; i++) await (await keptAlive(router.port)).ask();
    await rename(join(directory, 'elsewhere.db'), join(directory, 'data/events.db'));
    expect(await admin.post('/v1/workers/replace')).toMatchObject({ status: 200 });
    const workers = (await actorsOf(admin)).filter(({ kind }) => kind === 'worker');
    expect(workers.map(({ state, restarts }) => [state, restarts])).toEqual(ALL.map(() => ['running', 0]));
  });

  it('can be had of one, by the command line, and not of one that there is not', async () => {
    await using scene = await startScene();
    const admin = ['--admin', scene.router.admin];
    const done = await runCommand([
      'workers',
      'replace',
      '--worker',
      `${COUNT}`,
      '--wait',
      '--json',
      ...admin,
    ]);
    expect(done.code, done.output).toBe(0);
    expect(JSON.parse(done.output)).toMatchObject([{ worker: COUNT, cut: 0 }]);
    const none = await scene.admin.post('/v1/workers/replace', { worker: 99 });
    expect([none.status, none.body]).toMatchObject([404, { type: 'worker_unknown' }]);
  });
});

describe('a worker', () => {
  it('whose loop stands still is seen by /healthz, and replaced; the others go on', async () => {
    await using scene = await startScene();
    const { router, admin } = scene;
    await admin.post('/v1/chaos', { crash: 'worker:1', at: 'stall' });
    // One look for both: it is seen for some seconds only.
    await expect
      .poll(() => admin.get('/healthz'), { interval: 20 })
      .toMatchObject({ status: 503, body: { ok: false, detail: expect.stringContaining('worker 1') } });
    await expect
      .poll(async () => (await actorsOf(admin)).find(({ id }) => id === 'worker:1'), { timeout: 20_000 })
      .toMatchObject({
        state: 'running',
        restarts: 1,
        lastError: { message: expect.stringMatching(/silent for \d+ ms/) },
      });
    await expect.poll(async () => (await admin.get('/healthz')).status).toBe(200);
    for (let i = 0; i < 4; i++) await (await keptAlive(router.port)).ask();
  });

  it('takes no count with it, whether it is replaced, crashes or stands still', async () => {
    await using scene = await startScene();
    const { router, admin } = scene;
    const clients: Awaited<ReturnType<typeof keptAlive>>[] = [];
    for (let i = 0; i < 12; i++) clients.push(await keptAlive(router.port));
    const former = await countersOnce(admin, 12);
    await admin.post('/v1/workers/replace');
    for (const client of clients) await client.ask();
    await expect.poll(() => retiring(admin), { timeout: 20_000 }).toBe(0);
    const next = await countersOnce(admin, 24);
    expect(fallen(former, next)).toEqual([]);
    for (let i = 0; i < 12; i++) await keptAlive(router.port);
    const before = await counters(admin);
    await admin.post('/v1/chaos', { crash: 'worker:1' });
    await expect
      .poll(async () => (await actorsOf(admin)).find(({ id }) => id === 'worker:1'), { timeout: 20_000 })
      .toMatchObject({ state: 'running', restarts: 1 });
    const after = await counters(admin);
    expect(fallen(before, after)).toEqual([]);
    await admin.post('/v1/chaos', { crash: `worker:${COUNT}`, at: 'stall' });
    expect(fallen(after, await counters(admin))).toEqual([]);
  });

  it('takes no count with it where it is the main thread', async () => {
    await using scene = await startScene({ workers: 0 });
    const { router, admin } = scene;
    for (let i = 0; i < 3; i++) await keptAlive(router.port);
    const before = await counters(admin);
    await admin.post('/v1/chaos', { crash: 'worker:0' });
    await expect
      .poll(async () => (await actorsOf(admin)).find(({ id }) => id === 'worker:0'), { timeout: 20_000 })
      .toMatchObject({ state: 'running', restarts: 1 });
    await keptAlive(router.port);
    const after = await counters(admin);
    expect(fallen(before, after)).toEqual([]);
    expect(after.get('switchyard_worker_requests_begun_total{worker="0"}')).toBe(4);
  });

  it('tells of its requests, which fail one at a time and take nothing with them', async () => {
    await using scene = await startScene();
    const { router, admin, web } = scene;
    web.behave = () => ({ type: 'answer', delayMs: 2 });
    // So many that each worker has some: with 12, one of two had none every two thousandth time.
    await using load = startLoad({ port: router.port, connections: 48, hosts: ['example.com'] });
    await load.completes(100);
    let crashes = 0;
    for (; crashes < 40; crashes++) {
      const reply = await admin.post('/v1/chaos', { crash: `requests:${1 + (crashes % COUNT)}` });
      expect(reply.status).toBe(200);
      await load.completes(10);
    }
    const figures = await load.stop();
    // One each, told as such if its head had not left yet.
    expect(figures.failures.length, summary(figures)).toBeLessThanOrEqual(crashes);
    expect(figures.failures.length).toBeGreaterThan(crashes / 2);
    for (const { reason } of figures.failures) expect(reason).toMatch(/H99|closed|ECONNRESET/);
    expect(router.output()).toContain('was made to fail');
    const lines = (await actorsOf(admin)).filter(({ kind }) => kind === 'request');
    expect(lines.map(({ id }) => id)).toEqual(ALL.map((number) => `requests:${number}`));
    await expect.poll(async () => (await ledgerOf(admin, 'web')).backends['web.1']?.inFlight).toBe(0);
    expect(
      (await actorsOf(admin)).filter(({ kind }) => kind === 'worker').map(({ restarts }) => restarts),
    ).toEqual(ALL.map(() => 0));
  });
});

describe('SIGTERM', () => {
  it('cuts what is unfinished when the drain time is over, and ends with 0', async () => {
    await using scene = await startScene({ drainMs: 600 });
    scene.web.behave = () => ({ type: 'stream', chunks: 100_000, everyMs: 10 });
    const long = await stream(scene.router.port, '/');
    // A drain lasts 30 s where nothing is said.
    const ended = await scene.router.stop(25_000);
    expect(ended).toMatchObject({ code: 0, signal: null });
    expect(await long.all).not.toMatch(/\r\n0\r\n\r\n$/);
  });
});

/** Connections that nobody had accepted, by its own count. */
function lostIn(router: RouterProcess): number {
  const counts = router.output().matchAll(/"lost":(\d+).*"msg":"worker \d+ replaced"/g);
  return [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
}

function replacedIn(router: RouterProcess): number {
  return router.output().match(/"msg":"worker \d+ replaced"/g)?.length ?? 0;
}

const requestsBegun = (admin: AdminClient) => figure(admin, 'requests_begun_total');
const retiring = (admin: AdminClient) => figure(admin, 'workers_retiring');

/** All that may only grow. */
async function counters(admin: AdminClient): Promise<Map<string, number>> {
  const { body } = await admin.get<string>('/metrics');
  const lines = body.matchAll(/^(switchyard_\w+_(?:total|bucket|count|sum)(?:\{.*\})?) (\S+)$/gm);
  return new Map([...lines].map(([, series = '', value]) => [series, Number(value)]));
}

/** Once all of so many requests are counted: what a worker does not say within a second is as it said it last. */
async function countersOnce(admin: AdminClient, requests: number): Promise<Map<string, number>> {
  let found = new Map<string, number>();
  const begun = async () => {
    found = await counters(admin);
    return found.get('switchyard_requests_begun_total');
  };
  await expect.poll(begun).toBe(requests);
  return found;
}

function fallen(before: Map<string, number>, after: Map<string, number>): string[] {
  return [...before].filter(([series, value]) => !(after.get(series)! >= value)).map(([series]) => series);
}

async function figure(admin: AdminClient, name: string): Promise<number> {
  const { body } = await admin.get<string>('/metrics');
  return Number(new RegExp(`^switchyard_${name} (\\d+)$`, 'm').exec(body)?.[1]);
}

/** A connection that has had one answer. */
async function keptAlive(port: number) {
  const socket = connect(port, '127.0.0.1');
  let received = '';
  const ended = new Promise<void>((resolve) => {
    socket.on('close', () => resolve());
  });
  socket.on('error', () => {});
  socket.on('data', (chunk) => {
    received += chunk.toString('latin1');
  });
  const ask = async (): Promise<string> => {
    received = '';
    socket.write('GET / HTTP/1.1\r\nHost: example.com\r\n\r\n');
    await eventually(() => received.endsWith('/\n'), 'a whole answer');
    return received;
  };
  await ask();
  return { ask, ended };
}

/** Resolves, once its response has begun, to what came until its connection ended. */
async function stream(port: number, path: string) {
  const socket = connect(port, '127.0.0.1');
  let received = '';
  const all = new Promise<string>((resolve) => {
    socket.on('close', () => resolve(received));
  });
  socket.on('error', () => {});
  socket.on('data', (chunk) => {
    received += chunk.toString('latin1');
  });
  socket.write(`GET ${path} HTTP/1.1\r\nHost: example.com\r\n\r\n`);
  await eventually(() => received.includes('\r\n\r\n'), 'a head');
  return { all, received: () => received, leave: () => socket.destroy() };
}
