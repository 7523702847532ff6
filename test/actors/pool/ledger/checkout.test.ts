import { describe, expect, it } from 'vitest';
import { type Checkout, keyOf, type RowDefinition } from '../../../../actors/pool/ledger/index.ts';
import { backend, defineWeb, leased, TestWaiter, type Thread, WEB, type World, web, world } from './world.ts';

const NOW = 100;

async function pool(rows: readonly RowDefinition[], more: Parameters<typeof defineWeb>[2] = {}) {
  const stage = world();
  await defineWeb(stage, rows, more);
  return { stage, one: stage.thread(), two: stage.thread() };
}

function ask(thread: Thread, tried: readonly string[] = [], waiter = new TestWaiter()): Checkout {
  return web(thread).checkout(NOW, tried.map(keyOf), waiter);
}

function take(thread: Thread, tried: readonly string[] = []) {
  return leased(ask(thread, tried));
}

function wait(thread: Thread, tried: readonly string[] = []): TestWaiter {
  const waiter = new TestWaiter();
  expect(ask(thread, tried, waiter)).toBe('queued');
  return waiter;
}

describe('a checkout', () => {
  it('gives the last free slot and queues the next, over all threads', async () => {
    const { stage, one, two } = await pool([backend('a', { limit: 2 })]);
    take(one);
    take(two);
    wait(one);
    stage.verify(WEB);
  });

  it('never picks what was tried while another is free', async () => {
    const { one } = await pool([backend('a', { limit: 0 }), backend('b', { limit: 0 })]);
    for (let i = 0; i < 20; i++) expect(take(one, ['a']).backendKey).toBe(keyOf('b'));
  });

  it('keeps tried sets of sixteen, and passes over none of them', async () => {
    const ids = Array.from({ length: 17 }, (_, i) => `b${i}`);
    const { stage, one, two } = await pool(ids.map((id) => backend(id)));
    const leases = ids.map(() => take(one));
    const waiter = wait(two, ids.slice(0, 16));
    for (const lease of leases.filter((each) => each.backendKey !== keyOf('b16'))) {
      web(one).checkin(lease, NOW, 'finished');
    }
    expect(waiter.lease).toBeUndefined();
    web(one).checkin(leases.find((lease) => lease.open)!, NOW, 'finished');
    stage.hear(two);
    expect(waiter.lease?.backendKey).toBe(keyOf('b16'));
    stage.verify(WEB);
    expect(() => web(one).checkout(NOW, [...ids.map(keyOf)], new TestWaiter())).toThrow('at most 16');
  });

  const refusals: readonly [string, readonly RowDefinition[], readonly string[], string][] = [
    ['no_backends when the pool has none', [], [], 'no_backends'],
    ['exhausted when all were tried', [backend('a'), backend('b')], ['a', 'b'], 'exhausted'],
    ['starting when none is up', [backend('a', { state: 'starting' })], [], 'starting'],
    [
      'starting when the others drain',
      [backend('a', { state: 'starting' }), backend('b', { state: 'draining' })],
      [],
      'starting',
    ],
    [
      'queued while one is only quarantined',
      [backend('a', { state: 'starting' }), backend('b', { quarantineUntilMs: 1000 })],
      [],
      'queued',
    ],
    ['queued when all drain', [backend('a', { state: 'draining' })], [], 'queued'],
    ['queued when all are quarantined', [backend('a', { quarantineUntilMs: 1000 })], [], 'queued'],
  ];
  for (const [name, rows, tried, answer] of refusals) {
    it(`is ${name}`, async () => {
      const { stage, one } = await pool(rows);
      expect(ask(one, tried)).toBe(answer);
      // Who tried all there is wants a better backend, not one more.
      expect(web(one).stats().refused).toBe(answer === 'no_backends' || answer === 'starting' ? 1 : 0);
      stage.verify(WEB);
    });
  }

  it('waits for those that are starting where the pool holds', async () => {
    const { stage, one } = await pool([backend('a', { state: 'starting' })], { whenEmpty: 'hold' });
    const waiter = wait(one);
    await defineWeb(stage, [backend('a')], { whenEmpty: 'hold' });
    stage.hear(one);
    expect(waiter.lease?.backendKey).toBe(keyOf('a'));
  });

  it('is queued up to the bound exactly, and refused beyond', async () => {
    const { stage, one, two } = await pool([backend('a')], { maxWaiting: 3 });
    take(one);
    const waiters = [wait(one), wait(two), wait(one)];
    expect(ask(two)).toBe('queue_full');
    expect(web(two).leave(waiters[1]!, NOW)).toBe('busy');
    wait(two);
    expect(ask(one)).toBe('queue_full');
    expect(web(one).stats()).toMatchObject({ waiting: 3, refused: 2 });
    expect(() => ask(one, [], waiters[0])).toThrow('expected a waiter that does not wait');
    stage.verify(WEB);
  });

  it('holds more waiters than one chunk of nodes', async () => {
    const { stage, one, two } = await pool([backend('a')], { maxWaiting: 1000 });
    const first = take(one);
    const waiters = Array.from({ length: 1000 }, () => wait(two));
    expect(ask(two)).toBe('queue_full');
    let lease = first;
    let holder = one;
    for (const waiter of waiters) {
      web(holder).checkin(lease, NOW, 'finished');
      stage.hear(two);
      lease = waiter.lease!;
      holder = two;
    }
    stage.verify(WEB);
  });
});

