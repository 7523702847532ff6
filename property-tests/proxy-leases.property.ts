/**
 * Whatever clients and backends do, and wherever our own code throws: every lease is given back exactly once, no
 * backend ever has more connections than its limit, nobody gets another's response, and what is not idempotent is
 * delivered at most once.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { eventually, pause } from '../test/support/eventually.ts';
import { PlaneUnderTest } from '../test/support/plane-under-test.ts';
import {
  type BackendConnection,
  type RawRequest,
  ScriptedBackend,
} from '../test/support/scripted-backend.ts';

const CLIENT_ENDS = ['waits', 'closes', 'resets', 'half-closes', 'stops sending'] as const;
const BACKEND_DOES = [
  'answers',
  'answers in chunks',
  'answers until the end',
  'answers and closes',
  'says nothing',
  'closes',
  'resets',
  'breaks off',
  'talks nonsense',
  'says too much',
  'is unavailable',
] as const;

type Act = {
  readonly method: 'GET' | 'POST' | 'PUT';
  readonly bodyBytes: number;
  readonly isChunked: boolean;
  readonly client: (typeof CLIENT_ENDS)[number];
  readonly afterMs: number;
  readonly backend: (typeof BACKEND_DOES)[number];
  readonly delayMs: number;
};

const act: fc.Arbitrary<Act> = fc.record({
  method: fc.constantFrom('GET', 'POST', 'PUT'),
  bodyBytes: fc.oneof(fc.constant(0), fc.nat(200), fc.constant(100_000)),
  isChunked: fc.boolean(),
  client: fc.oneof({ weight: 3, arbitrary: fc.constant('waits' as const) }, fc.constantFrom(...CLIENT_ENDS)),
  afterMs: fc.nat(30),
  backend: fc.oneof(
    { weight: 3, arbitrary: fc.constant('answers' as const) },
    fc.constantFrom(...BACKEND_DOES),
  ),
  delayMs: fc.nat(20),
});

const scenario = fc.record({
  limit: fc.integer({ min: 1, max: 3 }),
  backends: fc.integer({ min: 1, max: 3 }),
  hasDeadBackend: fc.boolean(),
  /** What the pool retries, within a budget that never ends or at once does. */
  retries: fc.record({
    statuses: fc.constantFrom<number[]>([], [503]),
    firstByteTimeouts: fc.boolean(),
    budgetPercent: fc.constantFrom(0, 20, 100),
  }),
  clients: fc.array(fc.array(act, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 6 }),
  /** The n-th change of phase at which our code throws; none beyond the last. */
  throwsAt: fc.array(fc.nat(60), { maxLength: 3 }),
});

type Scenario = typeof scenario extends fc.Arbitrary<infer T> ? T : never;

function answerOf(act: Act, request: RawRequest): string {
  const body = request.target;
  switch (act.backend) {
    case 'answers in chunks':
      return `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
    case 'talks nonsense':
      return 'HTTP/1.1 abc\r\n\r\n';
    case 'breaks off':
      return `HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n${body}`;
    case 'answers until the end':
      return `HTTP/1.1 200 OK\r\n\r\n${body}`;
    case 'says too much':
      return `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil`;
    case 'is unavailable':
      return 'HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nbusy';
    default:
      return `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  }
}

async function serve(
  acts: ReadonlyMap<string, Act>,
  request: RawRequest,
  connection: BackendConnection,
): Promise<undefined> {
  const act = acts.get(request.target);
  if (act === undefined) throw new Error(`nobody asked for ${request.target}`);
  await pause(act.delayMs);
  if (connection.closed) return;
  if (act.backend === 'says nothing') return;
  if (act.backend === 'resets') connection.reset();
  else if (act.backend === 'closes') connection.end();
  else {
    connection.send(answerOf(act, request));
    if (['answers and closes', 'answers until the end', 'breaks off'].includes(act.backend)) connection.end();
  }
}

