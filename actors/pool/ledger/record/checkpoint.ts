/**
 * A pool's whole state after one of its tickets, packed: from here on its operations can be decided again without the
 * earlier ones. The ledger does not name leases, so a checkpoint only has their number.
 */
import { ByteReader, type ByteWriter } from '../../../../eventlog/journal/index.ts';
import { UNIT, UNITS, type UnitField } from '../../health/ward.ts';
import { type PolicyName, policyName } from '../../policy/policies.ts';
import type { HealthDefinition } from '../definition.ts';
import { CLOSED, NO_LIMIT, NODE, POOL, ROW } from '../memory/layout.ts';
import type { Memory } from '../memory/memory.ts';
import type { PoolView } from '../pool-view.ts';

export type PoolCheckpoint = {
  readonly policy: PolicyName;
  readonly maxWaiting: number;
  readonly whenEmpty: 'refuse' | 'hold';
  readonly widening: boolean;
  /** State of the pool's random numbers. */
  readonly chance: number;
  readonly mark: number;
  readonly health: HealthDefinition;
  readonly rows: readonly RowCheckpoint[];
  /** In the order of the queue. */
  readonly waiters: readonly {
    readonly ticket: number;
    readonly thread: number;
    readonly tried: readonly number[];
    readonly hash: number;
    readonly route: number;
    readonly wanted: number;
  }[];
};

export type RowCheckpoint = {
  readonly row: number;
  readonly backendKey: number;
  readonly epoch: number;
  /** 0: none. */
  readonly limit: number;
  readonly weight: number;
  readonly removed: boolean;
  readonly draining: boolean;
  readonly starting: boolean;
  readonly quarantined: boolean;
  readonly untilMs: number;
  readonly score: number;
  /** −1: nothing has been learnt. */
  readonly latencyMs: number;
  readonly failing: number;
  readonly learntAtMs: number;
  /** Its probes fail. */
  readonly isFailing: boolean;
  readonly openedAtMs: number;
  /** UNITS units; each has the numbers of UNIT, at their places. */
  readonly units: readonly (readonly number[])[];
  /** Number of leases, by the thread that holds them. */
  readonly inFlight: ReadonlyMap<number, number>;
};

// 2: with hashes and what was learnt of rows. 3: with health and routes. 4: with the homes of waiters.
const VERSION = 4;
const HOLD = 1;
const WIDENING = 2;
// Flags beside the bits of CLOSED: such a number follows.
const SCORED = 1024;
const LEARNT = 2048;
const NO_SCORE = -1;
const NOTHING_LEARNT = -1;
// A number takes at most 8 bytes; a row has at most fifteen of them, and two for each thread.
const NUMBER_BYTES = 8;
const ROW_NUMBERS = 15;
const FIELDS = Object.entries(UNIT).flatMap(([name, at]) =>
  name === 'words' ? [] : [at as UnitField],
) as readonly UnitField[];
const UNIT_NUMBERS = UNITS * (2 + FIELDS.length);

/** Returns the ticket after which this state holds. Under the pool's lock. */
export function packCheckpoint(memory: Memory, pool: PoolView, into: ByteWriter): number {
  const { words, doubles } = memory;
  const { block } = pool;
  into.reserve(20 * NUMBER_BYTES);
  into.byte(VERSION);
  into.byte(words[block + POOL.policy]!);
  into.byte(words[block + POOL.hold]! * HOLD + words[block + POOL.widening]! * WIDENING);
  into.count(words[block + POOL.maxWaiting]!);
  into.whole(words[block + POOL.chance]!);
  into.double(doubles[(block + POOL.mark) >> 1]!);
  into.count(words[block + POOL.failures]!);
  into.count(words[block + POOL.maxEjectedPercent]!);
  into.count(doubles[(block + POOL.windowMs) >> 1]!);
  into.count(doubles[(block + POOL.quarantineMs) >> 1]!);
  into.count(doubles[(block + POOL.slowStartMs) >> 1]!);
  packRows(memory, pool, into);
  packWaiters(memory, block, into);
  return doubles[(block + POOL.ticket) >> 1]!;
}

function packRows(memory: Memory, pool: PoolView, into: ByteWriter): void {
  const { words } = memory;
  let rows = 0;
  for (let row = 0; row < pool.field.rows; row++)
    if ((words[pool.field.placeOf(row) + ROW.closed]! & CLOSED.empty) === 0) rows++;
  into.count(rows);
  for (let row = 0; row < pool.field.rows; row++) {
    const at = pool.field.placeOf(row);
    if ((words[at + ROW.closed]! & CLOSED.empty) !== 0) continue;
    packRow(memory, row, at, into);
    packUnits(memory, pool, row, at, into);
  }
}

function packRow({ words, doubles, threads }: Memory, row: number, at: number, into: ByteWriter): void {
  into.reserve(NUMBER_BYTES * (ROW_NUMBERS + 2 * threads));
  const closed = words[at + ROW.closed]!;
  const limit = words[at + ROW.limit]!;
  const score = doubles[(at + ROW.score) >> 1]!;
  const latencyMs = doubles[(at + ROW.latencyMs) >> 1]!;
  into.count(row);
  into.count(closed | (score === NO_SCORE ? 0 : SCORED) | (latencyMs === NOTHING_LEARNT ? 0 : LEARNT));
  into.double(doubles[(at + ROW.key) >> 1]!);
  into.whole(words[at + ROW.epoch]!);
  into.count(limit === NO_LIMIT ? 0 : limit);
  into.count(words[at + ROW.weight]!);
  if ((closed & CLOSED.quarantined) !== 0) into.double(doubles[(at + ROW.untilMs) >> 1]!);
  if (score !== NO_SCORE) into.double(score);
  if (latencyMs !== NOTHING_LEARNT) {
    into.double(latencyMs);
    into.double(doubles[(at + ROW.failing) >> 1]!);
    into.double(doubles[(at + ROW.learntAtMs) >> 1]!);
  }
  into.double(doubles[(at + ROW.openedAtMs) >> 1]!);
  let holders = 0;
  for (let thread = 0; thread < threads; thread++) if (words[at + ROW.shadows + thread] !== 0) holders++;
  into.count(holders);
  for (let thread = 0; thread < threads; thread++) {
    const held = words[at + ROW.shadows + thread]!;
    if (held === 0) continue;
    into.count(thread);
    into.count(held);
  }
}

