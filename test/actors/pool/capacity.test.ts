import { describe, expect, it } from 'vitest';
import { Demand, LOOK_MS, type Supply } from '../../../actors/pool/capacity.ts';

const FULL: Supply = { backends: 2, up: 2, limit: 2 };
const NONE: Supply = { backends: 0, up: 0, limit: 0 };

/** Looks every LOOK_MS at what a script says; returns when a want was told, in ms from the first look. */
function told(
  looks: number,
  script: (look: number) => { waiting: number; refused?: number; supply?: Supply },
): { atMs: number; cause: string; refused: number; forMs: number }[] {
  const demand = new Demand(0);
  const wants = [];
  for (let look = 0; look < looks; look++) {
    const { waiting, refused = 0, supply = FULL } = script(look);
    const want = demand.look({ waiting, refused }, look * LOOK_MS, () => supply);
    if (want !== undefined) wants.push({ atMs: look * LOOK_MS, ...want });
  }
  return wants;
}

describe('a pool whose requests wait', () => {
  it('for 1.5 s wants nothing, and from the next look on it does', () => {
    expect(told(20, (look) => ({ waiting: look < 3 ? 5 : 0 }))).toEqual([]);
    expect(told(20, (look) => ({ waiting: look < 4 ? 5 : 0 }))).toEqual([
      { atMs: 1500, cause: 'saturated', refused: 0, forMs: 1500 },
    ]);
  });

  it('now and then wants nothing, however long', () => {
    expect(told(1000, (look) => ({ waiting: look % 2 }))).toEqual([]);
  });

  it('on end says so ever more seldom, and soon again when backends came and were not enough', () => {
    const times = (of: ReturnType<typeof told>) => of.map(({ atMs }) => atMs / 1000);
    expect(times(told(200, () => ({ waiting: 1 })))).toEqual([1.5, 21.5, 61.5]);
    const grown = told(200, (look) => ({ waiting: 1, supply: { ...FULL, up: 2 + Math.floor(look / 10) } }));
    expect(times(grown)).toEqual([1.5, 11.5, 21.5, 31.5, 41.5, 51.5, 61.5, 71.5, 81.5, 91.5]);
  });

  it('is never told of twice within ten seconds, whatever it does', () => {
    const wants = told(2000, (look) => ({
      waiting: Math.floor(look / 7) % 2,
      supply: look % 3 ? FULL : NONE,
    }));
    expect(wants.length).toBeGreaterThan(20);
    for (const [at, { atMs }] of wants.entries())
      if (at > 0) expect(atMs - wants[at - 1]!.atMs).toBeGreaterThanOrEqual(10_000);
  });
});

describe('a pool that refuses', () => {
  it('for want of any backend says so at the first look', () => {
    expect(told(3, () => ({ waiting: 0, refused: 7, supply: NONE }))).toEqual([
      { atMs: 0, cause: 'no_backends', refused: 7, forMs: 0 },
    ]);
  });

  it('while all are starting or quarantined wants one that is up', () => {
    const supply = { backends: 1, up: 0, limit: 0 };
    expect(told(3, () => ({ waiting: 1, supply }))).toMatchObject([{ atMs: 0, cause: 'none_up' }]);
  });

  it('is told with what it refused since it was told last', () => {
    const wants = told(60, (look) => ({ waiting: 0, refused: 10 * (look + 1) }));
    expect(wants.map(({ refused }) => refused)).toEqual([40, 400]);
  });

  it('and whose ledger is made anew has refused nothing by that', () => {
    expect(told(10, (look) => ({ waiting: 0, refused: look === 0 ? 5 : 0 }))).toEqual([]);
  });
});