function requestBytes(act: Act, target: string): string {
  const head = `${act.method} ${target} HTTP/1.1\r\nHost: app.test\r\n`;
  if (act.method === 'GET' || act.bodyBytes === 0) return `${head}Content-Length: 0\r\n\r\n`;
  const body = 'b'.repeat(act.bodyBytes);
  if (!act.isChunked) return `${head}Content-Length: ${body.length}\r\n\r\n${body}`;
  return `${head}Transfer-Encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
}

async function play(router: PlaneUnderTest, acts: readonly (readonly [string, Act])[]): Promise<void> {
  let client = await router.connect();
  for (const [target, act] of acts) {
    if (client.over) client = await router.connect();
    const bytes = requestBytes(act, target);
    if (act.client === 'stops sending') client.send(bytes.slice(0, -1 - (act.bodyBytes >> 1)));
    else client.send(bytes);
    if (act.client !== 'waits' && act.client !== 'stops sending') {
      await pause(act.afterMs);
      if (act.client === 'closes') client.close();
      if (act.client === 'resets') client.reset();
      if (act.client === 'half-closes') client.end();
      client = await router.connect();
      continue;
    }
    const response = await client.response().catch(() => undefined);
    if (response === undefined) continue;
    if (response.status === 200)
      expect(target.startsWith(response.body) && response.body !== '' ? target : response.body).toBe(target);
    if (!response.complete || act.client === 'stops sending') {
      client.close();
      client = await router.connect();
    }
  }
  client.close();
}

async function run({ limit, backends, hasDeadBackend, retries, clients, throwsAt }: Scenario): Promise<void> {
  const acts = new Map<string, Act>();
  const scripts = clients.map((list, c) => list.map((one, i) => [`/${c}-${i}/`, one] as const));
  for (const list of scripts) for (const [target, one] of list) acts.set(target, one);
  const servers = await Promise.all(
    Array.from({ length: backends }, () =>
      ScriptedBackend.listen((request, connection) => serve(acts, request, connection)),
    ),
  );
  const wishes = Object.fromEntries(
    servers.map(({ port }, i) => [`web.${i}`, { port, maxConcurrency: limit }]),
  );
  const dead = hasDeadBackend ? { dead: { port: 1, maxConcurrency: limit } } : {};
  let phases = 0;
  const router = await PlaneUnderTest.start({
    backends: { ...wishes, ...dead },
    pool: {
      queue: { maxWaitMs: 300 },
      retries,
      timeouts: { connectMs: 200, firstByteMs: 60, idleMs: 60, abortLingerMs: 500, upstreamKeepAliveMs: 100 },
      health: { passive: { quarantineMs: 50 } },
    },
    listener: { timeouts: { bodyIdleMs: 50, headersMs: 50, keepAliveMs: 1000 } },
    observe: () => {
      if (throwsAt.includes(phases++)) throw new Error('a bug of ours');
    },
  });
  try {
    await Promise.all(scripts.map((list) => play(router, list)));
    await eventually(() => router.isQuiet, 'every lease given back and nothing under way');
    const { checkouts, checkins } = router.plane.counters;
    expect(checkins).toBe(checkouts);
    for (const server of servers) expect(server.mostOpen).toBeLessThanOrEqual(limit);
    const delivered = servers.flatMap(({ requests }, i) =>
      requests.map((request) => ({ ...request, server: i })),
    );
    const posted = delivered.filter(({ method }) => method === 'POST').map(({ target }) => target);
    expect(new Set(posted).size, 'what is not idempotent is delivered once').toBe(posted.length);
    // A second time to the same one only where the first went over a connection that had been kept.
    const twice = delivered.map(({ target, server }) => `${target} ${server}`);
    expect(twice.length - new Set(twice).size).toBeLessThanOrEqual(router.plane.counters.resends);
  } finally {
    await router.close();
    for (const server of servers) await server.close();
  }
}

describe('any schedule of clients, backends and bugs', () => {
  it('gives every lease back once, keeps every limit, and mixes nothing up', async () => {
    await fc.assert(fc.asyncProperty(scenario, run), {
      numRuns: 60,
      endOnFailure: false,
      interruptAfterTimeLimit: 15_000,
    });
  });
});
