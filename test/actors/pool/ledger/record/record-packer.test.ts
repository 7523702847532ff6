import { describe, expect, it } from 'vitest';
import {
  attachArena,
  createArena,
  keyOf,
  type LeaseEnd,
  type LedgerRecord,
  type MainLedger,
  type RowDefinition,
  recordSource,
  unpackRecords,
  type Waiter,
} from '../../../../../actors/index.ts';
import { OPERATIONS } from '../../../../../actors/pool/ledger/record/record-layout.ts';
import type { PolicyName } from '../../../../../actors/pool/policy/policies.ts';
import { ByteWriter, PoolIndex } from '../../../../../eventlog/index.ts';
import { rangesIn } from '../../../../../eventlog/journal/segment/pool-index.ts';
import { readRecords } from '../../../../support/record-reader.ts';

const nobody = (): Waiter => ({ place: 0, granted() {}, refused() {} });

function row(id: string, more: Partial<RowDefinition> = {}): RowDefinition {
  return { backendKey: keyOf(id), limit: 1, weight: 1, state: 'up', quarantineUntilMs: 0, ...more };
}

function define(
  main: MainLedger,
  pool: string,
  rows: readonly RowDefinition[],
  nowMs: number,
  maxWaiting = 3,
  policy: PolicyName = 'least-request',
) {
  const definition = { policy, maxWaiting, whenEmpty: 'refuse', seed: -77 } as const;
  return main.define(keyOf(pool), definition, rows, 'widen', { position: 2 ** 40 + 1, nowMs });
}

/** Every operation there is, with times as the clock gives them and as tests do. */
async function everything(main: MainLedger): Promise<void> {
  const worker = attachArena(main.shared, main.enlist(), () => {});
  const wall = 1_763_724_417_123.512;
  await define(main, 'web', [row('a'), row('b', { limit: 0, weight: 7 })], wall);
  await define(main, 'web', [row('a', { limit: 2 }), row('b', { state: 'draining' })], wall + 0.3, 9);
  await define(main, 'api', [row('a')], 12);
  const web = worker.pool(keyOf('web'))!;
  const api = main.pool(keyOf('api'))!;
  const one = web.checkout(wall + 0.75, [], nobody());
  const two = web.checkout(wall + 1.000244140625, [], nobody());
  const waits = nobody();
  web.checkout(wall + 2, [keyOf('x'), keyOf('y')], waits);
  const many = Array.from({ length: 16 }, (_, i) => keyOf(`tried${i}`));
  const leaves = nobody();
  web.checkout(wall + 3, many, leaves);
  web.leave(leaves, wall + 4);
  web.checkout(wall + 4, [keyOf('a'), keyOf('b')], nobody());
  if (typeof one !== 'string') web.checkin(one, wall + 5, 'finished');
  await define(main, 'kept', [row('a')], wall, 1, 'consistent-hash');
  const kept = main.pool(keyOf('kept'))!;
  const mine = kept.checkout(wall + 5, [keyOf('x')], nobody(), 2 ** 52 - 1);
  kept.checkout(wall + 5, [], nobody(), 7);
  kept.checkout(wall + 5, [], nobody(), 8);
  if (typeof mine !== 'string') kept.checkin(mine, wall + 6, 'finished', 12.5);
  await define(main, 'home', [row('a')], wall);
  const home = main.pool(keyOf('home'))!;
  const sticky = home.checkout(12.5, [keyOf('y')], nobody(), 0, 0, keyOf('a'));
  home.checkout(12.6, [], nobody(), 2 ** 51, 2 ** 52 - 1, keyOf('a'));
  if (typeof sticky !== 'string') home.checkin(sticky, 12.7, 'finished');
  await define(main, 'quick', [row('a', { limit: 0 })], wall, 1, 'peak-ewma');
  const quick = main.pool(keyOf('quick'))!;
  for (const [latencyMs, end] of [
    [0, 'finished'],
    [12.625, 'server_error'],
    [0.1, 'timed_out'],
    [-1, 'backend_failed'],
  ] as const) {
    const lease = quick.checkout(wall + 6, [], nobody());
    if (typeof lease !== 'string') quick.checkin(lease, wall + 7, end, latencyMs);
  }
  web.quarantine(keyOf('a'), wall + 6, 1_763_724_500_000);
  web.expire(1_763_724_500_001);
  const held = api.checkout(13.1, [], nobody());
  for (const end of ['connect_failed', 'unused'] satisfies LeaseEnd[]) {
    if (typeof held === 'string' || !held.open) continue;
    api.checkin(held, -5, end);
  }
  const health = { failures: 2, windowMs: 1000, maxEjectedPercent: 50, quarantineMs: 100, slowStartMs: 10 };
  const ejections = [{ route: 2 ** 52 - 1, untilMs: wall, level: 3 }];
  await main.define(
    keyOf('sick'),
    { policy: 'random', maxWaiting: 0, whenEmpty: 'refuse', seed: 1, health },
    [row('a', { limit: 0, ejections }), row('b', { limit: 0, isFailing: true })],
    'widen',
    { position: 3, nowMs: wall },
  );
  const sick = main.pool(keyOf('sick'))!;
  sick.probed(keyOf('b'), wall + 1, false);
  for (let at = wall + 2; at < wall + 2000; at += 11.5) {
    const lease = sick.checkout(at, [], nobody(), 0, at < wall + 1500 ? 77 : 2 ** 40 + 1);
    if (typeof lease === 'string') continue;
    sick.checkin(
      lease,
      at + 1,
      at < wall + 500 && lease.backendKey === keyOf('a') ? 'listed_status' : 'finished',
    );
  }
  for (const failing of ['a', 'b'])
    for (let at = wall + 9000; at < wall + 9050; at += 1) {
      const lease = sick.checkout(at, [keyOf(failing === 'a' ? 'b' : 'a')], nobody());
      if (typeof lease !== 'string') sick.checkin(lease, at, 'timed_out');
    }
  await main.reap(worker.thread, wall + 7);
  await main.drop(keyOf('web'), { position: 9, nowMs: wall + 8 });
  await main.drop(keyOf('api'), { position: 9, nowMs: 1e300 });
  void two;
}

