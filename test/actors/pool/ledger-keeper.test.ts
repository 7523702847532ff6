/** What a pool's owner knows, as its ledger is told it; and the order in which that comes about. */
import { describe, expect, it } from 'vitest';
import { createArena, keyOf } from '../../../actors/index.ts';
import { routeKeyOf } from '../../../actors/pool/ledger/index.ts';
import { definitionOf, LedgerKeeper, rowsOf } from '../../../actors/pool/ledger-keeper.ts';
import type { BackendState, PoolState } from '../../../actors/pool/pool-state.ts';
import type { PoolName, SparsePool } from '../../../eventlog/index.ts';

const WEB = 'web' as PoolName;
const ADDRESS = '127.0.0.1:9001';
const JUDGED: SparsePool = { health: { active: { path: '/up' }, passive: { outlier: { failures: 3 } } } };

function pool(settings: SparsePool, backends: Readonly<Record<string, Partial<BackendState>>>) {
  const all = Object.entries(backends).map(([id, more]) => [
    id,
    { backend: { address: ADDRESS }, version: 1, ...more },
  ]);
  return { settings, version: 1, backends: Object.fromEntries(all) } as NonNullable<PoolState>;
}

describe('a backend in the ledger', () => {
  it('has its own limit before its pool’s, or none; its weight and its state', () => {
    const own = { backend: { address: ADDRESS, maxConcurrency: 7, weight: 3, state: 'draining' } as const };
    expect(rowsOf(pool({ maxConcurrency: 5 }, { own, plain: {} }), 0)).toMatchObject([
      { backendKey: keyOf('own'), limit: 7, weight: 3, state: 'draining', quarantineUntilMs: 0 },
      { backendKey: keyOf('plain'), limit: 5, weight: 1, state: 'up' },
    ]);
    expect(rowsOf(pool({}, { plain: {} }), 0)).toMatchObject([{ limit: 0 }]);
  });

  it('has what is known of its health, as far as that is asked for', () => {
    const route = 'app.example#/api';
    const known: Partial<BackendState> = {
      quarantine: { cause: 'connect_failed', untilMs: 900 },
      health: { ejections: [{ route, untilMs: 800, level: 2 }], probes: 'failing' },
    };
    const told = (settings: SparsePool) => rowsOf(pool(settings, { known }), 0)[0];
    const ejections = [{ route: routeKeyOf(route), untilMs: 800, level: 2 }];
    expect(told(JUDGED)).toMatchObject({ quarantineUntilMs: 900, ejections, isFailing: true });
    expect(told({ health: { passive: { outlier: false } } })).toMatchObject({ ejections: [] });
    expect(told({ health: { passive: false } })).toMatchObject({ ejections: [] });
    expect(told({ health: { active: false } })).toMatchObject({ isFailing: false });
    expect(rowsOf(pool(JUDGED, { well: {} }), 0)).toMatchObject([{ ejections: [], isFailing: false }]);
  });

  it('is out for no longer than ever, where a start finds that the clock was set back', () => {
    const settings = { health: { passive: { quarantineMs: 90_000 } } };
    const told = (untilMs: number) => {
      const health = { ejections: [{ route: '', untilMs, level: 2 }], probes: 'passing' } as const;
      const known = { quarantine: { cause: 'connect_failed', untilMs }, health } as const;
      return rowsOf(pool(settings, { known }), 1000)[0];
    };
    expect(told(91_000)).toMatchObject({ quarantineUntilMs: 91_000, ejections: [{ untilMs: 91_000 }] });
    expect(told(91_001)).toMatchObject({ quarantineUntilMs: 0, ejections: [{ untilMs: 0 }] });
  });
});

describe('a pool in the ledger', () => {
  it('judges health as its settings say, or not at all', () => {
    const passive = { outlier: { failures: 3, windowMs: 2000 }, maxEjectedPercent: 20, quarantineMs: 400 };
    expect(definitionOf(pool({ health: { passive }, slowStartMs: 50 }, {}), 9)).toMatchObject({
      seed: 9,
      health: { failures: 3, windowMs: 2000, maxEjectedPercent: 20, quarantineMs: 400, slowStartMs: 50 },
    });
    for (const none of [false, { outlier: false }] as const)
      expect(definitionOf(pool({ health: { passive: none }, slowStartMs: 50 }, {}), 9).health).toEqual({
        failures: 0,
        windowMs: 0,
        maxEjectedPercent: 0,
        quarantineMs: 0,
        slowStartMs: 50,
      });
  });

  it('is restricted before its change is seen and widened after, one change after the other', async () => {
    const ledger = createArena({ threads: 1, ring() {}, record: false });
    const seen: string[] = [];
    const rows = () =>
      ledger.rowsOf(keyOf(WEB)).map(({ backendKey, state }) => `${names.get(backendKey)} ${state}`);
    const names = new Map<number, string>();
    const keeper = new LedgerKeeper({
      ledger,
      now: () => 10,
      random: () => 0.5,
      named: (_pool, ids) => {
        for (const id of ids) names.set(keyOf(id), id);
      },
      restricted: (_pool, state) => seen.push(`restricted to ${Object.keys(state?.backends ?? {})}`),
      rested() {},
    });
    const follow = (state: PoolState, version: number) =>
      keeper.follow(WEB, state, version, () => seen.push(`midway to ${version}: ${rows()}`));
    await follow(pool({}, { a: {}, b: {} }), 1);
    expect(rows()).toEqual(['a up', 'b up']);
    seen.length = 0;
    const changes = [follow(pool({}, { b: {}, c: {} }), 2), follow(null, 3)];
    await Promise.all(changes);
    expect(seen).toEqual([
      'restricted to b,c',
      'midway to 2: b up',
      'midway to 3: c up,b up',
      'restricted to ',
    ]);
    expect([rows(), keeper.has(WEB), [...keeper.pools()]]).toEqual([[], false, []]);
  });

  it('rests when nobody used it, and is then none that is kept', async () => {
    const ledger = createArena({ threads: 1, ring() {}, record: false });
    const restricted: PoolState[] = [];
    const rested: PoolName[] = [];
    const keeper = new LedgerKeeper({
      ledger,
      now: () => 10,
      random: () => 0.5,
      named() {},
      restricted: (_pool, state) => restricted.push(state),
      rested: (name) => rested.push(name),
    });
    await keeper.follow(WEB, pool({}, { a: {} }), 1, () => {});
    const ticket = keeper.ticket(WEB);
    expect([await keeper.rest(WEB, ticket - 1, 1), keeper.has(WEB), rested]).toEqual([false, true, []]);
    expect([await keeper.rest(WEB, ticket, 1), keeper.has(WEB), rested]).toEqual([true, false, [WEB]]);
    expect(restricted).toHaveLength(1);
  });
});