describe('the queue', () => {
  it('serves first come first served across threads', async () => {
    const { stage, one, two } = await pool([backend('a')]);
    let lease = take(one);
    const waiters = [wait(two), wait(one), wait(two), wait(one)];
    const threads = [two, one, two, one];
    let holder = one;
    for (const [i, waiter] of waiters.entries()) {
      web(holder).checkin(lease, NOW, 'finished');
      stage.hear(one);
      stage.hear(two);
      expect(waiters.map((each) => each.lease !== undefined)).toEqual(waiters.map((_, at) => at <= i));
      lease = waiter.lease!;
      holder = threads[i]!;
    }
    stage.verify(WEB);
  });

  it('passes over one who tried the freed backend, and lets a newcomer have what no waiter may', async () => {
    const { stage, one, two } = await pool([backend('a'), backend('b')]);
    const leases = [take(one), take(one)];
    const [a, b] = leases.toSorted((x) => (x.backendKey === keyOf('a') ? -1 : 1));
    const triedA = wait(two, ['a']);
    const fresh = wait(two);
    web(one).checkin(a!, NOW, 'finished');
    stage.hear(two);
    expect([triedA.lease, fresh.lease?.backendKey]).toEqual([undefined, keyOf('a')]);
    web(two).checkin(fresh.lease!, NOW, 'finished');
    expect(take(one).backendKey).toBe(keyOf('a'));
    web(one).checkin(b!, NOW, 'finished');
    stage.hear(two);
    expect(triedA.lease?.backendKey).toBe(keyOf('b'));
    stage.verify(WEB);
  });

  it('tells a waiter of the thread that checks in before checkin returns', async () => {
    const { one } = await pool([backend('a')]);
    const lease = take(one);
    const waiter = wait(one);
    web(one).checkin(lease, NOW, 'finished');
    expect(waiter.lease?.open).toBe(true);
    expect(waiter.place).toBe(0);
  });

  it('goes on when a waiter checks in within its grant, a thousand deep without a thousand frames', async () => {
    const { stage, one } = await pool([backend('a')], { maxWaiting: 1000 });
    const lease = take(one);
    let depth = 0;
    let deepest = 0;
    let served = 0;
    for (let i = 0; i < 1000; i++) {
      const waiter = {
        place: 0,
        granted: (granted: typeof lease) => {
          depth += 1;
          deepest = Math.max(deepest, depth);
          served += 1;
          web(one).checkin(granted, NOW, 'finished');
          depth -= 1;
        },
        refused: () => {},
      };
      expect(web(one).checkout(NOW, [], waiter)).toBe('queued');
    }
    web(one).checkin(lease, NOW, 'finished');
    expect({ deepest, served }).toEqual({ deepest: 1, served: 1000 });
    stage.verify(WEB);
  });

  it('tells the others though one waiter throws', async () => {
    const { stage, one, two } = await pool([backend('a', { limit: 2 })]);
    const leases = [take(one), take(one)];
    const bad = {
      place: 0,
      granted: () => {
        throw new Error('mine');
      },
      refused: () => {},
    };
    web(two).checkout(NOW, [], bad);
    const good = wait(two);
    for (const lease of leases) web(one).checkin(lease, NOW, 'finished');
    expect(() => stage.hear(two)).toThrow('mine');
    web(two).expire(NOW);
    expect(good.lease?.open).toBe(true);
    stage.verify(WEB);
  });
});

