/**
 * Draining: no new request from the answer on, what is under way may finish until its time is up, and whoever waits is
 * told exactly how it ended, whatever crashes meanwhile.
 */
import { writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AdminClient, actorsOf, ledgerOf, type Reply } from '../support/admin-client.ts';
import { ask } from '../support/ask.ts';
import { eventually, pause } from '../support/eventually.ts';
import { eventsOf, type HistoryEvent } from '../support/history.ts';
import { RawClient } from '../support/raw-client.ts';
import { type RouterProcess, runCommand, startRouter } from '../support/router-process.ts';
import { ok, ScriptedBackend } from '../support/scripted-backend.ts';
import { tempDirectory } from '../support/temp-directory.ts';

type End = { readonly drained: boolean; readonly finished: number; readonly cut: number };

const WAIT = { prefer: 'wait' } as const;
const LONG = { timeoutMs: 60_000 };

/** One router for all tests that leave it as it was; each has a pool, a domain and backends of its own. */
class Stage implements AsyncDisposable {
  readonly directory: string;
  readonly router: RouterProcess;
  readonly #stack: AsyncDisposableStack;

  static async start(workers = 2): Promise<Stage> {
    await using stack = new AsyncDisposableStack();
    const { path } = stack.use(await tempDirectory());
    const args = ['--workers', String(workers), '--chaos'];
    const router = await startRouter({ directory: path, args, config: { drainMs: 500 } });
    stack.use(router);
    return new Stage(stack.move(), path, router);
  }

  private constructor(stack: AsyncDisposableStack, directory: string, router: RouterProcess) {
    this.#stack = stack;
    this.directory = directory;
    this.router = router;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stack.disposeAsync();
  }
}

let pools = 0;

class Scene implements AsyncDisposable {
  readonly #stack: AsyncDisposableStack;
  readonly directory: string;
  readonly addresses: readonly string[];
  readonly pool = `pool${++pools}`;
  readonly host = `${this.pool}.example`;
  router: RouterProcess;
  admin: AdminClient;
  readonly clients: RawClient[] = [];
  readonly #release: ((answer: string) => void)[] = [];

  static async on({ directory, router }: Stage): Promise<Scene> {
    await using stack = new AsyncDisposableStack();
    let scene: Scene | undefined;
    const web1 = await ScriptedBackend.listen(({ target }) => scene?.answer(target));
    stack.defer(() => web1.close());
    const web2 = await ScriptedBackend.listen(() => ok('other'));
    stack.defer(() => web2.close());
    scene = new Scene(stack.move(), directory, [web1, web2], router);
    const backends = { 'web.1': { address: scene.addresses[0] } };
    await scene.admin.must('PUT', `/v1/pools/${scene.pool}`, { backends });
    await scene.admin.must('PUT', `/v1/domains/${scene.host}`, { pool: scene.pool });
    return scene;
  }

  private constructor(
    stack: AsyncDisposableStack,
    directory: string,
    backends: readonly ScriptedBackend[],
    router: RouterProcess,
  ) {
    this.#stack = stack;
    this.directory = directory;
    this.addresses = backends.map(({ port }) => `127.0.0.1:${port}`);
    this.router = router;
    this.admin = new AdminClient(router.admin);
  }

  get web1(): string {
    return `/v1/pools/${this.pool}/backends/web.1`;
  }

