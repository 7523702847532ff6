import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { attachArena, createArena, keyOf } from '../../../../actors/pool/ledger/index.ts';
import { ARENA } from '../../../../actors/pool/ledger/memory/layout.ts';
import { readRecords } from '../../../support/record-reader.ts';
import { backend, defineWeb, leased, TestWaiter, type Thread, WEB, web, world } from './world.ts';

const NOW = 100;
const CHANGE = { position: 7, nowMs: NOW };

function take(thread: Thread, tried: readonly string[] = []) {
  return leased(web(thread).checkout(NOW, tried.map(keyOf), new TestWaiter()));
}

function wait(thread: Thread, tried: readonly string[] = []): TestWaiter {
  const waiter = new TestWaiter();
  expect(web(thread).checkout(NOW, tried.map(keyOf), waiter)).toBe('queued');
  return waiter;
}

describe('defining a pool', () => {
  it('again in either phase takes no ticket and changes no epoch', async () => {
    const stage = world();
    const rows = [backend('a'), backend('b', { state: 'draining', quarantineUntilMs: 500 })];
    await defineWeb(stage, rows);
    const { ticket } = stage.verify(WEB);
    for (const phase of ['restrict', 'widen', 'restrict'] as const) await defineWeb(stage, rows, { phase });
    expect(stage.verify(WEB).ticket).toBe(ticket);
  });

  it('does not quarantine again what has ended, nor end what the owner has not heard of', async () => {
    const stage = world();
    const one = stage.thread();
    await defineWeb(stage, [backend('a'), backend('b')]);
    web(one).quarantine(keyOf('a'), NOW, NOW + 50);
    await defineWeb(stage, [backend('a'), backend('b', { quarantineUntilMs: NOW })], { nowMs: NOW });
    expect(
      web(one)
        .stats()
        .rows.map((row) => row.state),
    ).toEqual(['quarantined', 'up']);
  });

  it('restricts first: removes, drains, lowers limits, shortens the queue; and widens after', async () => {
    const stage = world();
    const one = stage.thread();
    await defineWeb(stage, [backend('a', { limit: 4 }), backend('b'), backend('c')], { maxWaiting: 10 });
    const rows = [
      backend('a', { limit: 2 }),
      backend('b', { state: 'draining' }),
      backend('d', { limit: 9 }),
    ];
    await defineWeb(stage, rows, { phase: 'restrict', maxWaiting: 5 });
    const seen = () =>
      web(one)
        .stats()
        .rows.map(({ limit, state }) => `${limit} ${state}`);
    expect(seen()).toEqual(['2 up', '1 draining']);
    await defineWeb(stage, rows, { maxWaiting: 5 });
    expect(seen()).toEqual(['2 up', '1 draining', '9 up']);
    stage.verify(WEB);
  });

  it('serves those who wait for what it adds or raises, in their order', async () => {
    const stage = world();
    const one = stage.thread();
    const two = stage.thread();
    await defineWeb(stage, [backend('a')]);
    take(one);
    const waiters = [wait(two), wait(one), wait(two), wait(one)];
    await defineWeb(stage, [backend('a', { limit: 2 }), backend('b', { limit: 2 })]);
    stage.hear(one);
    stage.hear(two);
    expect(waiters.map((waiter) => waiter.lease !== undefined)).toEqual([true, true, true, false]);
    stage.verify(WEB);
  });

  it('replaces all backends without a refusal in between', async () => {
    const stage = world();
    const one = stage.thread();
    await defineWeb(stage, [backend('old')]);
    await defineWeb(stage, [backend('new')], { phase: 'restrict' });
    const waiter = wait(one);
    await defineWeb(stage, [backend('new')]);
    stage.hear(one);
    expect(waiter.lease?.backendKey).toBe(keyOf('new'));
    stage.verify(WEB);
  });

  it('keeps those who wait when a smaller queue is set', async () => {
    const stage = world();
    const one = stage.thread();
    await defineWeb(stage, [backend('a')], { maxWaiting: 3 });
    take(one);
    for (let i = 0; i < 3; i++) wait(one);
    await defineWeb(stage, [backend('a')], { maxWaiting: 1, phase: 'restrict' });
    expect(web(one).checkout(NOW, [], new TestWaiter())).toBe('queue_full');
    expect(web(one).stats().waiting).toBe(3);
    stage.verify(WEB);
  });

  it('grows to a thousand backends while leases are out', async () => {
    const stage = world();
    const one = stage.thread();
    const ids = Array.from({ length: 1000 }, (_, i) => `b${i}`);
    const leases = [];
    for (const count of [1, 2, 5, 33, 400, 1000]) {
      await defineWeb(
        stage,
        ids.slice(0, count).map((id) => backend(id)),
      );
      leases.push(take(one));
    }
    for (const lease of leases) web(one).checkin(lease, NOW, 'finished');
    expect(web(one).stats().rows.length).toBe(1000);
    stage.verify(WEB);
    await defineWeb(stage, [backend('b999')], { phase: 'restrict' });
    await defineWeb(stage, [backend('b999'), backend('x'), backend('y')]);
    expect(
      web(one)
        .stats()
        .rows.map((row) => row.backendKey),
    ).toEqual(['x', 'y', 'b999'].map(keyOf));
    stage.verify(WEB);
  });
});

