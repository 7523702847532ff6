import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  createArena,
  keyOf,
  type Lease,
  type LedgerRecord,
  type MainLedger,
  type PoolLedger,
  type RowCheckpoint,
  unpackCheckpoint,
} from '../../actors/index.ts';
import { STATE, UNIT } from '../../actors/pool/health/ward.ts';
import { ByteWriter } from '../../eventlog/index.ts';
import { replay } from '../../test/actors/pool/ledger/model.ts';
import { backend, TestWaiter } from '../../test/actors/pool/ledger/world.ts';
import { readRecords } from '../../test/support/record-reader.ts';

const WEB = keyOf('web');
const ROUTES = [0, 11, 12, 13];

const history = fc.record({
  policy: fc.constantFrom('least-request', 'round-robin', 'random', 'p2c', 'peak-ewma', 'consistent-hash'),
  backends: fc.integer({ min: 1, max: 6 }),
  health: fc.record({
    failures: fc.integer({ min: 1, max: 4 }),
    windowMs: fc.constantFrom(50, 1000),
    maxEjectedPercent: fc.constantFrom(0, 34, 50, 100),
    quarantineMs: fc.constantFrom(5, 40),
    slowStartMs: fc.constantFrom(0, 30),
  }),
  steps: fc.array(
    fc.record({
      route: fc.constantFrom(...ROUTES),
      passesMs: fc.nat(8),
      // A backend that it makes sick for this route, or well again.
      turns: fc.option(fc.nat(5), { freq: 6 }),
      holds: fc.nat(3),
      isSilent: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
    }),
    { minLength: 20, maxLength: 120, size: 'max' },
  ),
});
type History = typeof history extends fc.Arbitrary<infer T> ? T : never;

function rowsOf(main: MainLedger): readonly RowCheckpoint[] {
  const into = new ByteWriter();
  main.checkpoint(WEB, into);
  return unpackCheckpoint(into.written()).rows;
}

/** Of a row, for requests of a route: the backend's own state, and the route's. */
function statesFor(row: RowCheckpoint, route: number): readonly number[] {
  return row.units.flatMap((unit, i) => (i === 0 || unit[UNIT.key] === route ? [unit[UNIT.state] ?? 0] : []));
}

const isOutFor = (row: RowCheckpoint, route: number) =>
  statesFor(row, route).some((state) => state !== STATE.sound);
const isClosedTo = (row: RowCheckpoint, route: number) =>
  statesFor(row, route).some((state) => state === STATE.ejected || state === STATE.trying);

async function run({ policy, backends, health, steps }: History): Promise<readonly LedgerRecord[]> {
  const main = createArena({ threads: 1, ring() {}, record: true });
  const rows = Array.from({ length: backends }, (_, i) => backend(`web.${i}`, { limit: 0 }));
  const definition = { policy, maxWaiting: 5, whenEmpty: 'refuse', seed: 7, health } as const;
  await main.define(WEB, definition, rows, 'widen', { position: 1, nowMs: 0 });
  const pool = main.pool(WEB) as PoolLedger;
  const sick = new Set<string>();
  const held: { lease: Lease; route: number }[] = [];
  let nowMs = 1000;
  const giveBack = (most: number, isSilent = false) => {
    while (held.length > most) {
      const { lease, route } = held.shift() as (typeof held)[number];
      const isBad = sick.has(`${lease.backendKey} ${route}`);
      pool.checkin(lease, nowMs, isSilent ? 'client_gone' : isBad ? 'backend_failed' : 'finished');
      const present = rowsOf(main);
      for (const each of ROUTES) {
        const out = present.filter((row) => isClosedTo(row, each)).length;
        expect(out * 100).toBeLessThanOrEqual(health.maxEjectedPercent * present.length);
      }
    }
  };
  const ask = (route: number) => {
    pool.expire(nowMs);
    const before = rowsOf(main);
    const waiter = new TestWaiter();
    const answer = pool.checkout(nowMs, [], waiter, 0, route);
    for (const each of ROUTES) {
      const out = rowsOf(main).filter((row) => isClosedTo(row, each)).length;
      expect(out * 100, 'a trial does not close too many either').toBeLessThanOrEqual(
        health.maxEjectedPercent * before.length,
      );
    }
    if (typeof answer === 'object') {
      held.push({ lease: answer, route });
      const row = before.find((each) => each.backendKey === answer.backendKey) as RowCheckpoint;
      expect(isClosedTo(row, route), 'never one that is out').toBe(false);
    } else {
      expect(
        before.every((row) => isClosedTo(row, route)),
        'refused only where all are out',
      ).toBe(true);
      if (waiter.place !== 0) pool.leave(waiter, nowMs);
    }
  };
  for (const { route, passesMs, turns, holds, isSilent } of steps) {
    nowMs += passesMs;
    if (turns !== null) {
      const name = `${keyOf(`web.${turns % backends}`)} ${route}`;
      if (!sick.delete(name)) sick.add(name);
    }
    ask(route);
    giveBack(holds, isSilent);
  }
  giveBack(0);
  // All are well again: whatever is out is tried, and back.
  sick.clear();
  nowMs += 60_000;
  for (let i = 0; i < 2 * backends; i++)
    for (const route of ROUTES) {
      ask(route);
      giveBack(0);
    }
  for (const row of rowsOf(main)) for (const route of ROUTES) expect(isOutFor(row, route)).toBe(false);
  const records: LedgerRecord[] = [];
  readRecords(main.shared).drain(0, (record) => records.push(record));
  return records;
}

describe('the health of a pool', () => {
  it('keeps within its share, sends nobody to what is out, and tries whatever is out again', async () => {
    let ejections = 0;
    await fc.assert(
      fc.asyncProperty(history, async (each) => {
        const records = await run(each);
        ejections += records.filter(({ op }) => op === 'eject').length;
        replay(records);
      }),
      { numRuns: 50 },
    );
    // By their distribution over 800 histories, so few of fifty have a chance below 10^-8.
    expect(ejections).toBeGreaterThan(10);
  });

  it('decides the same of the same', async () => {
    await fc.assert(
      fc.asyncProperty(history, async (each) => {
        expect(await run(each)).toEqual(await run(each));
      }),
      { numRuns: 6 },
    );
  });
});