  /** `/slow` is answered when it is released, `/half` never to its end, `/pipe` becomes a byte pipe. */
  answer(target: string): Promise<string> | string {
    if (target === '/half') return 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf';
    if (target === '/pipe')
      return 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n';
    return new Promise((resolve) => this.#release.push(resolve));
  }

  release(count = this.#release.length): void {
    for (const resolve of this.#release.splice(0, count)) resolve(ok('slow'));
  }

  /** So many requests that web.1 works on, each on a connection of its own. */
  async begin(target: string, count: number): Promise<RawClient[]> {
    const before = await this.inFlight();
    const upgrade = target === '/pipe' ? 'Connection: upgrade\r\nUpgrade: x\r\n' : '';
    const begun: RawClient[] = [];
    for (let i = 0; i < count; i++) {
      const client = await RawClient.connect(this.router.port);
      begun.push(client.send(`GET ${target} HTTP/1.1\r\nHost: ${this.host}\r\n${upgrade}\r\n`));
    }
    this.clients.push(...begun);
    await this.reaches(before + count);
    if (target !== '/slow') await Promise.all(begun.map((client) => client.receives('\r\n\r\n')));
    else await this.arrives(count);
    return begun;
  }

  arrives(count: number): Promise<void> {
    return eventually(() => this.#release.length >= count, 'the requests at the backend');
  }

  async inFlight(): Promise<number> {
    return (await ledgerOf(this.admin, this.pool)).backends['web.1']?.inFlight ?? 0;
  }

  async reaches(count: number): Promise<void> {
    await expect.poll(() => this.inFlight(), { interval: 5, message: 'in flight' }).toBe(count);
  }

  /** Requests go there while web.1 drains. */
  async addOther(): Promise<void> {
    await this.admin.must('PUT', `/v1/pools/${this.pool}/backends/web.2`, { address: this.addresses[1] });
  }

  drain(body: object = LONG, key?: string): Promise<Reply<End>> {
    return this.admin.post<End>(`${this.web1}/drain`, body, {
      ...WAIT,
      ...(key === undefined ? {} : { key }),
    });
  }

  async isDraining(): Promise<void> {
    const state = async () => (await this.admin.get<{ state: string }>(this.web1)).body.state;
    await expect.poll(state, { interval: 5 }).toBe('draining');
  }

  async isRemoved(): Promise<void> {
    const status = async () => (await this.admin.get(this.web1)).status;
    await expect.poll(status, { interval: 5, message: 'web.1 removed' }).toBe(404);
  }

  /** Leases of other tests may still linger. */
  async everythingIsGivenBack(): Promise<void> {
    const out = async () => {
      const { body } = await this.admin.get<string>('/metrics');
      const count = (name: string) => Number(new RegExp(`^${name}_total (\\d+)$`, 'm').exec(body)?.[1]);
      return count('switchyard_checkouts') - count('switchyard_checkins');
    };
    await expect.poll(out, { interval: 20, message: 'check-outs not checked in' }).toBe(0);
  }

  async drainEvents(): Promise<HistoryEvent[]> {
    const events = await eventsOf(this.admin);
    return events.filter(
      ({ stream, type }) => stream === `pool-${this.pool}` && type.startsWith('BackendDrain'),
    );
  }

  linesOf(path: string): string[] {
    const lines = this.router.output().split('\n');
    return lines.filter((line) => line.includes(`path="${path}" host=${this.host}`));
  }

  async ledger(): Promise<{ drainUntilMs?: number }> {
    const { body } = await this.admin.get<{ backends: Record<string, { drainUntilMs?: number }> }>(
      `/v1/pools/${this.pool}/ledger`,
    );
    return body.backends['web.1'] ?? {};
  }

  async restart(): Promise<void> {
    await this.admin[Symbol.asyncDispose]();
    this.router = this.#stack.use(await startRouter({ directory: this.directory, args: ['--workers', '1'] }));
    this.admin = new AdminClient(this.router.admin);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.clients) client.close();
    await this.admin[Symbol.asyncDispose]();
    await this.#stack.disposeAsync();
  }
}

let stage: Stage;
beforeAll(async () => {
  stage = await Stage.start();
});
afterAll(() => stage[Symbol.asyncDispose]());

describe('a drain that is waited for', () => {
  it('is answered when all that was under way has finished, and nothing new has come', async () => {
    await using s = await Scene.on(stage);
    const clients = await s.begin('/slow', 6);
    await s.addOther();
    const waiting = s.drain();
    await s.isDraining();
    for (let i = 0; i < 20; i++) expect((await ask(s.router.port, s.host)).text).toBe('other');
    s.release();
    const reply = await waiting;
    expect(reply).toMatchObject({ status: 200, body: { drained: true, finished: 6, cut: 0 } });
    expect(reply.headers['preference-applied']).toBe('wait');
    for (const client of clients)
      expect(await client.response()).toMatchObject({ status: 200, body: 'slow' });
    expect((await s.drainEvents()).at(-1)).toMatchObject({
      type: 'BackendDrained',
      data: { id: 'web.1', finished: 6, cut: 0 },
      metadata: { author: 'switchyard' },
    });
  });

  it('cuts at the deadline what is unfinished in every worker, and says how many', async () => {
    await using s = await Scene.on(stage);
    const slow = await s.begin('/slow', 4);
    const half = await s.begin('/half', 4);
    const pipes = await s.begin('/pipe', 4);
    s.release(2);
    await s.reaches(10);
    const reply = await s.drain({ timeoutMs: 300 });
    expect(reply).toMatchObject({ status: 200, body: { drained: true, finished: 0, cut: 10 } });
    for (const client of [...half, ...pipes]) await client.ends();
    const answers = await Promise.all(slow.map((client) => client.response()));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 503, 503]);
    expect(await s.inFlight()).toBe(0);
    await s.everythingIsGivenBack();
    const lines = () => [...s.linesOf('/half'), ...s.linesOf('/pipe'), ...s.linesOf('/slow')];
    await eventually(() => lines().length === 12, 'the lines of all requests');
    const cut = lines().filter((line) => line.includes('outcome=drain_timeout'));
    expect(cut).toHaveLength(10);
    for (const line of cut) expect(line).toContain('code=H24 desc="Forced close"');
  });

  it('without time to finish cuts at once', async () => {
    await using s = await Scene.on(stage);
    const [client] = await s.begin('/slow', 1);
    expect(await s.drain({ timeoutMs: 0 })).toMatchObject({ status: 200, body: { finished: 0, cut: 1 } });
    expect((await client!.response()).status).toBe(503);
  });

  it('of an idle backend is answered at once, and again', async () => {
    await using s = await Scene.on(stage);
    expect(await s.drain()).toMatchObject({ status: 200, body: { finished: 0, cut: 0 } });
    expect(await s.drain({ timeoutMs: 1 })).toMatchObject({ status: 200, body: { finished: 0, cut: 0 } });
    const drains = (await s.drainEvents()).map(({ type }) => type);
    expect(drains).toEqual([
      'BackendDrainStarted',
      'BackendDrained',
      'BackendDrainStarted',
      'BackendDrained',
    ]);
  });

  it('where sessions are sticky is over at the deadline, and counts those that came back until then', async () => {
    await using s = await Scene.on(stage);
    await s.admin.must('PUT', `/v1/pools/${s.pool}`, { affinity: { cookie: 'home' } });
    const [first] = await s.begin('/slow', 1);
    s.release();
    const cookie = (await first!.response()).headers.get('set-cookie')?.split(';')[0] ?? '';
    await s.addOther();
    const began = performance.now();
    const waiting = s.drain({ timeoutMs: 3000 });
    await s.isDraining();
    const ends = waiting.then(() => performance.now());
    const returns = ask(s.router.port, s.host, '/slow', { headers: { cookie } });
    await s.arrives(1);
    s.release();
    expect((await returns).text).toBe('slow');
    expect((await ask(s.router.port, s.host)).text).toBe('other');
    expect(await waiting).toMatchObject({ status: 200, body: { drained: true, finished: 1, cut: 0 } });
    expect((await ends) - began).toBeGreaterThanOrEqual(3000);
    expect((await ask(s.router.port, s.host, '/', { headers: { cookie } })).text).toBe('other');
  });

  it('is answered 202 when the time to wait is up, and goes on', async () => {
    await using s = await Scene.on(stage);
    await s.begin('/slow', 1);
    const reply = await s.admin.post<End>(`${s.web1}/drain`, LONG, { headers: { prefer: 'wait=1' } });
    expect(reply).toMatchObject({ status: 202, body: { drained: false } });
    expect(await s.inFlight()).toBe(1);
  });

  it('a second one meanwhile sets the time anew, and both are answered', async () => {
    await using s = await Scene.on(stage);
    await s.begin('/slow', 2);
    const first = s.drain();
    await s.isDraining();
    const second = s.drain({ timeoutMs: 200 });
    for (const reply of await Promise.all([first, second]))
      expect(reply).toMatchObject({ status: 200, body: { drained: true, finished: 0, cut: 2 } });
  });

  it('is answered when the backend is removed meanwhile, at its end; the deadline stays', async () => {
    await using s = await Scene.on(stage);
    await s.begin('/slow', 3);
    const waiting = s.drain({ timeoutMs: 3000 });
    await s.isDraining();
    await s.admin.must('DELETE', s.web1);
    s.release(1);
    expect(await waiting).toMatchObject({ status: 200, body: { drained: true, finished: 1, cut: 2 } });
  });

  it('is answered 409 when the backend is put up again, and then nothing is cut', async () => {
    await using s = await Scene.on(stage);
    const [client] = await s.begin('/slow', 1);
    const waiting = s.drain({ timeoutMs: 2000 });
    await s.isDraining();
    await s.admin.must('PUT', s.web1, { address: s.addresses[0] });
    expect(await waiting).toMatchObject({ status: 409, body: { type: 'drain_withdrawn' } });
    await pause(2200);
    s.release();
    expect((await client!.response()).status).toBe(200);
  });
});

