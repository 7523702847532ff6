import { createServer, type Server } from 'node:http';
import type { AddressInfo, LookupFunction } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { createArena, type HealthReport, keyOf, type PoolState, type Running } from '../../actors/index.ts';
import { POOL } from '../../actors/pool/ledger/memory/layout.ts';
import type { PoolName, SparseBackend, SparsePool } from '../../eventlog/index.ts';
import { Prober } from '../../src/health/index.ts';
import { Names, systemNames } from '../../src/proxy/upstream/names.ts';
import { eventually } from '../support/eventually.ts';
import { holdPort } from '../support/held-port.ts';
import { tempDirectory } from '../support/temp-directory.ts';

const WEB = 'web' as PoolName;
const now = () => performance.timeOrigin + performance.now();
const closing: (() => void)[] = [];

afterEach(() => {
  for (const close of closing.splice(0)) close();
});

type Sick = { status: number; asked: string[]; readonly server: Server };

async function backend(where: string | number = 0): Promise<Sick> {
  const sick: Sick = {
    status: 200,
    asked: [],
    server: createServer(({ url, headers }, response) => {
      sick.asked.push(`${url} ${headers['user-agent']}`);
      // 0: it says nothing.
      if (sick.status !== 0) response.writeHead(sick.status).end('fine');
    }),
  };
  await new Promise<void>((resolve) => {
    if (typeof where === 'string') sick.server.listen(where, resolve);
    else sick.server.listen(where, '127.0.0.1', resolve);
  });
  closing.push(() => {
    sick.server.closeAllConnections();
    sick.server.close();
  });
  return sick;
}

const at = ({ server }: Sick): string => {
  const address = server.address() as AddressInfo | string;
  return typeof address === 'string' ? `unix:${address}` : `127.0.0.1:${address.port}`;
};

const RULES = {
  path: '/up?deep=1',
  intervalMs: 100,
  timeoutMs: 60,
  healthyAfter: 2,
  unhealthyAfter: 2,
  statuses: '200-399',
};

async function probed(
  backends: Readonly<Record<string, SparseBackend>>,
  settings: SparsePool = { health: { active: RULES } },
  heed: (report: HealthReport) => void = () => {},
  names: { readonly lookup: LookupFunction } = new Names(systemNames),
) {
  const ledger = createArena({ threads: 2, ring() {}, record: false });
  const pool = { policy: 'least-request', maxWaiting: 9, whenEmpty: 'refuse', seed: 1 } as const;
  const define = (wished: Readonly<Record<string, SparseBackend>>) => {
    const rows = Object.entries(wished).map(([id, { address, state = 'up' }]) => {
      const place = keyOf(address);
      return { backendKey: keyOf(id), limit: 0, weight: 1, state, place, quarantineUntilMs: 0 };
    });
    return ledger.define(keyOf(WEB), pool, rows, 'widen', { position: 1, nowMs: now() });
  };
  await define(backends);
  const reports: HealthReport[] = [];
  const started: string[] = [];
  const failing: string[] = [];
  const prober = new Prober({
    ledger,
    now,
    random: () => 0.5,
    lookup: names.lookup,
    report: (report) => {
      heed(report);
      reports.push(report);
    },
    failing: (_, id, why) => failing.push(`${id}: ${why}`),
    hindered: (why) => failing.push(why),
    started: (...passed) => started.push(passed.join(' ')),
  });
  const states = Object.entries(backends).map(([id, each]) => [id, { backend: each, version: 1 }] as const);
  const state = { settings, version: 1, backends: Object.fromEntries(states) } satisfies PoolState;
  prober.follow(WEB, state);
  const spec = prober.childSpec() as { start(context: unknown): Running };
  const ends: unknown[] = [];
  const running = spec.start({ exited: (end: unknown) => ends.push(end) });
  closing.push(() => void running.stop('shutdown'));
  const rowsNow = () =>
    ledger
      .pool(keyOf(WEB))!
      .stats()
      .rows.map((row) => row.state);
  /** As the owner of the pool has it: in the ledger first. */
  const moved = async (id: string, backend: SparseBackend) => {
    await define({ ...backends, [id]: backend });
    prober.follow(WEB, { ...state, backends: { ...state.backends, [id]: { backend, version: 2 } } });
  };
  /** As by a thread that is halted within an operation; returns what lets it go on. */
  const locked = () => {
    const block = 2 * new Float64Array(ledger.shared.buffer).indexOf(keyOf(WEB)) - POOL.key;
    const words = new Int32Array(ledger.shared.buffer);
    Atomics.store(words, block + POOL.lock, 2);
    return () => Atomics.store(words, block + POOL.lock, 0);
  };
  const news = () => reports.map((report) => (report.type === 'health_changed' ? report.news : report));
  return { prober, state, running, moved, locked, rowsNow, news, started, failing, ends };
}