describe('grant and leave in any order', () => {
  // What the leaver is told, by how far the grant has come when it leaves.
  const table: readonly [
    string,
    (stage: World, one: Thread, two: Thread, give: () => void) => void,
    'lease' | 'busy' | 'told',
  ][] = [
    ['leaves before the grant', () => {}, 'busy'],
    ['leaves after the grant, before the bell is heard', (_stage, _one, _two, give) => give(), 'lease'],
    [
      'leaves after the bell is heard',
      (stage, _one, two, give) => {
        give();
        stage.hear(two);
      },
      'told',
    ],
  ];
  for (const [name, before, outcome] of table) {
    it(name, async () => {
      const { stage, one, two } = await pool([backend('a')]);
      const lease = take(one);
      const waiter = wait(two);
      const next = wait(one);
      const give = () => web(one).checkin(lease, NOW, 'finished');
      before(stage, one, two, give);
      let mine = waiter.lease;
      if (outcome !== 'told') {
        const answer = web(two).leave(waiter, NOW);
        if (outcome === 'busy') expect(answer).toBe('busy');
        else mine = leased(answer);
      }
      expect(waiter.place).toBe(0);
      if (outcome === 'busy') give();
      else web(two).checkin(mine!, NOW, 'unused');
      stage.hear(one);
      stage.hear(two);
      expect(next.lease?.open).toBe(true);
      expect(waiter.lease === undefined).toBe(outcome !== 'told');
      stage.verify(WEB);
    });
  }

  it('is asked of one who waits only', async () => {
    const { one } = await pool([backend('a')]);
    expect(() => web(one).leave(new TestWaiter(), NOW)).toThrow('expected a waiter that waits');
  });
});

describe('why one had to wait', () => {
  const table: readonly [string, readonly RowDefinition[], readonly string[], string][] = [
    ['busy', [backend('a')], [], 'busy'],
    ['unavailable when quarantined', [backend('a', { quarantineUntilMs: 900 })], [], 'unavailable'],
    ['unavailable when draining', [backend('a', { state: 'draining' })], [], 'unavailable'],
    ['starting', [backend('a', { state: 'starting' })], [], 'starting'],
    [
      'unavailable when starting or draining',
      [backend('a', { state: 'starting' }), backend('b', { state: 'draining' })],
      [],
      'unavailable',
    ],
  ];
  for (const [name, rows, tried, wanted] of table) {
    it(`is told to who leaves: ${name}`, async () => {
      const { stage, one } = await pool(rows, { whenEmpty: 'hold' });
      if (wanted === 'busy') take(one);
      expect(web(one).leave(wait(one, tried), NOW)).toBe(wanted);
      stage.verify(WEB);
    });
  }
});

describe('a check-in', () => {
  it('is refused the second time', async () => {
    const { stage, one } = await pool([backend('a', { limit: 5 })]);
    take(one);
    const lease = take(one);
    web(one).checkin(lease, NOW, 'finished');
    expect(() => web(one).checkin(lease, NOW, 'finished')).toThrow('expected an open lease');
    stage.verify(WEB);
  });

  it('never counts below zero: the share of another thread is not given back', async () => {
    const { stage, one, two } = await pool([backend('a', { limit: 5 })]);
    const lease = take(one);
    expect(() => web(two).checkin(lease, NOW, 'finished')).toThrow('below zero');
    expect(stage.main.pool(WEB)?.stats().rows[0]?.inFlight).toBe(1);
  });
});