describe('a crash during a drain', () => {
  it('of its owner changes nothing', async () => {
    await using s = await Scene.on(stage);
    await s.begin('/slow', 3);
    const waiting = s.drain();
    await s.isDraining();
    for (let i = 0; i < 3; i++) await s.admin.must('POST', '/v1/chaos', { crash: `pool:${s.pool}` });
    s.release();
    expect(await waiting).toMatchObject({ status: 200, body: { finished: 3, cut: 0 } });
  });

  it('of a worker cuts what that worker had under way, and no more', async () => {
    await using s = await Scene.on(stage);
    const clients = await s.begin('/slow', 8);
    const waiting = s.drain();
    await s.isDraining();
    await s.admin.must('POST', '/v1/chaos', { crash: 'worker:1' });
    await eventually(() => s.router.output().includes('worker:1 restarted'), 'the worker again');
    const lost = clients.filter((client) => client.over).length;
    s.release();
    expect(await waiting).toMatchObject({ status: 200, body: { finished: 8 - lost, cut: lost } });
    expect((await actorsOf(s.admin)).find(({ id }) => id === 'worker:1')).toMatchObject({ state: 'running' });
  });

  it('or the end of the router: who waits is told that it stops, and finds it drained afterwards', async () => {
    await using own = await Stage.start(2);
    await using s = await Scene.on(own);
    await s.begin('/slow', 1);
    const waiting = s.drain(LONG, 'the-drain');
    await s.isDraining();
    const stopped = s.router.stop();
    expect(await waiting).toMatchObject({ status: 503, body: { type: 'router_stopping' } });
    await stopped;
    await s.restart();
    expect((await s.admin.get(s.web1)).body).toMatchObject({ state: 'draining' });
    expect(await s.drain(LONG, 'the-drain')).toMatchObject({ status: 200, body: { drained: true } });
  });

  it('such as kill -9: asked again under its key it is the same drain, and over', async () => {
    await using own = await Stage.start(1);
    await using s = await Scene.on(own);
    await s.begin('/slow', 1);
    const waiting = s.drain(LONG, 'the-drain');
    const lost = expect(waiting).rejects.toThrow();
    await s.isDraining();
    const { drainUntilMs } = await s.ledger();
    await s.router.kill();
    await lost;
    await s.restart();
    const reply = await s.drain(LONG, 'the-drain');
    expect(reply).toMatchObject({ status: 200, body: { drained: true, finished: 0, cut: 0 } });
    expect(await s.ledger()).toMatchObject({ drainUntilMs });
    const types = (await s.drainEvents()).map(({ type }) => type);
    expect(types).toEqual(['BackendDrainStarted', 'BackendDrained']);
  });
});

