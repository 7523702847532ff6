/**
 * What explain claims is what happened: random histories and traffic on the real command, with crashes, and every claim held against
 * what clients and backends saw, what the operator did, and a naive model of the ledger.
 */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { keyOf, type LedgerRecord } from '../../actors/index.ts';
import { openJournalReader } from '../../eventlog/index.ts';
import { LocalHistory, type RequestStory, type Step, sourcesOf } from '../../src/history/index.ts';
import { PoolModel } from '../actors/pool/ledger/model.ts';
import { AdminClient } from '../support/admin-client.ts';
import { ask } from '../support/ask.ts';
import { Backend } from '../support/backend.ts';
import { inOrder } from '../support/in-order.ts';
import { type RouterProcess, startRouter } from '../support/router-process.ts';
import { tempDirectory } from '../support/temp-directory.ts';

const SEED = Number(process.env['EXPLAIN_SEED'] ?? Date.now() % 1_000_000);
const REQUESTS = Number(process.env['EXPLAIN_REQUESTS'] ?? 250);
const IDS = ['b.1', 'b.2', 'b.3'] as const;
const HOSTS = ['a.example', 'x.b.example', 'b.example', 'other.example'];
const PATHS = ['/plain', '/api/v1', '/api', '/slow'];

type Seen = { readonly id: string; readonly backend: string };
type Told = { readonly status: number; readonly backend: string | undefined };
type Change = { readonly position: number; readonly stream: string };

/** What was seen from outside, by the path of each request, which no other has. */
class Witness {
  readonly seen = new Map<string, Seen[]>();
  readonly told = new Map<string, Told>();
  readonly hosts = new Map<string, string>();
  /** What the operator did, as the log has it. */
  changes: readonly Change[] = [];

  saw(path: string, id: string, backend: string): void {
    const seen = this.seen.get(path) ?? [];
    seen.push({ id, backend });
    this.seen.set(path, seen);
  }
}

