/** Outliers: how their trials go, and what an ejection on a route keeps in that nobody asks for any more. */
import { describe, expect, it } from 'vitest';
import { createArena, keyOf, type Lease, type LeaseEnd, type PoolLedger } from '../../../../actors/index.ts';
import { backend, defineWeb, leased, TestWaiter, web, world } from './world.ts';

const WEB = keyOf('web');
const API = 11;
const HEALTH = {
  failures: 3,
  windowMs: 1000,
  maxEjectedPercent: 50,
  quarantineMs: 100,
  slowStartMs: 0,
} as const;

async function threeBackends() {
  const main = createArena({ threads: 1, ring() {}, record: false });
  const rows = ['a', 'b', 'c'].map((id) => backend(id, { limit: 0 }));
  const definition = {
    policy: 'round-robin',
    maxWaiting: 5,
    whenEmpty: 'refuse',
    seed: 7,
    health: HEALTH,
  } as const;
  await main.define(WEB, definition, rows, 'widen', { position: 1, nowMs: 0 });
  const pool = main.pool(WEB) as PoolLedger;
  /** One request to each backend that may have one; those of `sick` fail. */
  const round = (nowMs: number, sick: string, route = 0) => {
    pool.expire(nowMs);
    const leases = [1, 2, 3].map(() => pool.checkout(nowMs, [], new TestWaiter(), 0, route) as Lease);
    const end = ({ backendKey }: Lease): LeaseEnd =>
      backendKey === keyOf(sick) ? 'backend_failed' : 'finished';
    return leases.flatMap((lease) => pool.checkin(lease, nowMs, end(lease)).map(({ type }) => type));
  };
  const ejected = (id: string) =>
    pool.stats().rows.some(({ backendKey, state }) => backendKey === keyOf(id) && state === 'ejected');
  return { round, ejected };
}

describe('a backend whose ejection on a route is over', () => {
  it('keeps no other in while nobody asks for that route, and is let back untried while the other is out', async () => {
    const { round, ejected } = await threeBackends();
    expect([1, 2, 3].flatMap((ms) => round(ms, 'b', API))).toEqual(['ejected']);
    expect(
      [11, 12, 13].flatMap((ms) => round(ms, 'a')),
      'b is out on a route',
    ).toContain('withheld');
    expect([201, 202, 203].flatMap((ms) => round(ms, 'a'))).toContain('ejected');
    expect(ejected('a')).toBe(true);
    // With a out, b may not be closed even for the time of a trial.
    expect(round(210, 'b', API)).toEqual([]);
    expect(round(211, 'b', API)).not.toContain('ejected');
  });
});

describe('the trial of a backend', () => {
  /** Three wait for the one backend there is; it was ejected until 50, and takes three at once. */
  async function threeWait() {
    const stage = world();
    const one = stage.thread();
    const a = backend('a', { limit: 3, ejections: [{ route: 0, untilMs: 50, level: 1 }] });
    await defineWeb(stage, [a], { health: { ...HEALTH, maxEjectedPercent: 100 } });
    const waiters = [1, 2, 3].map(() => new TestWaiter());
    for (const waiter of waiters) expect(web(one).checkout(10, [], waiter)).toBe('queued');
    web(one).expire(49);
    expect(waiters.map(({ lease }) => lease !== undefined)).toEqual([false, false, false]);
    web(one).expire(50);
    const served = () => {
      stage.verify(WEB);
      return waiters.map(({ lease }) => lease !== undefined);
    };
    expect(served()).toEqual([true, false, false]);
    const ends = (which: number, end: LeaseEnd) => web(one).checkin(leased(waiters[which]?.lease), 60, end);
    return { ends, served };
  }

  it('is one request; where it is answered, all who wait are served', async () => {
    const { ends, served } = await threeWait();
    expect(ends(0, 'finished')).toMatchObject([{ type: 'returned', route: 0 }]);
    expect(served()).toEqual([true, true, true]);
  });

  it('that says nothing of it is followed by another', async () => {
    const { ends, served } = await threeWait();
    expect(ends(0, 'client_gone')).toEqual([]);
    expect(served()).toEqual([true, true, false]);
    expect(ends(1, 'finished')).toMatchObject([{ type: 'returned', route: 0 }]);
    expect(served()).toEqual([true, true, true]);
  });

  it('that fails lets nobody in, for twice as long', async () => {
    const { ends, served } = await threeWait();
    const untilMs = 60 + 2 * HEALTH.quarantineMs;
    expect(ends(0, 'timed_out')).toMatchObject([{ type: 'ejected', untilMs, level: 2 }]);
    expect(served()).toEqual([true, false, false]);
  });
});