describe('a prober that is stopped', () => {
  it('calls off the probes under way, and asks none of those whose turn had not come', async () => {
    const silent = await backend();
    silent.status = 0;
    const all = Object.fromEntries(
      Array.from({ length: 100 }, (_, index) => [`b.${index}`, { address: at(silent) }]),
    );
    const patient = { health: { active: { ...RULES, timeoutMs: 86_400_000 } } };
    const { running, failing } = await probed(all, patient);
    const open = new Set<unknown>();
    silent.server.on('connection', (socket) => {
      open.add(socket);
      socket.on('close', () => open.delete(socket));
    });
    await eventually(() => silent.asked.length === 48, 'as many as are asked at once');
    running.stop('shutdown');
    await eventually(() => open.size === 0, 'none under way');
    expect([silent.asked.length, failing]).toEqual([48, []]);
  });
});

describe('a backend that is probed', () => {
  it('asks the backends of a pool, however many and long those of another hang', async () => {
    const [hanging, other] = [await backend(), await backend()];
    hanging.status = 0;
    const backends = Object.fromEntries(
      Array.from({ length: 200 }, (_, n) => [`b${n}`, { address: at(hanging) }]),
    );
    const { prober } = await probed(backends, { health: { active: { ...RULES, timeoutMs: 60_000 } } });
    await eventually(() => hanging.asked.length === 48, 'its share of the probes');
    const state = { settings: { health: { active: RULES } }, version: 1 };
    const own = { one: { backend: { address: at(other) }, version: 1 } };
    prober.follow('other' as PoolName, { ...state, backends: own });
    await eventually(() => other.asked.length > 1, 'probes of another pool');
    expect(hanging.asked.length).toBe(48);
  });

  it('over which a mistake of ours is made costs the prober this life, and no other', async () => {
    const bad = await backend();
    bad.status = 500;
    const mistake = new TypeError('cannot read properties of undefined');
    const { ends } = await probed({ bad: { address: at(bad) } }, undefined, () => {
      throw mistake;
    });
    await eventually(() => ends.length > 0, 'the end of a life');
    expect(ends).toEqual([{ type: 'crashed', error: mistake }]);
    const asked = bad.asked.length;
    await new Promise((resolve) => setTimeout(resolve, 3 * RULES.intervalMs));
    expect([ends.length, bad.asked.length]).toEqual([1, asked]);
  });

  it('is closed when it fails so often in a row, and open again when it passes so often', async () => {
    const [good, bad] = [await backend(), await backend()];
    const { rowsNow, news, failing } = await probed({
      good: { address: at(good) },
      bad: { address: at(bad) },
    });
    await eventually(() => good.asked.length > 1 && bad.asked.length > 1, 'two probes each');
    expect(rowsNow()).toEqual(['up', 'up']);
    expect(bad.asked[0]).toBe('/up?deep=1 switchyard-probe');
    bad.status = 500;
    const before = bad.asked.length;
    await eventually(() => rowsNow()[1] === 'failing', 'the bad one closed');
    expect(bad.asked.length - before).toBeGreaterThanOrEqual(2);
    expect(news()).toEqual([{ type: 'probed', probes: 'failing' }]);
    expect(failing).toEqual(['bad: expected a status of 200-399, found 500']);
    bad.status = 204;
    await eventually(() => rowsNow()[1] === 'up', 'the bad one open again');
    expect(news()).toHaveLength(2);
    expect(rowsNow()[0]).toBe('up');
  });

  it('is closed whatever the others are, when it is silent or gone too', async () => {
    const silent = await backend();
    silent.status = 0;
    await using gone = await holdPort();
    const address = `127.0.0.1:${gone.port}`;
    const { rowsNow, failing } = await probed({ silent: { address: at(silent) }, gone: { address } });
    await eventually(() => rowsNow().every((state) => state === 'failing'), 'both closed');
    expect(failing.sort()).toEqual([
      expect.stringMatching(/^gone: connect ECONNREFUSED /),
      'silent: no answer within 60 ms',
    ]);
  });

  it('is asked where its name was last known to be while nobody can be asked for that', async () => {
    const good = await backend();
    const { port } = good.server.address() as AddressInfo;
    let [isSilent, clockMs] = [false, 0];
    const unsaid = Object.assign(new Error('getaddrinfo EAI_AGAIN'), { code: 'EAI_AGAIN' });
    const names = new Names({
      addresses: () =>
        isSilent ? Promise.reject(unsaid) : Promise.resolve([{ address: '127.0.0.1', family: 4 }]),
      records: () => Promise.reject(unsaid),
      now: () => clockMs,
    });
    const address = `good.test:${port}`;
    const { rowsNow, prober } = await probed({ good: { address } }, undefined, undefined, names);
    await eventually(() => good.asked.length > 0, 'the first');
    isSilent = true;
    clockMs = 3_600_000;
    const before = good.asked.length;
    await eventually(() => good.asked.length > before + RULES.unhealthyAfter, 'more');
    expect([rowsNow(), prober.counts.failed]).toEqual([['up'], 0]);
  });

  it('may listen on a unix socket', async () => {
    await using directory = await tempDirectory();
    const bad = await backend(join(directory.path, 'backend.sock'));
    bad.status = 404;
    const { rowsNow } = await probed({ bad: { address: at(bad) } });
    await eventually(() => rowsNow()[0] === 'failing', 'it closed');
  });

  it('is to be up when it was starting and passes', async () => {
    const starting = await backend();
    const { started } = await probed({ a: { address: at(starting), state: 'starting' } });
    await eventually(() => started.includes(`web a ${at(starting)}`), 'it to be started');
    expect(starting.asked.length).toBeGreaterThanOrEqual(2);
  });

  it('is left alone, and open, when its pool wants no probes any more', async () => {
    const bad = await backend();
    bad.status = 500;
    const { prober, state, rowsNow } = await probed({ bad: { address: at(bad) } });
    await eventually(() => rowsNow()[0] === 'failing', 'it closed');
    prober.follow(WEB, { ...state, settings: {} });
    expect(rowsNow()[0]).toBe('up');
  });

  it('is asked at the place it has now, if it was removed during a probe and came again elsewhere', async () => {
    const [former, present] = [await backend(), await backend()];
    former.status = 0;
    const { prober, state, rowsNow, failing } = await probed({ a: { address: at(former) } });
    await eventually(() => former.asked.length === 1, 'a probe under way');
    prober.follow(WEB, { ...state, backends: {} });
    prober.follow(WEB, { ...state, backends: { a: { backend: { address: at(present) }, version: 2 } } });
    await eventually(() => present.asked.length > 4, 'probes of the present one');
    expect([former.asked.length, rowsNow(), failing]).toEqual([1, ['up'], []]);
  });

  it('is open where it moves to, and closed again by its probes there', async () => {
    const [here, there] = [await backend(), await backend()];
    here.status = 500;
    there.status = 503;
    const { moved, rowsNow, failing } = await probed({ a: { address: at(here) } });
    await eventually(() => rowsNow()[0] === 'failing', 'it closed');
    await moved('a', { address: at(there) });
    expect(rowsNow()).toEqual(['up']);
    await eventually(() => rowsNow()[0] === 'failing', 'it closed again');
    expect(failing).toEqual([
      'a: expected a status of 200-399, found 500',
      'a: expected a status of 200-399, found 503',
    ]);
  });

  it('is not closed by what was found where it was before, however late the ledger takes that', async () => {
    const [here, there] = [await backend(), await backend()];
    here.status = 500;
    const { moved, rowsNow, news, locked } = await probed({ a: { address: at(here) } });
    await eventually(() => here.asked.length > 0, 'a probe');
    const unlock = locked();
    await eventually(() => news().length > 0, 'it found failing');
    unlock();
    await moved('a', { address: at(there) });
    await eventually(() => there.asked.length > 2, 'probes of the new place');
    expect([rowsNow(), news()]).toEqual([['up'], [{ type: 'probed', probes: 'failing' }]]);
  });

  it('is to be up by what is found since it is starting, here or elsewhere', async () => {
    const [here, there] = [await backend(), await backend()];
    const { prober, state, started } = await probed({ a: { address: at(here) } });
    await eventually(() => here.asked.length > 2, 'it to have passed');
    for (const place of [here, there]) {
      const before = place.asked.length;
      started.length = 0;
      prober.follow(WEB, { ...state, backends: { a: { backend: { address: at(place) }, version: 2 } } });
      const starting = { address: at(place), state: 'starting' } as const;
      prober.follow(WEB, { ...state, backends: { a: { backend: starting, version: 3 } } });
      await eventually(() => started.length > 0, 'it to be started');
      expect(started[0]).toBe(`web a ${at(place)}`);
      expect(place.asked.length - before).toBeGreaterThanOrEqual(2);
    }
  });

  it('is asked as often as its pool says now, however long the interval was that has begun', async () => {
    const good = await backend();
    const rare = { health: { active: { ...RULES, intervalMs: 86_400_000 } } };
    const { prober, state } = await probed({ good: { address: at(good) } }, rare);
    prober.follow(WEB, { ...state, settings: { health: { active: RULES } } });
    await eventually(() => good.asked.length > 1, 'two probes');
  });

  it('is closed as soon as the ledger, which another had locked, takes it', async () => {
    const bad = await backend();
    bad.status = 500;
    const { rowsNow, news, locked } = await probed({ bad: { address: at(bad) } });
    await eventually(() => bad.asked.length > 0, 'a probe');
    const unlock = locked();
    await eventually(() => news().length > 0, 'it found failing');
    unlock();
    await eventually(() => rowsNow()[0] === 'failing', 'it closed');
    expect(news()).toEqual([{ type: 'probed', probes: 'failing' }]);
  });

  it('is open again once it passes where it started anew, before the log knew that it failed', async () => {
    const bad = await backend();
    bad.status = 500;
    const { moved, rowsNow, started } = await probed({ a: { address: at(bad) } });
    await eventually(() => rowsNow()[0] === 'failing', 'it closed');
    await moved('a', { address: at(bad), state: 'starting' });
    bad.status = 200;
    await eventually(() => started.length > 0, 'it to be started');
    await moved('a', { address: at(bad) });
    expect(rowsNow()).toEqual(['up']);
  });

  it('is to be up no more once it is', async () => {
    const good = await backend();
    const { moved, started } = await probed({ a: { address: at(good), state: 'starting' } });
    await eventually(() => started.length > 0, 'it to be started');
    await moved('a', { address: at(good) });
    // A probe under way when it was up is the last that may say so.
    const [asked, told] = [good.asked.length, started.length];
    await eventually(() => good.asked.length > asked + 3, 'more probes');
    expect(started.length - told).toBeLessThanOrEqual(1);
  });

  it('is not asked while it drains', async () => {
    const [draining, good] = [await backend(), await backend()];
    await probed({ draining: { address: at(draining), state: 'draining' }, good: { address: at(good) } });
    await eventually(() => good.asked.length > 2, 'probes of the other one');
    expect(draining.asked).toEqual([]);
  });

  it('passes with a head that its pool allows by now', async () => {
    const wordy = await backend();
    wordy.server.prependListener('request', (_, response) => response.setHeader('x-long', 'a'.repeat(2000)));
    const limits = { headerLineBytes: 1000 };
    const { prober, state, rowsNow } = await probed(
      { a: { address: at(wordy) } },
      { health: { active: RULES }, limits },
    );
    await eventually(() => rowsNow()[0] === 'failing', 'it closed');
    prober.follow(WEB, { ...state, settings: { health: { active: RULES } } });
    await eventually(() => rowsNow()[0] === 'up', 'it open again');
  });

  it('that cannot be asked for lack of what we need is told of once, and again the next time', async () => {
    const good = await backend();
    let [isShort, lookups] = [true, 0];
    const lookup: LookupFunction = (_, { all }, done) => {
      lookups++;
      if (isShort) done(Object.assign(new Error('no descriptors left'), { code: 'EMFILE' }), '', 0);
      else if (all) done(null, [{ address: '127.0.0.1', family: 4 }]);
      else done(null, '127.0.0.1', 4);
    };
    const { rowsNow, failing, prober } = await probed(
      { a: { address: at(good).replace('127.0.0.1', 'a.test') } },
      undefined,
      undefined,
      { lookup },
    );
    await eventually(() => lookups > 3, 'probes that were not made');
    isShort = false;
    await eventually(() => prober.counts.passed > 1, 'probes that pass');
    isShort = true;
    await eventually(() => failing.length > 1, 'the second shortage told');
    expect([failing, rowsNow(), prober.counts.failed]).toEqual([
      ['no descriptors left', 'no descriptors left'],
      ['up'],
      0,
    ]);
  });
});
