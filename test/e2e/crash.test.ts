/**
 * A crash costs no request: owners and static parts are crashed many times a second under load and commands, and
 * only who looks at /v1/actors can tell. A worker's crash costs its own connections and nothing else.
 */
import { describe, expect, it } from 'vitest';
import { median } from '../../bench/statistics.ts';
import {
  type Actor,
  AdminClient,
  actorsOf,
  ledgerOf,
  type Method,
  type Reply,
} from '../support/admin-client.ts';
import { ask } from '../support/ask.ts';
import { Backend } from '../support/backend.ts';
import { Chance } from '../support/chance.ts';
import { PATIENCE_MS } from '../support/eventually.ts';
import { eventsOf, foldNaively, stateOf } from '../support/history.ts';
import { startLoad, summary } from '../support/load.ts';
import { type RouterProcess, startRouter } from '../support/router-process.ts';
import { tempDirectory } from '../support/temp-directory.ts';

// The bar is 30 s; a run of all tests has less time.
const SECONDS = Number(process.env['E2E_CRASH_SECONDS'] ?? 10);
const PER_SECOND = Number(process.env['E2E_CRASH_RATE'] ?? 2000);
const LIMIT = 6;
const HOSTS = ['a.example', 'b.example', 'c.example'];
const POINTS = [
  'before-append',
  'after-append',
  'before-publish',
  'in-ledger',
  'in-activation',
  undefined,
] as const;
const STATIC_PARTS = ['log', 'feed', 'admin', 'health', 'activation'];
// The static parts may crash ten times in ten seconds before their supervisor gives up, as OTP's would.
const STATIC_EVERY_MS = 1500;
const OWNER_EVERY_MS = 20;
// Workers have the same window.
const WORKER_EVERY_MS = 1200;

type Scene = AsyncDisposable & {
  readonly router: RouterProcess;
  readonly admin: AdminClient;
  readonly backends: readonly Backend[];
};

