/** Which backends are outliers, for whom, how long and how many of them: what docs/health.md says, at its bounds. */
import { describe, expect, it } from 'vitest';
import {
  createArena,
  type HealthChange,
  keyOf,
  type LeaseEnd,
  type PoolLedger,
} from '../../../../actors/index.ts';
import type { HealthDefinition, RowDefinition } from '../../../../actors/pool/ledger/index.ts';
import { backend, leased, TestWaiter } from '../ledger/world.ts';

const WEB = keyOf('web');
const IDS = ['a', 'b', 'c'];
const SET = { failures: 5, windowMs: 1000, maxEjectedPercent: 50, quarantineMs: 100, slowStartMs: 0 };

type Asked = { readonly atMs: number; readonly route?: number; readonly times?: number };

class Scene {
  readonly #main = createArena({ threads: 1, ring() {}, record: false });
  #health: HealthDefinition = SET;
  #rows: readonly RowDefinition[] = [];

  static async with(health: Partial<HealthDefinition>, rows = IDS.map((id) => backend(id, { limit: 0 }))) {
    const scene = new Scene();
    await scene.set(health, rows, 0);
    return scene;
  }

  async set(health: Partial<HealthDefinition>, rows: readonly RowDefinition[], nowMs: number) {
    this.#health = { ...this.#health, ...health };
    this.#rows = rows;
    const pool = { policy: 'round-robin', maxWaiting: 5, whenEmpty: 'refuse', seed: 7 } as const;
    const definition = { ...pool, health: this.#health };
    for (const phase of ['restrict', 'widen'] as const)
      await this.#main.define(WEB, definition, rows, phase, { position: 1, nowMs });
  }

  get pool(): PoolLedger {
    return this.#main.pool(WEB) as PoolLedger;
  }

  /** A lease on this one; undefined: it is closed to this request. */
  take(id: string, { atMs, route = 0 }: Asked) {
    const waiter = new TestWaiter();
    const others = this.#rows.map((row) => row.backendKey).filter((key) => key !== keyOf(id));
    const answer = this.pool.checkout(atMs, others, waiter, 0, route);
    if (answer === 'queued') this.pool.leave(waiter, atMs);
    return typeof answer === 'object' ? answer : undefined;
  }

  /** So many requests to this one end so; what that led to. */
  end(id: string, how: LeaseEnd, asked: Asked): readonly HealthChange[] {
    return Array.from({ length: asked.times ?? 1 }).flatMap(() =>
      this.pool.checkin(leased(this.take(id, asked)), asked.atMs, how),
    );
  }

  fail(id: string, asked: Asked): readonly HealthChange['type'][] {
    return this.end(id, 'backend_failed', asked).map(({ type }) => type);
  }

  isOpen(id: string, asked: Asked): boolean {
    const lease = this.take(id, asked);
    if (lease !== undefined) this.pool.checkin(lease, asked.atMs, 'unused');
    return lease !== undefined;
  }
}

describe('what counts', () => {
  it.each<[LeaseEnd, 'ejected' | undefined, 'ejected' | 'returned' | undefined]>([
    ['backend_failed', 'ejected', 'ejected'],
    ['timed_out', 'ejected', 'ejected'],
    ['listed_status', 'ejected', 'ejected'],
    ['finished', undefined, 'returned'],
    ['server_error', undefined, 'returned'],
    ['client_gone', undefined, undefined],
    ['connect_failed', undefined, undefined],
    ['unused', undefined, undefined],
    ['cut', undefined, undefined],
  ])('of a request that ends as %s: %s; of the trial: %s', async (how, first, trial) => {
    const s = await Scene.with({ failures: 1 });
    expect(s.end('a', how, { atMs: 10 })[0]?.type).toBe(first);
    if (first === undefined) s.fail('a', { atMs: 20 });
    expect(s.isOpen('a', { atMs: 109 })).toBe(false);
    expect(s.end('a', how, { atMs: 120 })[0]?.type).toBe(trial);
  });

  it('are as many failures as are set, within the window: a burst in half of it counts whole', async () => {
    for (const [atMs, changes] of [
      [1999, ['ejected']],
      [2000, []],
      // A clock that was set back; and so far that it begins anew.
      [500, ['ejected']],
      [499, []],
    ] as const) {
      const s = await Scene.with({});
      s.end('a', 'finished', { atMs: 1000 });
      expect(s.fail('a', { atMs: 1499, times: 4 })).toEqual([]);
      expect(s.fail('a', { atMs })).toEqual(changes);
    }
  });

  it('are those of the present half and the one before', async () => {
    const s = await Scene.with({});
    expect(s.fail('a', { atMs: 1000, times: 2 })).toEqual([]);
    expect(s.fail('a', { atMs: 1500, times: 2 })).toEqual([]);
    expect(s.fail('a', { atMs: 2000, times: 2 }), 'the first two are forgotten').toEqual([]);
    expect(s.fail('a', { atMs: 2499 })).toEqual(['ejected']);
  });

  it('is no request that began before it was back', async () => {
    const s = await Scene.with({ failures: 1 });
    const early = leased(s.take('a', { atMs: 5 }));
    s.fail('a', { atMs: 10 });
    expect(s.end('a', 'finished', { atMs: 110 })).toMatchObject([{ type: 'returned' }]);
    expect(s.pool.checkin(early, 120, 'backend_failed')).toEqual([]);
    expect(s.fail('a', { atMs: 120 })).toEqual(['ejected']);
  });
});

describe('an outlier has clearly more failures than the rest for as many requests:', () => {
  /** The others failed so many of a hundred. */
  async function others(failed: { readonly a: number; readonly c: number }, failures: number) {
    const s = await Scene.with({ failures });
    for (const [id, times] of Object.entries(failed)) {
      s.end(id, 'finished', { atMs: 10, times: 100 - times });
      expect(s.fail(id, { atMs: 10, times })).toEqual([]);
    }
    return s;
  }

  it('by over four times the root', async () => {
    const s = await others({ a: 10, c: 10 }, 11);
    s.end('b', 'finished', { atMs: 10, times: 28 });
    expect(s.fail('b', { atMs: 10, times: 12 }), '4 were to be expected').toEqual([]);
    expect(s.fail('b', { atMs: 10 })).toEqual(['ejected']);
  });

  it('over twice as many', async () => {
    const s = await others({ a: 50, c: 30 }, 60);
    s.end('b', 'finished', { atMs: 10, times: 20 });
    expect(s.fail('b', { atMs: 10, times: 80 }), '40 were to be expected').toEqual([]);
    expect(s.fail('b', { atMs: 10 })).toEqual(['ejected']);
  });

  it('a bad hour of all ejects nobody, and an answer does not either when it is over', async () => {
    const s = await Scene.with({});
    for (const id of ['b', 'c', 'a']) s.end(id, 'finished', { atMs: 1000, times: 10 });
    for (let i = 0; i < 10; i++)
      for (const id of ['b', 'c', 'a']) expect(s.fail(id, { atMs: id === 'a' ? 1500 : 1100 })).toEqual([]);
    expect(s.end('a', 'finished', { atMs: 2100 })).toEqual([]);
    expect(s.fail('a', { atMs: 2100 })).toEqual(['ejected']);
  });

  it.each([
    ['long over', 3000, 3000, []],
    ['over, though it was asked again', 1500, 2000, []],
    ['within the window', 1500, 1999, ['ejected']],
  ])(
    'for as many requests of the window: where the rest had a hundred more is %s',
    async (_, againMs, atMs, changes) => {
      const s = await Scene.with({ failures: 6 });
      s.end('a', 'finished', { atMs: 1000, times: 100 });
      s.end('a', 'finished', { atMs: againMs });
      for (const how of ['finished', 'backend_failed'] as const) s.end('c', how, { atMs, times: 5 });
      s.end('b', 'finished', { atMs, times: 4 });
      expect(s.fail('b', { atMs, times: 6 })).toEqual(changes);
    },
  );

  it('for as many requests, of which those of a backend that is idle for long are none', async () => {
    const s = await Scene.with({ failures: 6 });
    s.end('a', 'finished', { atMs: 1000, times: 100 });
    for (const how of ['finished', 'backend_failed'] as const) s.end('c', how, { atMs: 2000, times: 5 });
    s.end('b', 'finished', { atMs: 2000, times: 4 });
    expect(s.fail('b', { atMs: 2000, times: 6 })).toEqual([]);
  });
});

describe('a backend that fails on a route', () => {
  it('is left alone for requests of that route, and serves all others', async () => {
    const s = await Scene.with({});
    expect(s.fail('a', { atMs: 10, route: 7, times: 5 })).toEqual(['ejected']);
    const open = [7, 8, 0].map((route) => s.isOpen('a', { atMs: 20, route }));
    expect(open).toEqual([false, true, true]);
    expect(s.end('a', 'finished', { atMs: 110 }), 'nobody else is its trial').toEqual([]);
    expect(s.end('a', 'finished', { atMs: 110, route: 7 })).toMatchObject([{ type: 'returned', route: 7 }]);
  });

  it('is compared with the rest on that route, taken to be asked as often where nothing failed', async () => {
    const s = await Scene.with({ failures: 9 });
    s.fail('b', { atMs: 10, times: 8 });
    s.fail('b', { atMs: 10, route: 7, times: 8 });
    expect(s.fail('a', { atMs: 10, route: 7, times: 14 }), '8 of 22 failed of the rest').toEqual([]);
    expect(s.fail('a', { atMs: 10, route: 7 }), '8 of 23').toEqual(['ejected']);
  });

  it('on more than four at once speaks for the whole with the others', async () => {
    const s = await Scene.with({ failures: 2, maxEjectedPercent: 100 });
    const routes = [1, 2, 3, 4, 5].flatMap((route) =>
      s.end('a', 'backend_failed', { atMs: 10, route, times: 2 }),
    );
    expect(routes).toMatchObject([{ route: 1 }, { route: 2 }, { route: 3 }, { route: 4 }, { route: 0 }]);
    expect(s.isOpen('a', { atMs: 20, route: 6 })).toBe(false);
  });

  it('once has room for a fifth when nothing of it counts any more', async () => {
    const s = await Scene.with({ failures: 2, maxEjectedPercent: 100 });
    for (const route of [1, 2, 3, 4]) s.fail('a', { atMs: 1000, route });
    expect(s.end('a', 'backend_failed', { atMs: 2000, route: 5, times: 2 })).toMatchObject([{ route: 5 }]);
  });
});

describe('an ejection lasts', () => {
  const lastingMs = (changes: readonly HealthChange[], nowMs: number) =>
    changes.map((change) => (change.type === 'ejected' ? change.untilMs - nowMs : change.type));

  it.each([
    [5000, [5000, 10_000, 20_000, 40_000, 60_000, 60_000]],
    [90_000, [90_000, 90_000]],
  ])('%i ms the first time, twice as long each next time, a minute at most', async (quarantineMs, times) => {
    const s = await Scene.with({ failures: 1, quarantineMs });
    let atMs = 10;
    for (const time of times) {
      expect(lastingMs(s.end('a', 'backend_failed', { atMs }), atMs)).toEqual([time]);
      expect(s.isOpen('a', { atMs: atMs + time - 1 })).toBe(false);
      atMs += time;
    }
  });

  it('as the first time when it stayed back for as long as it had been out, and for a window', async () => {
    for (const [quarantineMs, backMs] of [
      [1600, 1600],
      [100, 1000],
    ] as const) {
      for (const [stayedMs, time] of [
        [backMs - 1, 2 * quarantineMs],
        [backMs, quarantineMs],
      ] as const) {
        const s = await Scene.with({ failures: 1, quarantineMs });
        s.fail('a', { atMs: 10 });
        s.end('a', 'finished', { atMs: 5000 });
        const atMs = 5000 + stayedMs;
        expect(lastingMs(s.end('a', 'backend_failed', { atMs }), atMs)).toEqual([time]);
      }
    }
  });
});

describe('of how many are out', () => {
  const pool = (states: readonly RowDefinition['state'][]) =>
    states.map((state, i) => backend(`${IDS[i]}`, { limit: 0, state }));
  const [UP, STARTING, DRAINING] = ['up', 'starting', 'draining'] as const;

  it.each([
    [[UP], 99, 0],
    [[UP], 100, 1],
    [[UP, UP], 49, 0],
    [[UP, UP], 50, 1],
    [[UP, UP, UP], 33, 0],
    [[UP, UP, UP], 34, 1],
    [[UP, UP, UP], 67, 2],
    [[UP, UP, STARTING], 49, 0],
    [[UP, UP, DRAINING], 49, 0],
    [[UP, UP, DRAINING], 50, 1],
  ])('%j with %i %% at most %i may be; a further one is told, once', async (states, most, count) => {
    const s = await Scene.with({ failures: 2, maxEjectedPercent: most }, pool(states));
    const up = IDS.filter((_, i) => states[i] === UP);
    const told = up.flatMap((id) => s.fail(id, { atMs: 10, times: 2 }));
    expect(told).toEqual(up.map((_, i) => (i < count ? 'ejected' : 'withheld')));
    const last = up.at(-1) ?? '';
    if (count < up.length) {
      expect(s.fail(last, { atMs: 20 })).toEqual([]);
      expect(s.fail(last, { atMs: 20 })).toEqual(['withheld']);
    }
  });

  it('those for a route count for the whole, those for another route do not', async () => {
    const s = await Scene.with({ failures: 1, maxEjectedPercent: 34 });
    expect(s.fail('a', { atMs: 10, route: 7 })).toEqual(['ejected']);
    expect(s.fail('b', { atMs: 10, route: 8 })).toEqual(['ejected']);
    expect(s.fail('c', { atMs: 10, route: 7 })).toEqual(['withheld']);
    expect(s.fail('c', { atMs: 10 })).toEqual(['withheld']);
  });

  it('those that would be back soonest are back when fewer may be', async () => {
    const s = await Scene.with({ failures: 1, maxEjectedPercent: 67 });
    s.fail('b', { atMs: 10 });
    s.fail('a', { atMs: 20 });
    const open = (atMs: number) => IDS.map((id) => s.isOpen(id, { atMs }));
    expect(open(30)).toEqual([false, false, true]);
    await s.set({ maxEjectedPercent: 66 }, pool([UP, UP, UP]), 30);
    expect(open(30)).toEqual([false, true, true]);
    await s.set({}, pool([UP, UP, STARTING]), 40);
    expect(open(40), 'one of two').toEqual([false, true, false]);
    await s.set({}, pool([UP, STARTING, STARTING]), 50);
    expect(open(50), 'one of one').toEqual([true, false, false]);
  });

  it('all are back when nobody is judged any more', async () => {
    const s = await Scene.with({ failures: 1, maxEjectedPercent: 100 });
    for (const [i, id] of IDS.entries()) s.fail(id, { atMs: 10, route: i });
    await s.set({ failures: 0 }, pool([UP, UP, UP]), 20);
    expect(IDS.map((id, route) => s.isOpen(id, { atMs: 20, route }))).toEqual([true, true, true]);
    expect(s.fail('a', { atMs: 30, times: 9 })).toEqual([]);
  });
});