describe('a backend of which much is known', () => {
  const health = { failures: 2, windowMs: 1000, maxEjectedPercent: 100, quarantineMs: 400, slowStartMs: 0 };
  const [API, HERE, THERE] = [11, 1, 2];

  /** Its probes fail, it is quarantined, and out as a whole and for a route; it may have a lease on another, or all. */
  async function ill(isLeased: boolean) {
    const stage = world();
    const one = stage.thread();
    const a = backend('a', { limit: 9, place: HERE });
    await defineWeb(stage, [a], { health });
    const lease = (route: number) => leased(web(one).checkout(NOW, [], new TestWaiter(), 0, route));
    const [left, leftOfApi] = [0, API].map((route) => [1, 2, 3].map(() => lease(route)));
    const fail = (leases: ReturnType<typeof lease>[] = []) =>
      leases.flatMap((each) =>
        web(one)
          .checkin(each, NOW, 'backend_failed')
          .map(({ type }) => type),
      );
    const ended = [API, 0].flatMap((route) => fail([lease(route), lease(route)]));
    expect(ended).toEqual(['ejected', 'ejected']);
    web(one).quarantine(keyOf('a'), NOW, NOW + 50);
    web(one).probed(keyOf('a'), NOW, true);
    if (!isLeased) fail([...(left ?? []), ...(leftOfApi ?? [])]);
    stage.verify(WEB);
    const fails = () => fail([...(left ?? []), ...(leftOfApi ?? [])]);
    const put = (more: Partial<typeof a>) => defineWeb(stage, [{ ...a, ...more }], { health, nowMs: NOW });
    const state = () =>
      web(one)
        .stats()
        .rows.map((row) => row.state);
    const isOpenTo = (route: number) => {
      const waiter = new TestWaiter();
      const answer = web(one).checkout(NOW, [], waiter, 0, route);
      if (typeof answer === 'object') web(one).checkin(answer, NOW, 'unused');
      else web(one).leave(waiter, NOW);
      stage.verify(WEB);
      return typeof answer === 'object';
    };
    return { stage, one, put, state, isOpenTo, fails };
  }

  it.each([true, false])(
    'keeps it where it is, whatever else of it is changed (leased: %s)',
    async (isLeased) => {
      const { put, state, isOpenTo } = await ill(isLeased);
      await put({ weight: 3, limit: 5 });
      expect([state(), isOpenTo(0), isOpenTo(API)]).toEqual([['failing'], false, false]);
    },
  );

  it.each([true, false])('begins sound elsewhere (leased: %s)', async (isLeased) => {
    const { put, state, isOpenTo } = await ill(isLeased);
    await put({ place: THERE });
    expect([state(), isOpenTo(0), isOpenTo(API)]).toEqual([['up'], true, true]);
  });

  it('is not blamed there for what is still under way where it was, which counts towards its limit', async () => {
    const { stage, one, put, state, fails } = await ill(true);
    await put({ place: THERE, limit: 7 });
    expect(web(one).stats().rows).toMatchObject([{ inFlight: 6, limit: 7 }]);
    expect(fails()).toEqual([]);
    expect(state()).toEqual(['up']);
    stage.verify(WEB);
  });

  it('is not known to be slow there for what was still under way where it was', async () => {
    const stage = world();
    const one = stage.thread();
    const at = (place: number) => [
      backend('a', { limit: 9, place }),
      backend('b', { limit: 9, place: HERE }),
    ];
    const put = (place: number) => defineWeb(stage, at(place), { policy: 'peak-ewma', health });
    await put(HERE);
    const [slow, failing, quick] = [take(one, ['b']), take(one, ['b']), take(one, ['a'])];
    await put(THERE);
    web(one).checkin(quick, NOW, 'finished', 20);
    web(one).checkin(slow, NOW, 'finished', 5000);
    web(one).checkin(failing, NOW, 'timed_out', 30_000);
    expect(take(one).backendKey).toBe(keyOf('a'));
    stage.verify(WEB);
  });

  it('begins sound where it was too, if it was removed in between', async () => {
    const { stage, put, state, isOpenTo } = await ill(true);
    await defineWeb(stage, [], { health, nowMs: NOW });
    expect(state()).toEqual(['removed']);
    await put({});
    expect([state(), isOpenTo(0), isOpenTo(API)]).toEqual([['up'], true, true]);
  });
});