describe('the command line', () => {
  it('waits for a drain and tells how it ended', async () => {
    await using s = await Scene.on(stage);
    await s.begin('/slow', 2);
    const args = [
      'backend',
      'drain',
      s.pool,
      'web.1',
      '--wait',
      '--timeout-ms',
      '400',
      '--admin',
      s.router.admin,
    ];
    const { code, output } = await runCommand(args);
    expect({ code, output }).toEqual({
      code: 0,
      output: `backend ${s.pool}/web.1 is drained: 0 finished, 2 cut\n`,
    });
  });

  it('removes a backend and waits for what it has under way', async () => {
    await using s = await Scene.on(stage);
    await s.begin('/slow', 2);
    const removed = runCommand(['backend', 'remove', s.pool, 'web.1', '--wait', '--admin', s.router.admin]);
    await s.isRemoved();
    s.release();
    const { code, output } = await removed;
    expect(code).toBe(0);
    expect(output).toMatch(
      new RegExp(`^backend ${s.pool}/web.1 removed: in force at position \\d+, 2 finished, 0 cut\n$`),
    );
  });

  it('removes a pool and waits for what its backends have under way', async () => {
    await using s = await Scene.on(stage);
    await s.begin('/slow', 2);
    await s.admin.must('DELETE', `/v1/domains/${s.host}`);
    let isOver = false;
    const args = ['pool', 'remove', s.pool, '--wait', '--admin', s.router.admin];
    const removed = runCommand(args).finally(() => {
      isOver = true;
    });
    await s.isRemoved();
    // Longer than an answer takes that waits for nothing.
    await pause(1500);
    expect(isOver).toBe(false);
    s.release();
    const { code, output } = await removed;
    expect(code).toBe(0);
    expect(output).toMatch(new RegExp(`^pool ${s.pool} removed: in force at position \\d+\n`));
    expect(output).toContain(`backend ${s.pool}/web.1 is drained: `);
  });

  it('rolls back and waits for those that it removed', async () => {
    await using s = await Scene.on(stage);
    const { position } = (await s.admin.get('/v1/state')).body as { position: number };
    await s.admin.must('PUT', s.web1.replace('web.1', 'web.3'), { address: s.addresses[1] });
    await s.admin.must('DELETE', s.web1);
    const back = ['rollback', '--to', `${position}`, '--pool', s.pool, '--wait', '--admin', s.router.admin];
    expect(await runCommand(back)).toMatchObject({ code: 0 });
    await s.begin('/slow', 2);
    const gone = runCommand(['rollback', '--to', `${position + 2}`, ...back.slice(3)]);
    await s.isRemoved();
    s.release();
    const { code, output } = await gone;
    expect(code).toBe(0);
    expect(output).toContain(`backend ${s.pool}/web.1 is drained: 2 finished, 0 cut\n`);
  });

  it('applies and waits for those that it removed', async () => {
    await using own = await Stage.start(1);
    await using s = await Scene.on(own);
    await s.begin('/slow', 2);
    const file = `${s.directory}/config.json`;
    const kept = { 'web.2': { address: s.addresses[1] } };
    const wish = { pools: { [s.pool]: { backends: kept } }, domains: { [s.host]: { pool: s.pool } } };
    await writeFile(file, JSON.stringify(wish));
    const applied = runCommand(['apply', file, '--wait', '--admin', s.router.admin]);
    await s.isRemoved();
    s.release();
    const { code, output } = await applied;
    expect(code).toBe(0);
    expect(output).toContain(`backend ${s.pool}/web.1 is drained: 2 finished, 0 cut`);
  });
});