describe('failed connects', () => {
  it('are counted over all threads, until a connection is made', async () => {
    const { one, two } = await pool([backend('a', { limit: 0 }), backend('b', { limit: 0 })]);
    const [first, second, other] = [take(one, ['b']), take(two, ['b']), take(two, ['a'])];
    expect(web(one).connectFailed(first)).toBe(1);
    expect(web(two).connectFailed(second)).toBe(2);
    expect(web(two).connectFailed(other)).toBe(1);
    web(two).connectMade(second);
    expect(web(one).connectFailed(first)).toBe(1);
  });

  it.each(['while it has a lease', 'when it has none'])(
    'are forgotten with the address of the backend, changed %s',
    async (when) => {
      const { stage, one } = await pool([backend('a', { limit: 0, place: 1 })]);
      const lease = take(one);
      expect(web(one).connectFailed(lease)).toBe(1);
      if (when === 'when it has none') web(one).checkin(lease, NOW, 'connect_failed');
      await defineWeb(stage, [backend('a', { limit: 0, place: 2 })]);
      expect(web(one).connectFailed(take(one))).toBe(1);
    },
  );
});

describe('a quarantine', () => {
  it('holds for every thread at once, ends by itself, and the longer one wins', async () => {
    const { stage, one, two } = await pool([backend('a', { limit: 0 }), backend('b', { limit: 0 })]);
    expect(web(one).quarantine(keyOf('a'), NOW, NOW + 50)).toBe(true);
    expect(web(two).quarantine(keyOf('a'), NOW, NOW + 20)).toBe(false);
    expect(web(two).nextExpiryMs()).toBe(NOW + 50);
    for (let i = 0; i < 10; i++) expect(take(two).backendKey).toBe(keyOf('b'));
    web(one).expire(NOW + 49);
    expect(web(two).stats().rows[0]?.state).toBe('quarantined');
    expect(leased(web(one).checkout(NOW + 50, [], new TestWaiter())).backendKey).toBe(keyOf('a'));
    expect(web(two).nextExpiryMs()).toBe(0);
    stage.verify(WEB);
  });

  it('is another one where the one before is over, and else the same for longer', async () => {
    const { one, two } = await pool([backend('a', { limit: 0 })]);
    expect(web(one).quarantine(keyOf('a'), NOW, NOW + 50)).toBe(true);
    expect(web(two).quarantine(keyOf('a'), NOW + 49, NOW + 60)).toBe(false);
    expect(web(two).quarantine(keyOf('a'), NOW + 60, NOW + 110)).toBe(true);
    web(one).expire(NOW + 109);
    expect(web(one).stats().rows[0]?.state).toBe('quarantined');
  });

  it('that ends leaves the others to be looked for, the next one first', async () => {
    const { one } = await pool([backend('a'), backend('b'), backend('c'), backend('d')]);
    for (const [id, ms] of Object.entries({ a: 90, b: 50, c: 70 }))
      web(one).quarantine(keyOf(id), NOW, NOW + ms);
    for (const next of [50, 70, 90]) {
      expect(web(one).nextExpiryMs()).toBe(NOW + next);
      web(one).expire(NOW + next);
    }
    expect(web(one).nextExpiryMs()).toBe(0);
  });

  it('of a backend that is not there changes nothing', async () => {
    const { stage, one } = await pool([backend('a')]);
    const before = stage.verify(WEB).ticket;
    web(one).quarantine(keyOf('zz'), NOW, NOW + 50);
    expect(stage.verify(WEB).ticket).toBe(before);
  });

  it('ends for those who wait when someone looks', async () => {
    const { stage, one, two } = await pool([backend('a')]);
    web(one).quarantine(keyOf('a'), NOW, NOW + 50);
    const waiter = wait(two);
    web(one).expire(NOW + 50);
    stage.hear(two);
    expect(waiter.lease?.open).toBe(true);
    stage.verify(WEB);
  });
});
