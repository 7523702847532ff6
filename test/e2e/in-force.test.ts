/** In force when acknowledged: a request that starts after the reply to a change meets it, under load as well. */
import type { IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { AdminClient } from '../support/admin-client.ts';
import { ask } from '../support/ask.ts';
import { Backend } from '../support/backend.ts';
import { Chance } from '../support/chance.ts';
import { eventually } from '../support/eventually.ts';
import { startLoad, summary } from '../support/load.ts';
import { type RouterProcess, startRouter } from '../support/router-process.ts';
import { tempDirectory } from '../support/temp-directory.ts';

// The bar is 10 000; a run of all tests has less time.
const CHANGES = Number(process.env['E2E_CHANGES'] ?? 1000);
const LANES = 5;
const LOAD_PER_SECOND = 500;

/** One side that changes its own domain and pool and looks each time at what a request then gets. */
class Lane {
  readonly #host: string;
  readonly #pools: readonly [string, string];
  readonly #backends: readonly Backend[];
  readonly #router: RouterProcess;
  readonly #admin: AdminClient;
  readonly #chance: Chance;
  /** What must be in force, told by no one but us. */
  #pool: string | undefined;
  readonly #members = new Map<string, Set<Backend>>();

  constructor(
    name: number,
    backends: readonly Backend[],
    router: RouterProcess,
    admin: AdminClient,
    chance: Chance,
  ) {
    this.#host = `lane${name}.example`;
    this.#pools = [`lane${name}-a`, `lane${name}-b`];
    this.#backends = backends;
    this.#router = router;
    this.#admin = admin;
    this.#chance = chance;
  }

  async begin(): Promise<void> {
    for (const pool of this.#pools) {
      await this.#admin.must('PUT', `/v1/pools/${pool}`, { queue: { maxWaitMs: 100 } });
      this.#members.set(pool, new Set());
    }
  }

  async change(): Promise<void> {
    const what = await this.#random();
    const asked = await ask(this.#router.port, this.#host);
    this.#check(asked.status, asked.backend, what);
  }

  async #random(): Promise<string> {
    const pool = this.#chance.pick(this.#pools);
    const backend = this.#chance.pick(this.#backends);
    const path = `/v1/pools/${pool}/backends/${backend.name}`;
    const members = this.#members.get(pool) ?? new Set();
    switch (this.#chance.below(6)) {
      case 0:
      case 1:
        await this.#admin.must('PUT', `/v1/domains/${this.#host}`, { pool });
        this.#pool = pool;
        return `domain to ${pool}`;
      case 2:
        if (this.#pool !== undefined) await this.#admin.must('DELETE', `/v1/domains/${this.#host}`);
        this.#pool = undefined;
        return 'domain removed';
      case 3:
        if (members.has(backend)) await this.#admin.must('DELETE', path);
        members.delete(backend);
        return `${backend.name} removed from ${pool}`;
      case 4:
        await this.#admin.must('PUT', path, { address: backend.address, weight: 1 + this.#chance.below(9) });
        members.add(backend);
        return `${backend.name} added to ${pool}`;
      default:
        // To be drained is to be out of it for new requests; putting it again would bring it back.
        if (members.has(backend)) await this.#admin.must('POST', `${path}/drain`, { timeoutMs: 1000 });
        if (members.delete(backend)) await this.#admin.must('DELETE', path);
        return `${backend.name} drained in ${pool}`;
    }
  }

  #check(status: number, backend: string | undefined, what: string): void {
    const members = this.#pool === undefined ? undefined : this.#members.get(this.#pool);
    const names = [...(members ?? [])].map(({ name }) => name);
    const expected = members === undefined ? 404 : names.length === 0 ? 503 : 200;
    const fits = status === expected && (expected !== 200 || names.includes(backend ?? ''));
    if (fits) return;
    throw new Error(
      `after "${what}": expected ${expected} from ${names.join(' or ')}, found ${status} from ${backend}`,
    );
  }
}

describe('a change that was acknowledged', () => {
  it(`is met by the next request, ${CHANGES} times under load, and disturbs no other domain`, {
    timeout: 180_000 + CHANGES * 60,
  }, async () => {
    const chance = new Chance();
    await using stack = new AsyncDisposableStack();
    const directory = stack.use(await tempDirectory());
    const start = async (name: string) => stack.use(await Backend.start({ name }));
    const backends = [await start('one'), await start('two'), await start('three')];
    const steady = await start('steady');
    const slow = await start('slow');
    slow.behave = () => ({ type: 'stream', chunks: 100_000, everyMs: 20 });
    const router = stack.use(
      await startRouter({
        directory: directory.path,
        config: {
          accessLog: false,
          pools: {
            steady: { backends: { steady: { address: steady.address } } },
            slow: { backends: { slow: { address: slow.address } } },
          },
          domains: { 'steady.example': { pool: 'steady' }, 'slow.example': { pool: 'slow' } },
        },
      }),
    );
    const admin = stack.use(new AdminClient(router.admin));
    const open = await openStream(router.port);
    const load = stack.use(
      startLoad({ port: router.port, connections: 8, hosts: ['steady.example'], perSecond: LOAD_PER_SECOND }),
    );
    await load.completes(8);
    const connectionsBefore = steady.open;
    await Promise.all(
      Array.from({ length: LANES }, async (_, name) => {
        const lane = new Lane(name, backends, router, admin, new Chance(chance.seed + name));
        await lane.begin();
        for (let count = 0; count < CHANGES / LANES; count++) await lane.change();
      }),
    ).catch((error: Error) => {
      throw new Error(`seed ${chance.seed}: ${error.message}`);
    });
    const figures = await load.stop();
    expect(summary(figures)).toBe('');
    expect(steady.open).toBeLessThanOrEqual(Math.max(connectionsBefore, 8));
    const before = open.bytes();
    await eventually(() => open.bytes() > before, 'more of the stream that was open throughout');
    expect(open.ended()).toBe(false);
    open.close();
  });
});

describe('a pool whose backends are all replaced at once', () => {
  // More than a request may try.
  it.each([3, 20])('fails no request, of %i backends', async (count) => {
    await using stack = new AsyncDisposableStack();
    const directory = stack.use(await tempDirectory());
    const { address } = stack.use(await Backend.start({ name: 'web' }));
    const named = (release: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, index) => [`v${release}.${index}`, { address }]));
    const router = stack.use(
      await startRouter({
        directory: directory.path,
        config: {
          accessLog: false,
          pools: { web: { backends: named(0) } },
          domains: { 'example.com': { pool: 'web' } },
        },
      }),
    );
    const admin = stack.use(new AdminClient(router.admin));
    const load = stack.use(startLoad({ port: router.port, connections: 16, hosts: ['example.com'] }));
    await load.completes(16);
    for (let release = 1; release <= 100; release++)
      await admin.must('PUT', '/v1/pools/web', { backends: named(release) });
    expect(summary(await load.stop())).toBe('');
  });
});