async function startScene(): Promise<Scene> {
  await using stack = new AsyncDisposableStack();
  const directory = stack.use(await tempDirectory());
  const backends: Backend[] = [];
  for (const name of ['web.1', 'web.2', 'web.3'])
    backends.push(stack.use(await Backend.start({ name, limit: LIMIT })));
  for (const backend of backends) backend.behave = () => ({ type: 'answer', delayMs: 2 });
  const router = await startRouter({
    directory: directory.path,
    args: ['--chaos'],
    config: {
      accessLog: false,
      pools: {
        web: {
          maxConcurrency: LIMIT,
          backends: Object.fromEntries(backends.map(({ name, address }) => [name, { address }])),
        },
        other: { backends: {} },
      },
      domains: Object.fromEntries(HOSTS.map((host) => [host, { pool: 'web' }])),
    },
  });
  stack.use(router);
  const admin = stack.use(new AdminClient(router.admin));
  const owned = stack.move();
  return { router, admin, backends, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

describe('with owners and static parts crashing all the time', () => {
  it(
    'no request fails, limits hold, commands get definite answers, and state equals the fold',
    async () => {
      const chance = new Chance();
      await using scene = await startScene();
      const { router, admin, backends } = scene;
      await using load = startLoad({
        port: router.port,
        connections: 24,
        hosts: HOSTS,
        perSecond: PER_SECOND,
      });
      const until = performance.now() + SECONDS * 1000;
      const commander = new Commander(admin, new Chance(chance.seed + 1), backends);
      const crashes = { asked: 0, done: 0 };
      const seen = new Set<string>();
      await Promise.all([
        ...[0, 1, 2, 3].map((lane) => commander.run(lane, until)),
        crashOwners(admin, chance, until, crashes),
        crashStaticParts(admin, until, crashes),
        watchActors(admin, until, seen),
      ]);
      await crashUntilParked(admin, 'domain:a.example');
      await load.completes(200);
      const figures = await load.stop();
      const where = `seed ${chance.seed}`;
      expect(summary(figures), `${where}\n${lastWarnings(router)}`).toBe('');
      // Enough to have met the crashes, however busy the machine is.
      expect(figures.completed, where).toBeGreaterThan(SECONDS * PER_SECOND * 0.05);
      expect(
        backends.flatMap(({ excess }) => excess),
        where,
      ).toEqual([]);
      await expectQuiet(admin, backends);
      // Many times a second, on a machine that has nothing else to do.
      expect(crashes.done, where).toBeGreaterThan(SECONDS * 2);
      expect(commander.indefinite, where).toEqual([]);
      expect(commander.answered.length, where).toBeGreaterThan(SECONDS * 2);
      await commander.repeatsAll(where);
      const events = await eventsOf(admin);
      expect(await stateOf(admin), where).toEqual(foldNaively(events));
      expect((await admin.post('/v1/verify')).body, where).toMatchObject({ ok: true });
      expect([...seen], where).toContain('running');
      expect(restartsOf(await actorsOf(admin)), where).toBeGreaterThan(SECONDS);
    },
    (SECONDS + 180) * 1000,
  );
});

describe('with a worker crashing again and again', () => {
  it(
    'only its own connections are lost, it is back within a second, and its leases are given back',
    async () => {
      await using scene = await startScene();
      const { router, admin, backends } = scene;
      const connections = 16;
      await using load = startLoad({
        port: router.port,
        connections,
        hosts: HOSTS,
        perSecond: 500,
        whenRefused: 'retry',
      });
      const ids = (await actorsOf(admin)).flatMap(({ id, kind }) => (kind === 'worker' ? [id] : []));
      let crashes = 0;
      for (const end = performance.now() + SECONDS * 1000; performance.now() < end; ) {
        const next = sleep(WORKER_EVERY_MS);
        // What is being restarted cannot crash.
        const crash = async () =>
          (await admin.post('/v1/chaos', { crash: ids[crashes % ids.length] })).status;
        await expect.poll(crash, { timeout: 20_000 }).toBe(200);
        crashes++;
        await load.completes(200);
        await next;
      }
      const figures = await load.stop();
      expect(figures.failures.length, summary(figures)).toBeLessThanOrEqual(crashes * connections);
      expect(summary(figures)).not.toMatch(/HTTP\/1\.1|no answer/);
      // Beside what the machine stands still without a crash: others may hold the cores while a thread starts.
      const { outagesMs, longestPauseMs } = figures;
      expect(median(outagesMs)).toBeLessThan(Math.max(1000, 2 * longestPauseMs));
      expect(Math.max(...outagesMs)).toBeLessThan(Math.max(5000, 10 * longestPauseMs));
      expect(backends.flatMap(({ excess }) => excess)).toEqual([]);
      await expectQuiet(admin, backends);
      const workersOf = async () => (await actorsOf(admin)).filter(({ kind }) => kind === 'worker');
      await expect
        .poll(async () => (await workersOf()).map(({ state }) => state), { timeout: 20_000 })
        .toEqual(ids.map(() => 'running'));
      expect(restartsOf(await workersOf())).toBe(crashes);
      expect(crashes).toBeGreaterThanOrEqual(2);
    },
    (SECONDS + 180) * 1000,
  );
});

describe('with the threads crashing that no request needs', () => {
  it.each(['historian', 'planner', 'importer', 'journal'])(
    'the %s is parked, and requests go on',
    async (id) => {
      await using scene = await startScene();
      const { router, admin } = scene;
      const crashed = async () => {
        await admin.post('/v1/chaos', { crash: id });
        return (await actorsOf(admin)).find((actor) => actor.id === id)?.state;
      };
      // A static part never is: at its eleventh crash within ten seconds the process ends.
      await expect.poll(crashed, { timeout: 30_000, interval: 20 }).toBe('parked');
      expect((await ask(router.port, 'a.example', '/')).status).toBe(200);
      const known = async () => (await admin.get<{ position: number }>('/v1/state?at=1')).body.position;
      await expect.poll(known, { timeout: PATIENCE_MS }).toBe(1);
    },
  );
});

/** Commands that wish for what they may, each repeated under its key until its answer is definite. */
class Commander {
  readonly answered: { key: string; method: Method; path: string; body: object | undefined; reply: Reply }[] =
    [];
  readonly indefinite: string[] = [];
  readonly #admin: AdminClient;
  readonly #chance: Chance;
  readonly #backends: readonly Backend[];

  constructor(admin: AdminClient, chance: Chance, backends: readonly Backend[]) {
    this.#admin = admin;
    this.#chance = chance;
    this.#backends = backends;
  }

  async run(lane: number, until: number): Promise<void> {
    for (let count = 0; performance.now() < until; count++) {
      const key = `${lane}-${count}`;
      const [method, path, body] = this.#wish();
      const reply = await this.#definite(key, method, path, body, until);
      if (reply === undefined) this.indefinite.push(`${key} ${method} ${path}`);
      else this.answered.push({ key, method, path, body, reply });
    }
  }

  /** What was answered once is answered again, whatever happened in between. */
  async repeatsAll(where: string): Promise<void> {
    for (const { key, method, path, body, reply } of this.answered.slice(-300)) {
      const again = await this.#definite(key, method, path, body);
      const what = `${where}: ${key} ${method} ${path}`;
      // A refusal is no event: it is judged anew, on what is there by now.
      if (reply.status >= 300) continue;
      expect({ status: again?.status, body: again?.body }, what).toEqual({
        status: reply.status,
        body: reply.body,
      });
    }
  }

  /** The domains and the pool under load are changed too, but stay in force: nothing of this may be felt. */
  #wish(): [Method, string, object | undefined] {
    const chance = this.#chance;
    const backend = chance.pick(this.#backends);
    const weight = 1 + chance.below(5);
    const other = `/v1/domains/x${chance.below(20)}.example`;
    const wishes: [Method, string, object | undefined][] = [
      ['PUT', `/v1/domains/${chance.pick(HOSTS)}`, { pool: 'web' }],
      ['PUT', `/v1/pools/web/backends/${backend.name}`, { address: backend.address, weight }],
      ['PUT', '/v1/pools/web', { maxConcurrency: LIMIT, queue: { maxWaiting: 1000 + chance.below(100) } }],
      ['PUT', other, { pool: chance.pick(['web', 'other']) }],
      ['DELETE', other, undefined],
      ['PUT', `/v1/pools/other/backends/o${chance.below(5)}`, { address: backend.address, weight }],
    ];
    return chance.pick(wishes);
  }

  async #definite(
    key: string,
    method: Method,
    path: string,
    body: object | undefined,
    crashesUntil = 0,
  ): Promise<Reply | undefined> {
    // A parked owner is tried again within 5 s; three such times are more than bad luck. While it crashes as soon as it is there,
    // as often as the machine has the time, that says nothing.
    const end = Math.max(performance.now(), crashesUntil) + 15_000;
    while (performance.now() < end) {
      const reply = await this.#admin.send(method, path, body, { key }).catch(() => undefined);
      if (reply !== undefined && reply.status < 500) return reply;
      await sleep(20);
    }
    return undefined;
  }
}

type Crashes = { asked: number; done: number };

async function crashOwners(
  admin: AdminClient,
  chance: Chance,
  until: number,
  crashes: Crashes,
): Promise<void> {
  const owners = [
    ...HOSTS.map((host) => `domain:${host}`),
    'pool:web',
    'pool:other',
    ...['web.1', 'web.2', 'web.3'].map((id) => `backend:web/${id}`),
  ];
  while (performance.now() < until) {
    await crash(admin, chance.pick(owners), chance.pick(POINTS), crashes);
    await sleep(OWNER_EVERY_MS);
  }
}

async function crashStaticParts(admin: AdminClient, until: number, crashes: Crashes): Promise<void> {
  for (let turn = 0; performance.now() < until; turn++) {
    await crash(admin, STATIC_PARTS[turn % STATIC_PARTS.length] ?? 'log', undefined, crashes);
    await sleep(STATIC_EVERY_MS);
  }
}

/**
 * The admin part may be the one that is down just then: then there is no answer, and that is no failure. Nor is 409:
 * what is being restarted cannot crash.
 */
async function crash(
  admin: AdminClient,
  actor: string,
  at: string | undefined,
  crashes: Crashes,
): Promise<void> {
  crashes.asked++;
  const reply = await admin
    .post('/v1/chaos', { crash: actor, ...(at === undefined ? {} : { at }) })
    .catch(() => undefined);
  if (reply?.status === 200) crashes.done++;
  else if (reply !== undefined && reply.status < 500 && reply.status !== 409)
    throw new Error(`chaos ${actor}: ${JSON.stringify(reply.body)}`);
}

/** An owner that spends its window is parked: seen as such, its commands refused, its requests served all the same. */
async function crashUntilParked(admin: AdminClient, id: string): Promise<void> {
  const path = `/v1/domains/${id.slice(id.indexOf(':') + 1)}`;
  for (let count = 0; count < 500; count++) {
    await admin.post('/v1/chaos', { crash: id }).catch(() => undefined);
    const actor = (await actorsOf(admin)).find((each) => each.id === id);
    if (actor?.state !== 'parked') continue;
    // Should it be there again by now, it is as it was.
    const refused = await admin.put(path, { pool: 'web' });
    if (refused.status !== 503) continue;
    expect(refused.body).toMatchObject({ type: 'owner_unavailable' });
    expect(refused.headers['retry-after']).toMatch(/^[1-5]$/);
    return;
  }
  throw new Error(`expected ${id} to be parked after 500 crashes, found it never was`);
}

async function watchActors(admin: AdminClient, until: number, seen: Set<string>): Promise<void> {
  while (performance.now() < until) {
    for (const { state } of await actorsOf(admin).catch((): Actor[] => [])) seen.add(state);
    await sleep(100);
  }
}

function restartsOf(actors: readonly Actor[]): number {
  return actors.reduce((sum, { restarts }) => sum + restarts, 0);
}

/** Nothing is in flight and nobody waits, here and at the backends. */
async function expectQuiet(admin: AdminClient, backends: readonly Backend[]): Promise<void> {
  // An aborted request keeps its slot for abortLingerMs, a second.
  const end = performance.now() + PATIENCE_MS;
  for (;;) {
    const { waiting, backends: rows } = await ledgerOf(admin, 'web');
    const inFlight = Object.values(rows).map((row) => row.inFlight);
    const atBackends = backends.map((backend) => backend.inFlight);
    const busy = waiting + [...inFlight, ...atBackends].reduce((sum, count) => sum + count, 0);
    if (busy === 0) return;
    if (performance.now() > end)
      expect({ waiting, inFlight, atBackends }, 'after the load stopped').toBe('nothing in flight');
    await sleep(50);
  }
}

function lastWarnings(router: RouterProcess): string {
  const lines = router
    .output()
    .split('\n')
    .filter((line) => !line.includes('Sabotage') && !line.includes('"level":"info"'));
  return lines.slice(-20).join('\n');
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