describe('a removed backend', () => {
  it('is given to nobody, and its row to no other backend while a lease on it is out', async () => {
    const stage = world();
    const one = stage.thread();
    await defineWeb(stage, [backend('a')]);
    const lease = take(one);
    await defineWeb(stage, [backend('b')], { phase: 'restrict' });
    await defineWeb(stage, [backend('b')]);
    expect(
      web(one)
        .stats()
        .rows.map((row) => [row.state, row.inFlight]),
    ).toEqual([
      ['removed', 1],
      ['up', 0],
    ]);
    web(one).checkin(lease, NOW, 'finished');
    await defineWeb(stage, [backend('b'), backend('c')]);
    expect(
      web(one)
        .stats()
        .rows.map((row) => [row.backendKey, row.epoch]),
    ).toEqual([
      [keyOf('c'), 2],
      [keyOf('b'), 1],
    ]);
    stage.verify(WEB);
  });

  it('that comes back has its row, its epoch and its leases again, so its limit stays exact', async () => {
    const stage = world();
    const one = stage.thread();
    await defineWeb(stage, [backend('a', { limit: 2 })]);
    const lease = take(one);
    await defineWeb(stage, [], { phase: 'restrict' });
    await defineWeb(stage, [backend('a', { limit: 2 })]);
    take(one);
    wait(one);
    expect(web(one).stats().rows).toMatchObject([{ inFlight: 2, epoch: 1, state: 'up' }]);
    web(one).checkin(lease, NOW, 'finished');
    stage.verify(WEB);
  });

  it('or one that drains has the ends of its leases counted, by a cut or a death and otherwise', async () => {
    const stage = world();
    const one = stage.thread();
    const two = stage.thread();
    const a = backend('a', { limit: 5 });
    await defineWeb(stage, [a]);
    const [early, drained, cut, removed] = [take(one), take(one), take(one), take(one)];
    take(two);
    web(one).checkin(early, NOW, 'finished');
    await defineWeb(stage, [{ ...a, state: 'draining' }], { phase: 'restrict' });
    web(one).checkin(drained, NOW, 'backend_failed');
    web(one).checkin(cut, NOW, 'cut');
    expect(stage.main.rowsOf(WEB)).toMatchObject([{ inFlight: 2, cut: 1, finished: 1 }]);
    await defineWeb(stage, [], { phase: 'restrict' });
    await stage.main.reap(two.number, NOW);
    web(one).checkin(removed, NOW, 'client_gone');
    expect(stage.main.rowsOf(WEB)).toEqual([]);
    expect(stage.main.ends(WEB, a.backendKey)).toEqual({ cut: 2, finished: 2 });
    expect(stage.main.ends(WEB, keyOf('b'))).toBeUndefined();
  });
});

