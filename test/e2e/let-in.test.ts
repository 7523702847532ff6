/** Who is let in: connections of a listener and of an address, requests of a domain, over all workers together. */
import { connect, type Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { AdminClient, actorsOf } from '../support/admin-client.ts';
import { ask } from '../support/ask.ts';
import { eventually, pause } from '../support/eventually.ts';
import { startRouter } from '../support/router-process.ts';
import { ok, ScriptedBackend } from '../support/scripted-backend.ts';
import { tempDirectory } from '../support/temp-directory.ts';

async function startScene(limits: object, maxInFlight = 5000) {
  await using stack = new AsyncDisposableStack();
  const directory = stack.use(await tempDirectory());
  const waiting: ((answer: string) => void)[] = [];
  const backend = await ScriptedBackend.listen(() => new Promise((resolve) => waiting.push(resolve)));
  stack.defer(() => backend.close());
  const router = stack.use(
    await startRouter({
      directory: directory.path,
      args: ['--workers', '2', '--chaos'],
      config: {
        listeners: [{ address: '127.0.0.1:0', limits }],
        pools: { web: { backends: { 'web.1': { address: `127.0.0.1:${backend.port}` } } } },
        domains: { 'example.com': { pool: 'web', maxInFlight } },
      },
    }),
  );
  const admin = stack.use(new AdminClient(router.admin));
  const owned = stack.move();
  return { router, admin, waiting, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** So many connections at once; those that are not let in are closed. */
async function crowd(port: number, count: number): Promise<Crowd> {
  const all = new Crowd();
  for (let i = 0; i < count; i++) all.add(connect(port, '127.0.0.1'));
  await eventually(() => all.begun === count, 'all to be connected');
  return all;
}

class Crowd {
  readonly #sockets: Socket[] = [];
  begun = 0;
  closed = 0;

  add(socket: Socket): void {
    this.#sockets.push(socket);
    socket
      .on('error', () => {})
      .on('connect', () => this.begun++)
      .on('close', () => this.closed++);
  }

  get left(): number {
    return this.#sockets.length - this.closed;
  }

  end(): void {
    for (const socket of this.#sockets) socket.destroy();
  }
}

describe('over two workers', () => {
  it.each([{ connections: 5 }, { connectionsPerAddress: 5 }])(
    'a listener with %o has five connections open, no more, also when a worker has died with some',
    async (limits) => {
      await using scene = await startScene(limits);
      const { router, admin } = scene;
      const first = await crowd(router.port, 16);
      await eventually(() => first.left === 5, 'eleven to be closed');
      await admin.post('/v1/chaos', { crash: 'worker:1' });
      await restarted(admin);
      first.end();
      await open(admin, 0);
      const second = await crowd(router.port, 16);
      await eventually(() => second.left === 5, 'eleven to be closed again');
      await pause(50);
      expect(second.left).toBe(5);
      second.end();
    },
  );

  it('a domain has as many requests under way as it may, the next is answered 503, and one more when one has ended', async () => {
    await using scene = await startScene({}, 3);
    const { router, waiting } = scene;
    const asked = Array.from({ length: 12 }, () => ask(router.port, 'example.com'));
    await eventually(() => waiting.length === 3, 'three at the backend');
    const statuses: number[] = [];
    for (const one of asked) void one.then(({ status }) => statuses.push(status));
    await eventually(() => statuses.length === 9, 'nine to be refused');
    expect(new Set(statuses)).toEqual(new Set([503]));
    waiting[0]!(ok());
    await eventually(() => statuses.includes(200), 'one to be answered');
    // An answer can be read a moment before the router has done with its request.
    let next: number | undefined;
    const again = async () => {
      do next = (await ask(router.port, 'example.com')).status;
      while (next === 503);
    };
    const fourth = again();
    await eventually(() => waiting.length === 4, 'another at the backend');
    for (const answer of waiting) answer(ok());
    await Promise.all([fourth, ...asked]);
    expect(next).toBe(200);
  });
});

async function restarted(admin: AdminClient): Promise<void> {
  const workers = async () => {
    const all = (await actorsOf(admin)).filter(({ kind }) => kind === 'worker');
    return all.map(({ state, restarts }) => `${state} ${restarts}`).toSorted();
  };
  await expect.poll(workers).toEqual(['running 0', 'running 1']);
}

async function open(admin: AdminClient, count: number): Promise<void> {
  const metrics = async () => (await admin.get<string>('/metrics')).body;
  await expect.poll(metrics).toContain(`switchyard_client_connections ${count}\n`);
}