function take(main: MainLedger, mostBytes = 2 ** 20) {
  const into = new ByteWriter();
  const index = new PoolIndex();
  const source = recordSource(main.shared);
  const count = source.take(into, index, mostBytes);
  return { packed: into.written(), ranges: [...rangesIn(index.packed())], count, source };
}

function drained(main: MainLedger): LedgerRecord[] {
  const reader = readRecords(main.shared);
  const records: LedgerRecord[] = [];
  for (let thread = 0; thread < reader.threads; thread++) reader.drain(thread, (each) => records.push(each));
  return records;
}

describe('packed records', () => {
  it('are the records, for every operation there is', async () => {
    const main = createArena({ threads: 3, ring() {}, record: true });
    await everything(main);
    const { packed, count } = take(main);
    const records = drained(main);
    expect(new Set(records.map((record) => record.op))).toEqual(new Set(OPERATIONS));
    // Of one thread in the order of its ring; who comes first of several is the journal's affair.
    const unpacked = [...unpackRecords(packed)].toSorted((a, b) => a.thread - b.thread);
    expect(unpacked).toEqual(records);
    const checkins = records.filter((record) => record.op === 'checkin');
    expect(checkins.map(({ latencyMs }) => latencyMs)).toEqual(expect.arrayContaining([-1, 0, 12.625, 0.1]));
    const asked = records.flatMap((record) => ('hash' in record ? [`${record.op} ${record.hash}`] : []));
    expect(asked).toEqual(expect.arrayContaining([`checkout ${2 ** 52 - 1}`, 'enqueue 7', 'refuse 8']));
    const homes = records.flatMap((record) => ('wanted' in record ? [`${record.op} ${record.wanted}`] : []));
    expect(homes).toEqual(expect.arrayContaining([`checkout ${keyOf('a')}`, `enqueue ${keyOf('a')}`]));
    expect(count).toBe(records.length);
  });

  it('can be had of one pool alone', async () => {
    const main = createArena({ threads: 3, ring() {}, record: true });
    await everything(main);
    const { packed } = take(main);
    const api = drained(main).filter((record) => record.poolKey === keyOf('api'));
    expect([...unpackRecords(packed, keyOf('api'))]).toEqual(api);
  });

  it('say which tickets of which pools they are about', async () => {
    const main = createArena({ threads: 3, ring() {}, record: true });
    await everything(main);
    const { ranges } = take(main);
    const records = drained(main);
    for (const { poolKey, operations, firstTicket, lastTicket } of ranges) {
      const tickets = records.filter((each) => each.poolKey === poolKey).map((each) => each.ticket);
      expect({ operations, firstTicket, lastTicket }).toEqual({
        operations: tickets.length,
        firstTicket: Math.min(...tickets),
        lastTicket: Math.max(...tickets),
      });
    }
    expect(ranges).toHaveLength(6);
  });

  it('are taken again until they are released, and then never', async () => {
    const main = createArena({ threads: 3, ring() {}, record: true });
    await everything(main);
    const { packed, source } = take(main);
    source.rewind();
    const again = new ByteWriter();
    source.take(again, new PoolIndex(), 2 ** 20);
    expect(again.written()).toEqual(packed);
    source.release();
    expect(take(main).count).toBe(0);
  });

  it('are taken in parts that stand for themselves', async () => {
    const main = createArena({ threads: 3, ring() {}, record: true });
    await everything(main);
    const source = recordSource(main.shared);
    const records: LedgerRecord[] = [];
    for (;;) {
      const into = new ByteWriter();
      if (source.take(into, new PoolIndex(), 1) === 0) break;
      records.push(...unpackRecords(into.written()));
    }
    const inOrder = (all: LedgerRecord[]) => all.toSorted((a, b) => a.thread - b.thread);
    expect(inOrder(records)).toEqual(inOrder(drained(main)));
  });

  it('take about ten bytes each where a pool is busy', async () => {
    const main = createArena({ threads: 2, ring() {}, record: true });
    await define(
      main,
      'web',
      ['a', 'b', 'c'].map((id) => row(id, { limit: 0 })),
      1_763_724_417_123,
    );
    const web = main.pool(keyOf('web'))!;
    let nowMs = 1_763_724_417_123.25;
    for (let i = 0; i < 1000; i++) {
      const lease = web.checkout(nowMs, [], nobody());
      nowMs += 0.125;
      if (typeof lease !== 'string') web.checkin(lease, nowMs, 'finished');
    }
    const { packed, count } = take(main);
    expect(packed.length / count).toBeLessThan(10);
  });
});