describe('a dropped pool', () => {
  it('refuses those who wait, and who comes after', async () => {
    const stage = world();
    const one = stage.thread();
    const two = stage.thread();
    await defineWeb(stage, [backend('a')]);
    const held = web(one);
    const heldByTwo = web(two);
    const lease = take(one);
    const waiters = [wait(one), wait(two)];
    const undelivered = wait(two);
    await stage.main.drop(WEB, CHANGE);
    expect(heldByTwo.leave(undelivered, NOW)).toBe('no_backends');
    stage.hear(one);
    stage.hear(two);
    expect(waiters.map((waiter) => waiter.isRefused)).toEqual([true, true]);
    expect(one.ledger.pool(WEB)).toBeUndefined();
    expect(held.checkout(NOW, [], new TestWaiter())).toBe('no_backends');
    held.checkin(lease, NOW, 'finished');
    stage.verify(WEB);
  });

  it('that is defined again before its last lease is in goes on counting it', async () => {
    const stage = world();
    const one = stage.thread();
    await defineWeb(stage, [backend('a', { limit: 1 })]);
    const lease = take(one);
    await stage.main.drop(WEB, CHANGE);
    expect(stage.main.ticket(WEB)).toBe(0);
    expect(stage.main.rowsOf(WEB)).toMatchObject([{ state: 'removed', inFlight: 1 }]);
    await defineWeb(stage, [backend('a', { limit: 1 })]);
    const waiter = wait(one);
    web(one).checkin(lease, NOW, 'finished');
    expect(waiter.lease?.open).toBe(true);
    stage.verify(WEB);
  });

  it('gives its memory to another, which an old view of it does not mistake for its own', async () => {
    const stage = world();
    const one = stage.thread();
    await defineWeb(stage, [backend('a')]);
    const old = web(one);
    old.checkin(take(one), NOW, 'finished');
    const block = stage.main.blockOf(WEB);
    await stage.main.drop(WEB, CHANGE);
    const other = keyOf('other');
    const rows = Array.from({ length: 20 }, (_, i) => backend(`z${i}`));
    for (let count = 1; count <= rows.length; count++) {
      await defineWeb(stage, rows.slice(0, count), { key: other });
      expect(stage.main.blockOf(other)).toBe(block);
      expect(old.checkout(NOW, [], new TestWaiter())).toBe('no_backends');
    }
    await defineWeb(stage, [backend('b')]);
    expect(leased(old.checkout(NOW, [], new TestWaiter())).backendKey).toBe(keyOf('b'));
    stage.verify(WEB);
    stage.verify(other);
  });

  it('takes no more memory when it comes and goes a thousand times', async () => {
    const stage = world();
    const one = stage.thread();
    const rows = Array.from({ length: 30 }, (_, i) => backend(`b${i}`));
    const sizes: number[] = [];
    for (let i = 0; i < 1000; i++) {
      await defineWeb(stage, rows);
      const view = web(one);
      const lease = take(one);
      await stage.main.drop(WEB, CHANGE);
      // The last lease comes in after the drop; the next definition finds the memory free.
      view.checkin(lease, NOW, 'finished');
      stage.section.look();
      sizes.push(stage.section.words[ARENA.top]!);
    }
    expect(new Set(sizes).size).toBe(1);
    await stage.main.drop(keyOf('nothing'), CHANGE);
    expect(stage.main.blockOf(WEB)).toBe(0);
  });

  it('leaves nothing behind in a thread that had used it', async () => {
    const stage = world();
    const one = stage.thread();
    const used: WeakRef<object>[] = [];
    for (let i = 0; i < 100; i++) {
      const key = keyOf(`passing-${i}`);
      await defineWeb(stage, [backend('a')], { key });
      used.push(new WeakRef(one.ledger.pool(key)!));
      await stage.main.drop(key, CHANGE);
    }
    await defineWeb(stage, [backend('a')]);
    const kept = web(one);
    one.ledger.forgetGone();
    await collected();
    expect(used.filter((each) => each.deref() !== undefined)).toHaveLength(0);
    expect(web(one)).toBe(kept);
  });
});

describe('a pool at rest', () => {
  const LATER = NOW + 50;

  async function scene(rows = [backend('a')]) {
    const stage = world();
    const one = stage.thread();
    await defineWeb(stage, rows);
    const rests = (nowMs = NOW) => stage.main.rest(WEB, stage.main.ticket(WEB), { position: 7, nowMs });
    return { stage, one, rests };
  }

  it('gives its ledger back, unless it was used meanwhile, and has one again with the tickets that follow', async () => {
    const { stage, one, rests } = await scene();
    const old = web(one);
    const seen = stage.main.ticket(WEB);
    old.checkin(take(one), NOW, 'finished');
    expect(await stage.main.rest(WEB, seen, CHANGE)).toBe(false);
    const { ticket } = stage.verify(WEB);
    expect(stage.main.ticket(WEB)).toBe(ticket);
    expect(await rests()).toBe(true);
    expect([stage.main.ticket(WEB), stage.main.rowsOf(WEB), one.ledger.pool(WEB)]).toEqual([
      0,
      [],
      undefined,
    ]);
    expect(await rests(), 'it does already').toBe(false);
    await defineWeb(stage, [backend('a')]);
    expect(leased(old.checkout(NOW, [], new TestWaiter())).ticket).toBeGreaterThan(ticket);
    stage.verify(WEB);
  });

  it('has no lease out', async () => {
    const { one, rests } = await scene();
    const lease = take(one);
    expect(await rests()).toBe(false);
    web(one).checkin(lease, NOW, 'finished');
    expect(await rests()).toBe(true);
  });

  it('has nobody waiting', async () => {
    const { one, rests } = await scene([backend('a', { state: 'draining' })]);
    const waiter = wait(one);
    expect(await rests()).toBe(false);
    web(one).leave(waiter, NOW);
    expect(await rests()).toBe(true);
  });

  it('has no quarantine that would be forgotten', async () => {
    const { one, rests } = await scene();
    web(one).quarantine(keyOf('a'), NOW, LATER);
    expect(await rests(LATER - 1)).toBe(false);
    expect(await rests(LATER)).toBe(true);
  });

  it('has no connection, idle ones included', async () => {
    const { one, rests } = await scene();
    const lease = take(one);
    const { claims } = web(one);
    claims?.open(lease.row, false);
    claims?.rest(lease.row);
    web(one).checkin(lease, NOW, 'finished');
    expect(await rests()).toBe(false);
    claims?.closing(lease.row);
    expect(await rests()).toBe(false);
    claims?.closed(lease.row);
    expect(await rests()).toBe(true);
  });
});