/** Packs the units of which something is known. */
function packUnits({ words }: Memory, { ward }: PoolView, row: number, at: number, into: ByteWriter): void {
  into.reserve(NUMBER_BYTES * UNIT_NUMBERS);
  for (let unit = 0; unit < UNITS; unit++) {
    if (isBlank(words, at + ROW.units + unit * UNIT.words)) continue;
    into.count(unit + 1);
    for (let i = 0; i < FIELDS.length; i++) into.double(ward.get(row, unit, FIELDS[i]!));
  }
  into.count(0);
}

/** Nothing is known of the unit. Field by field, 2000 rows took 1.2 ms instead of 0.7, for which everybody else waits. */
function isBlank(words: Int32Array, unit: number): boolean {
  for (let at = unit; at < unit + UNIT.words; at++) if (words[at] !== 0) return false;
  return true;
}

function packWaiters({ words, doubles }: Memory, block: number, into: ByteWriter): void {
  into.reserve(NUMBER_BYTES);
  into.count(words[block + POOL.waiting]!);
  for (let node = words[block + POOL.firstWaiter]!; node !== 0; node = words[node + NODE.next]!) {
    const tried = words[node + NODE.triedCount]!;
    into.reserve(NUMBER_BYTES * (6 + tried));
    into.count(doubles[(node + NODE.ticket) >> 1]!);
    into.count(words[node + NODE.thread]!);
    into.double(doubles[(node + NODE.hash) >> 1]!);
    into.double(doubles[(node + NODE.route) >> 1]!);
    into.double(doubles[(node + NODE.wanted) >> 1]!);
    into.count(tried);
    for (let i = 0; i < tried; i++) into.double(doubles[((node + NODE.tried) >> 1) + i]!);
  }
}

export function unpackCheckpoint(packed: Uint8Array): PoolCheckpoint {
  const reader = new ByteReader(packed);
  const version = reader.byte();
  if (version < 1 || version > VERSION)
    throw new RangeError(`expected a checkpoint of version 1 to ${VERSION}, found ${version}`);
  const policy = policyName(reader.byte());
  const flags = reader.byte();
  return {
    policy,
    whenEmpty: (flags & HOLD) === 0 ? 'refuse' : 'hold',
    widening: (flags & WIDENING) !== 0,
    maxWaiting: reader.count(),
    chance: reader.whole(),
    mark: reader.double(),
    health: unpackHealth(reader, version),
    rows: many(reader, (each) => unpackRow(each, version)),
    waiters: many(reader, () => ({
      ticket: reader.count(),
      thread: reader.count(),
      hash: version === 1 ? 0 : reader.double(),
      route: version < 3 ? 0 : reader.double(),
      wanted: version < 4 ? 0 : reader.double(),
      tried: many(reader, () => reader.double()),
    })),
  };
}

function unpackHealth(reader: ByteReader, version: number): HealthDefinition {
  if (version < 3) return { failures: 0, maxEjectedPercent: 0, windowMs: 0, quarantineMs: 0, slowStartMs: 0 };
  return {
    failures: reader.count(),
    maxEjectedPercent: reader.count(),
    windowMs: reader.count(),
    quarantineMs: reader.count(),
    slowStartMs: reader.count(),
  };
}

function unpackRow(reader: ByteReader, version: number): RowCheckpoint {
  const row = reader.count();
  const closed = reader.count();
  const quarantined = (closed & CLOSED.quarantined) !== 0;
  const isLearnt = (closed & LEARNT) !== 0;
  return {
    row,
    backendKey: reader.double(),
    epoch: reader.whole(),
    limit: reader.count(),
    weight: reader.count(),
    removed: (closed & CLOSED.removed) !== 0,
    draining: (closed & CLOSED.draining) !== 0,
    starting: (closed & CLOSED.starting) !== 0,
    quarantined,
    untilMs: quarantined ? reader.double() : 0,
    score: (closed & SCORED) === 0 ? NO_SCORE : reader.double(),
    latencyMs: isLearnt ? reader.double() : NOTHING_LEARNT,
    failing: isLearnt ? reader.double() : 0,
    learntAtMs: isLearnt ? reader.double() : 0,
    isFailing: (closed & CLOSED.failing) !== 0,
    openedAtMs: version < 3 ? 0 : reader.double(),
    inFlight: new Map(many(reader, () => [reader.count(), reader.count()] as const)),
    units: version < 3 ? NO_UNITS : unpackUnits(reader),
  };
}

const NO_UNITS: readonly (readonly number[])[] = Array.from({ length: UNITS }, () =>
  Array<number>(UNIT.words).fill(0),
);

function unpackUnits(reader: ByteReader): readonly (readonly number[])[] {
  const units = NO_UNITS.map((unit) => [...unit]);
  for (let unit = reader.count(); unit > 0; unit = reader.count())
    for (const field of FIELDS) (units[unit - 1] as number[])[field] = reader.double();
  return units;
}

function many<T>(reader: ByteReader, read: (reader: ByteReader) => T): T[] {
  const items: T[] = [];
  for (let left = reader.count(); left > 0; left--) items.push(read(reader));
  return items;
}
