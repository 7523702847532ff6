/** Of outliers in a pool of three, of which one may be out: an ejection on a route that nobody asks for any more. */
import { describe, expect, it } from 'vitest';
import { createArena, keyOf, type Lease, type LeaseEnd, type PoolLedger } from '../../../../actors/index.ts';
import { backend, TestWaiter } from './world.ts';

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