/** What nobody refers to is gone. A WeakRef holds what it refers to until its turn of the loop is over. */
async function collected(): Promise<void> {
  await new Promise(setImmediate);
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
}

describe('an arena', () => {
  it('finds ten thousand pools from any thread', async () => {
    const main = createArena({ threads: 3, ring: () => {}, record: false });
    const one = attachArena(main.shared, main.enlist(), () => {});
    const pool = { policy: 'random', maxWaiting: 1, whenEmpty: 'refuse', seed: 1 } as const;
    for (let i = 0; i < 10_000; i++)
      await main.define(keyOf(`pool-${i}`), pool, [backend('a')], 'widen', CHANGE);
    for (let i = 0; i < 10_000; i++) expect(one.pool(keyOf(`pool-${i}`))?.key).toBe(keyOf(`pool-${i}`));
    expect(one.pool(keyOf('pool-10000'))).toBeUndefined();
  });

  it('gives a number to 63 workers and to no 64th, and a buried one’s again', async () => {
    const main = createArena({ threads: 64, ring: () => {}, record: true, recordSlots: 64 });
    const numbers = Array.from({ length: 63 }, () => main.enlist());
    expect(new Set(numbers).size).toBe(63);
    expect(() => main.enlist()).toThrow('at most 64');
    await main.reap(17, NOW);
    expect(main.enlist()).toBe(17);
  });

  it('loses records when its ring is full, counts them, and goes on', async () => {
    const stage = world({ recordSlots: 16 });
    const one = stage.thread();
    await defineWeb(stage, [backend('a', { limit: 0 })]);
    for (let i = 0; i < 50; i++) web(one).checkin(take(one), NOW, 'finished');
    const reader = readRecords(stage.main.shared);
    const tickets: number[] = [];
    reader.drain(one.number, (record) => tickets.push(record.ticket));
    expect(tickets).toEqual(Array.from({ length: 16 }, (_, i) => tickets[0]! + i));
    expect(reader.lost(one.number)).toBe(84);
    const tried = ['x', 'y', 'z', 'u', 'v', 'w', '1', '2', '3', '4', '5'];
    for (let i = 0; i < 10; i++) take(one, tried);
    const kept: number[] = [];
    reader.drain(one.number, (record) => record.op === 'checkout' && kept.push(record.tried.length));
    expect(kept).toEqual([11, 11, 11, 11, 11]);
  });

  it('serves a main thread that routes alone, waiters included', async () => {
    const main = createArena({ threads: 1, ring: () => expect.unreachable(), record: false });
    const pool = { policy: 'round-robin', maxWaiting: 1, whenEmpty: 'refuse', seed: 1 } as const;
    await main.define(WEB, pool, [backend('a')], 'widen', CHANGE);
    const waiter = new TestWaiter();
    const first = leased(main.pool(WEB)!.checkout(NOW, [], new TestWaiter()));
    expect(main.pool(WEB)!.checkout(NOW, [], waiter)).toBe('queued');
    expect(main.pool(WEB)!.checkout(NOW, [], new TestWaiter())).toBe('queue_full');
    await main.define(WEB, pool, [backend('a'), backend('b')], 'widen', CHANGE);
    expect(waiter.lease?.backendKey).toBe(keyOf('b'));
    for (const lease of [first, waiter.lease!]) main.pool(WEB)!.checkin(lease, NOW, 'finished');
    expect(
      main
        .pool(WEB)!
        .stats()
        .rows.map((row) => row.inFlight),
    ).toEqual([0, 0]);
  });

  it('waits for a later turn when a lock is held, and does not block', async () => {
    const stage = world();
    const one = stage.thread();
    await defineWeb(stage, [backend('a')]);
    const block = stage.main.blockOf(WEB);
    one.section.enter(block);
    let done = false;
    const defined = defineWeb(stage, [backend('a'), backend('b')]).then(() => {
      done = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(done).toBe(false);
    one.section.exit(block);
    await defined;
    stage.verify(WEB);
  });
});