function chanceFrom(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** Longest wildcard wins, an exact name before it. */
function domainOf(host: string): string | null {
  if (host === 'a.example') return 'a.example';
  return host.endsWith('.b.example') ? '*.b.example' : null;
}

function poolOf(host: string, path: string): string | null {
  if (host === 'a.example') return path.startsWith('/api/') || path === '/api' ? 'api' : 'web';
  return domainOf(host) === null ? null : 'api';
}

async function traffic(router: RouterProcess, witness: Witness, chance: (below: number) => number) {
  const under: Promise<void>[] = [];
  for (let number = 0; number < REQUESTS; number++) {
    const host = HOSTS[chance(HOSTS.length)] as string;
    const path = `${PATHS[chance(PATHS.length)]}/${number}`;
    witness.hosts.set(path, host);
    const told = ask(router.port, host, path).then(
      ({ status, backend }) => void witness.told.set(path, { status, backend }),
      () => undefined,
    );
    under.push(told);
    if (under.length >= 20) await under.shift();
  }
  await Promise.all(under);
}

async function operate(admin: AdminClient, backends: readonly Backend[], chance: (below: number) => number) {
  const [first, second] = backends;
  let isThere = true;
  for (let round = 0; round < 12; round++) {
    const id = IDS[chance(3)] as string;
    const address = backends[IDS.indexOf(id as never)]?.address;
    const pool = chance(2) === 0 ? 'web' : 'api';
    const path = `/v1/pools/${pool}/backends/${id}`;
    const what = chance(6);
    if (what === 0) await admin.delete(path);
    else if (what === 1) await admin.put(path, { address, weight: 1 + chance(3), maxConcurrency: 2 });
    else if (what === 2) await admin.post('/v1/chaos', { crash: `pool:${pool}`, at: 'in-ledger' });
    else if (what === 3) await admin.post(`${path}/drain`, { timeoutMs: 50 });
    else {
      await (isThere ? second?.refuse() : second?.accept());
      isThere = !isThere;
    }
    if (round === 6) await admin.post('/v1/chaos', { crash: 'worker:1' });
    if (first !== undefined)
      first.behave = () => ({ type: 'answer', delayMs: chance(8), status: chance(5) === 0 ? 503 : 200 });
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  if (!isThere) await second?.accept();
}

async function operatorsChanges(admin: AdminClient): Promise<readonly Change[]> {
  const { body } = await admin.must<string>('GET', '/v1/events');
  const lines = body.split('\n').filter((line) => line !== '');
  const events = lines.map((line): Change & { metadata: { author: string } } => JSON.parse(line));
  return events.filter(({ metadata }) => metadata.author === 'operator');
}

/** A pool as the naive model has it before each ticket that is asked for. */
function before(data: string, pool: string, tickets: ReadonlySet<number>) {
  const reader = openJournalReader(data);
  const model = new PoolModel();
  const found = new Map<number, { record: LedgerRecord; pool: string }>();
  for (const step of inOrder(reader.operations(keyOf(pool)), keyOf(pool))) {
    if (step.type !== 'operation') throw new Error(`expected every ticket of ${pool}, found a gap`);
    const { record } = step;
    if (tickets.has(record.ticket)) found.set(record.ticket, { record, pool: shown(model, IDS) });
    model.apply(record);
  }
  reader.close();
  return found;
}

/** What is compared of a pool: who has how much in flight, of what limit and weight, and how many wait. */
function shown({ rows, queue }: PoolModel, ids: readonly string[]): string {
  const named = [...rows.values()].map((row) => {
    const id = ids.find((each) => keyOf(each) === row.backendKey) ?? '?';
    return `${id} ${row.leases.size}/${row.limit} x${row.weight}`;
  });
  return `${named.toSorted().join(', ')}; ${queue.length} waiting`;
}

function claimed(step: Step): string {
  const candidates = step.sight?.candidates ?? [];
  const named = candidates.map(
    ({ backend, inFlight, limit, weight }) => `${backend} ${inFlight}/${limit ?? 0} x${weight}`,
  );
  return `${named.toSorted().join(', ')}; ${step.sight?.waiting} waiting`;
}

describe('explain', () => {
  it(`tells the truth of random traffic (EXPLAIN_SEED=${SEED})`, async () => {
    const chance = chanceFrom(SEED);
    await using stack = new AsyncDisposableStack();
    const directory = stack.use(await tempDirectory());
    const data = join(directory.path, 'data');
    const witness = new Witness();
    const backends: Backend[] = [];
    for (const name of IDS) {
      const backend = stack.use(await Backend.start({ name }));
      backend.behave = () => ({ type: 'answer', delayMs: chance(6) });
      backend.onRequest = ({ url = '', headers }) => witness.saw(url, String(headers['x-request-id']), name);
      backends.push(backend);
    }
    const members = Object.fromEntries(
      backends.map(({ name, address }) => [name, { address, maxConcurrency: 2 }]),
    );
    const router = stack.use(
      await startRouter({
        directory: directory.path,
        args: ['--chaos', '--workers', '2'],
        config: {
          accessLog: false,
          pools: {
            web: { backends: members, queue: { maxWaiting: 3, maxWaitMs: 100 } },
            api: {
              policy: 'round-robin',
              backends: members,
              queue: { maxWaiting: 2, maxWaitMs: 15 },
              retries: { statuses: [503] },
            },
          },
          domains: {
            'a.example': { pool: 'web', routes: [{ match: { pathPrefix: '/api' }, pool: 'api' }] },
            '*.b.example': { pool: 'api' },
          },
        },
      }),
    );
    const admin = stack.use(new AdminClient(router.admin, { author: 'operator' }));
    await Promise.all([traffic(router, witness, chance), operate(admin, backends, chance)]);

    // At once, from the running router: whoever was answered is known.
    const some = [...witness.seen].filter(([path]) => witness.told.has(path)).slice(-5);
    for (const [, [seen]] of some) expect((await admin.get(`/v1/requests/${seen?.id}`)).status).toBe(200);
    witness.changes = await operatorsChanges(admin);
    await router.stop();

    const past = sourcesOf(data, Date.now);
    stack.defer(() => past.close());
    const history = new LocalHistory(past);
    const reader = openJournalReader(data);
    stack.defer(() => reader.close());
    const records = [...reader.requests()];
    const gaps = reader.gaps().map(({ cause }) => cause);
    const recorded = new Map(records.map(({ path, id }) => [path, id]));
    const missing = [...witness.told.keys()].filter((path) => !recorded.has(path));
    expect({ missing: missing.length, gaps }).toEqual({ missing: 0, gaps: [] });

    const stories = new Map<string, RequestStory>();
    for (const [path, id] of recorded) stories.set(path, await history.ask('explain', { id }));
    for (const [path, story] of stories) facts(path, story, witness);
    for (const pool of ['web', 'api']) {
      const steps = [...stories.values()]
        .filter((story) => story.pool === pool)
        .flatMap((story) => story.steps);
      const tickets = new Set(steps.flatMap(({ ticket }) => (ticket === null ? [] : [ticket])));
      const truth = before(data, pool, tickets);
      for (const step of steps) decided(step, truth);
    }
    // With nothing otherwise, what would have been is what was.
    const { pools } = await history.ask('whatIf', {});
    for (const { pool, differsFrom, simulated, recorded: was } of pools) {
      expect([pool, differsFrom]).toEqual([pool, null]);
      expect(simulated).toEqual(was);
    }
    expect(pools).toHaveLength(2);
    // So that all this was about something.
    const types = new Set([...stories.values()].flatMap(({ steps }) => steps.map(({ type }) => type)));
    expect([...types]).toEqual(expect.arrayContaining(['leased', 'granted', 'queued']));
    expect(stories.size).toBeGreaterThan(REQUESTS * 0.9);
  });
});

/** What clients, backends and the operator know. */
function facts(path: string, story: RequestStory, { seen, told, hosts, changes }: Witness): void {
  const host = hosts.get(path) as string;
  const bare = path.slice(0, path.lastIndexOf('/'));
  expect(story.request).toMatchObject({ method: 'GET', host, path });
  expect(story.domain).toBe(domainOf(host));
  expect(story.pool).toBe(poolOf(host, bare));
  const answer = told.get(path);
  if (answer !== undefined) expect(story.outcome.status, story.id).toBe(answer.status);
  const visits = seen.get(path) ?? [];
  for (const { id } of visits) expect(id).toBe(story.id);
  // A backend it was leased and did not reach ended the attempt before the request was sent.
  const leased = story.steps.filter(({ type }) => type === 'leased' || type === 'granted');
  const reached = leased
    .filter(({ end }) => end === null || end !== 'connect_failed')
    .map(({ backend }) => backend);
  if (answer !== undefined && story.outcome.type === 'responded')
    expect(leased.at(-1)?.backend, story.id).toBe(answer.backend);
  for (const { backend } of visits) expect(reached, story.id).toContain(backend);
  const streams = [`domain-${story.domain}`, `pool-${story.pool}`];
  const own = changes.filter(
    ({ position, stream }) => position <= story.position && streams.includes(stream),
  );
  const last = Math.max(0, ...own.map(({ position }) => position));
  if (last > 0) {
    expect(story.changes.last?.author, story.id).toBe('operator');
    expect(story.changes.last?.position, story.id).toBe(last);
  } else if (story.changes.last !== null) expect(story.changes.last.author).toBe('serve');
}

/** What the ledger's naive model knows. */
function decided(step: Step, truth: ReturnType<typeof before>): void {
  if (step.ticket === null) return;
  const true_ = truth.get(step.ticket);
  expect(true_, step.why).toBeDefined();
  if (true_ === undefined) return;
  const { record } = true_;
  expect(step.type).toBe(
    (
      { checkout: 'leased', grant: 'granted', enqueue: 'queued', refuse: 'refused', leave: 'left' } as Record<
        string,
        string
      >
    )[record.op],
  );
  if ('backendKey' in record) expect(keyOf(step.backend ?? '')).toBe(record.backendKey);
  expect(step.sight).not.toBeNull();
  expect(claimed(step)).toBe(true_.pool);
  const picked = step.sight?.candidates.find(({ backend }) => backend === step.backend);
  if (step.backend === null) return;
  expect(picked?.open).toBe(true);
  expect(picked?.limit === null || (picked?.inFlight ?? 0) < (picked?.limit ?? 0)).toBe(true);
  if (step.sight?.policy !== 'least-request' || picked?.isTrial === true) return;
  const shares = step.sight.candidates
    .filter(({ open }) => open)
    .map(({ inFlight, weight }) => inFlight / weight);
  expect((picked?.inFlight ?? 0) / (picked?.weight ?? 1)).toBeLessThanOrEqual(Math.min(...shares) + 1e-9);
}