describe('a removed backend', () => {
  it('never gets another request, though its pool is under load', async () => {
    await using stack = new AsyncDisposableStack();
    const directory = stack.use(await tempDirectory());
    const start = async (name: string) => stack.use(await Backend.start({ name, limit: 4 }));
    const backends = [await start('web.1'), await start('web.2'), await start('web.3')];
    const [victim] = backends;
    if (victim === undefined) throw new Error('expected a backend');
    for (const backend of backends) backend.behave = () => ({ type: 'answer', delayMs: 1 });
    const router = stack.use(
      await startRouter({
        directory: directory.path,
        config: {
          accessLog: false,
          pools: {
            web: {
              // Fewer slots than clients: requests wait in the queue while the backend goes and comes.
              maxConcurrency: 4,
              backends: Object.fromEntries(backends.map(({ name, address }) => [name, { address }])),
            },
          },
          domains: { 'example.com': { pool: 'web' } },
        },
      }),
    );
    const admin = stack.use(new AdminClient(router.admin));
    const load = stack.use(startLoad({ port: router.port, connections: 16, hosts: ['example.com'] }));
    let allowed = true;
    let begun: readonly number[] = [];
    const strays: string[] = [];
    victim.onRequest = (request) => {
      if (!allowed && startedAfter(request, begun)) strays.push(request.url ?? '');
    };
    for (let round = 0; round < 30; round++) {
      await load.completes(50);
      await admin.must('DELETE', '/v1/pools/web/backends/web.1');
      begun = load.begun();
      allowed = false;
      const served = victim.requests;
      await load.completes(100);
      // Only those that were on their way when the reply came.
      expect(victim.requests - served).toBeLessThanOrEqual(16);
      allowed = true;
      await admin.must('PUT', '/v1/pools/web/backends/web.1', { address: victim.address });
    }
    const figures = await load.stop();
    expect(strays).toEqual([]);
    expect(summary(figures)).toBe('');
    expect(backends.flatMap(({ excess }) => excess)).toEqual([]);
    expect(victim.requests).toBeGreaterThan(100);
  });
});

/** The path of a load request is `/client/sequence`; each client had begun `begun[client]` requests at the reply. */
function startedAfter({ url = '' }: IncomingMessage, begun: readonly number[]): boolean {
  const [, client = '', sequence = ''] = url.split('/');
  return Number(sequence) >= (begun[Number(client)] ?? 0);
}

async function openStream(port: number) {
  const socket = connect(port, '127.0.0.1');
  let bytes = 0;
  let ended = false;
  socket.on('data', (chunk) => {
    bytes += chunk.length;
  });
  socket.on('close', () => {
    ended = true;
  });
  socket.on('error', () => {});
  socket.write('GET /slow HTTP/1.1\r\nHost: slow.example\r\n\r\n');
  await eventually(() => bytes > 0 || ended, 'the beginning of a stream');
  return { bytes: () => bytes, ended: () => ended, close: () => socket.destroy() };
}
