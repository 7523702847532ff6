/** Several threads' ledgers in one thread, of which any can be made to die at any of its steps; and four broken ones. */
import assert from 'node:assert/strict';
import { isClosing, UNIT, UNITS } from '../../../../actors/pool/health/ward.ts';
import type {
  Checkout,
  HealthDefinition,
  Lease,
  PoolLedger,
  Ring,
  Wait,
  Waiter,
} from '../../../../actors/pool/ledger/index.ts';
import {
  keyOf,
  type LedgerRecord,
  ReplayedPool,
  ReplayMemory,
  type RowDefinition,
  unpackCheckpoint,
} from '../../../../actors/pool/ledger/index.ts';
import { MainThreadLedger } from '../../../../actors/pool/ledger/main-ledger.ts';
import {
  AREA,
  ARENA,
  CLOSED,
  NO_LIMIT,
  NODE,
  NODE_STATE,
  POOL,
  ROW,
} from '../../../../actors/pool/ledger/memory/layout.ts';
import { leaseOf } from '../../../../actors/pool/ledger/memory/mailbox.ts';
import { createBuffer } from '../../../../actors/pool/ledger/memory/memory.ts';
import { Section } from '../../../../actors/pool/ledger/memory/section.ts';
import { SharedPool } from '../../../../actors/pool/ledger/shared-pool.ts';
import { ThreadLedger } from '../../../../actors/pool/ledger/thread-ledger.ts';
import type { PolicyName } from '../../../../actors/pool/policy/policies.ts';
import { ByteWriter } from '../../../../eventlog/index.ts';
import { readRecords } from '../../../support/record-reader.ts';
import { type PoolModel, replay } from './model.ts';

export type Mutant =
  | 'no rollback'
  | 'ring head outside the undo list'
  | 'unlocked node read'
  | 'no ring after a death';

export class Died extends Error {
  override readonly name = 'Died';
}

export class Failed extends Error {
  override readonly name = 'Failed';
}

/**
 * A section whose thread dies after so many steps: from then on it does nothing, not even clean up. Or it fails, once, after so
 * many writes, and lives on.
 */
export class MortalSection extends Section {
  stepsLeft = Number.POSITIVE_INFINITY;
  writesLeft = Number.POSITIVE_INFINITY;
  dead = false;
  headIsNoted = true;

  constructor(buffer: SharedArrayBuffer, thread: number) {
    // Not once: in one thread, who waits for a lock waits for ever.
    super(buffer, thread, 0);
  }

  step(): void {
    if (this.stepsLeft <= 0) this.dead = true;
    if (this.dead) throw new Died(`thread ${this.thread} died`);
    this.stepsLeft -= 1;
  }

  private write(): void {
    this.writesLeft -= 1;
    if (this.writesLeft < 0) {
      this.writesLeft = Number.POSITIVE_INFINITY;
      throw new Failed(`thread ${this.thread} failed`);
    }
  }

  override enter(lock: number): void {
    this.step();
    super.enter(lock);
    this.step();
  }

  override exit(lock: number): void {
    this.step();
    super.exit(lock);
    this.step();
  }

  override publish(area: number): void {
    this.step();
    super.publish(area);
    this.step();
  }

  override set(at: number, value: number): void {
    this.step();
    this.write();
    if (at === this.area + AREA.recordHead && !this.headIsNoted) this.words[at] = value;
    else super.set(at, value);
  }

  override setDouble(at: number, value: number): void {
    this.step();
    this.write();
    super.setDouble(at, value);
  }

  override commit(): void {
    this.step();
    super.commit();
    this.step();
  }

  override rollback(): void {
    if (this.dead) throw new Died(`thread ${this.thread} died`);
    super.rollback();
  }
}

class ForgetfulSection extends Section {
  override rollbackArea(area: number): void {
    this.words[area + AREA.undoCount] = 0;
  }
}

/** Reads its waiter's node before it has the lock. */
class HastyPool extends SharedPool {
  override leave(waiter: Waiter, nowMs: number): Lease | Wait {
    const { section, nodes } = this.tools;
    const node = waiter.place;
    if (section.words[node + NODE.state] !== NODE_STATE.granted) return super.leave(waiter, nowMs);
    const lease = leaseOf(section, node);
    section.words[node + NODE.state] = NODE_STATE.free;
    nodes.release(node);
    return lease;
  }
}

class TestLedger extends ThreadLedger {
  private readonly hasty: boolean;
  constructor(section: Section, ring: Ring, hasty: boolean) {
    super(section, ring);
    this.hasty = hasty;
  }
  protected override view(key: number, block: number): SharedPool {
    return this.hasty ? new HastyPool(this.tools, key, block) : super.view(key, block);
  }
}

class TestMain extends MainThreadLedger {
  rings = true;
  protected override ringAgain(dead: number): void {
    if (this.rings) super.ringAgain(dead);
  }
  /** Where a pool is, dropped ones included. */
  blockOf(key: number): number {
    return this.tools.directory.find(key);
  }
  get undone(): boolean {
    return this.tools.section.words[this.tools.section.area + AREA.undoCount] === 0;
  }
}

export class TestWaiter implements Waiter {
  place = 0;
  lease: Lease | undefined;
  isRefused = false;
  granted(lease: Lease): void {
    assert(this.lease === undefined && !this.isRefused, 'a waiter is told once');
    this.lease = lease;
  }
  refused(): void {
    assert(this.lease === undefined && !this.isRefused, 'a waiter is told once');
    this.isRefused = true;
  }
}

export interface Thread {
  readonly number: number;
  readonly section: MortalSection;
  readonly ledger: ThreadLedger;
}

export interface World {
  readonly main: TestMain;
  readonly section: Section;
  /** Threads that rang, and have not been delivered to. */
  readonly rung: Set<number>;
  thread(): Thread;
  /** Delivers to this thread if its bell message came, as its event loop would. */
  hear(thread: Thread): void;
  records(): readonly LedgerRecord[];
  /**
   * Decides every record of a pool again, and those since it was last asked from what the pool was then, and compares what
   * comes out with what is in shared memory.
   */
  verify(poolKey: number): PoolModel;
  /** Likewise, but somebody may wait in vain yet, since whoever was to serve them failed. */
  verifyState(poolKey: number): void;
}

export function world(options: { threads?: number; mutant?: Mutant; recordSlots?: number } = {}): World {
  const { mutant } = options;
  const rung = new Set<number>();
  const buffer = createBuffer({
    threads: options.threads ?? 5,
    ring: () => {},
    record: true,
    recordSlots: options.recordSlots ?? 4096,
    reserveBytes: 2 ** 26,
  });
  const section = mutant === 'no rollback' ? new ForgetfulSection(buffer, 0) : new Section(buffer, 0);
  const main = new TestMain(section, (thread) => rung.add(thread));
  main.rings = mutant !== 'no ring after a death';
  const records: LedgerRecord[] = [];
  const reader = readRecords(main.shared);
  const collect = () => {
    for (let thread = 0; thread < reader.threads; thread++) {
      reader.drain(thread, (record) => records.push(record));
    }
    return records;
  };
  const checkpoints = new Map<number, Checkpoint>();
  const recordsOf = (poolKey: number) => collect().filter((record) => record.poolKey === poolKey);
  return {
    main,
    section,
    rung,
    thread() {
      const number = main.enlist();
      const own = new MortalSection(buffer, number);
      own.headIsNoted = mutant !== 'ring head outside the undo list';
      const ring = (thread: number) => {
        own.step();
        rung.add(thread);
      };
      return { number, section: own, ledger: new TestLedger(own, ring, mutant === 'unlocked node read') };
    },
    hear(thread) {
      if (rung.delete(thread.number)) thread.ledger.deliver();
    },
    records: collect,
    verify(poolKey) {
      const own = recordsOf(poolKey);
      const model = replay(own);
      verifyReplayed(own, main, poolKey);
      const before = checkpoints.get(poolKey);
      if (before !== undefined) verifyReplayed(own, main, poolKey, before);
      const state = new ByteWriter();
      const ticket = main.checkpoint(poolKey, state);
      if (ticket !== 0) checkpoints.set(poolKey, { ticket, state: state.written() });
      const block = main.blockOf(poolKey);
      if (block !== 0) compare(section, block, model);
      return model;
    },
    verifyState: (poolKey) => verifyReplayed(recordsOf(poolKey), main, poolKey),
  };
}

const memory = new ReplayMemory();

type Checkpoint = { readonly ticket: number; readonly state: Uint8Array };

/** The production replay decides the same, and comes to the same state, byte for byte; from a checkpoint, if there is one. */
function verifyReplayed(
  records: readonly LedgerRecord[],
  main: TestMain,
  poolKey: number,
  from?: Checkpoint,
): void {
  const pool = new ReplayedPool(memory, poolKey);
  if (from !== undefined) pool.restore(unpackCheckpoint(from.state), from.ticket);
  const known = from?.ticket ?? 0;
  for (const record of records.toSorted((a, b) => a.ticket - b.ticket))
    if (record.ticket > known)
      assert.equal(pool.apply(record), undefined, `ticket ${record.ticket} is decided again as it was`);
  const [found, replayed] = [new ByteWriter(), new ByteWriter()];
  if (main.checkpoint(poolKey, found) !== 0) {
    pool.pack(replayed);
    assert.deepEqual(replayed.written(), found.written(), 'a replay comes to the same state');
  }
  pool.free();
}

/** Shared memory holds what the model holds, to the last bit of chance. */
function compare(section: Section, block: number, model: PoolModel): void {
  section.look();
  const { words, doubles } = section;
  const step = words[ARENA.rowWords]!;
  assert.equal(words[block + POOL.lock], 0, 'nobody holds the lock');
  assert.equal(doubles[(block + POOL.ticket) >> 1], model.ticket, 'ticket');
  assert.equal(words[block + POOL.chance], model.chance, 'chance');
  assert.equal(doubles[(block + POOL.mark) >> 1], model.mark, 'mark');
  assert.equal(words[block + POOL.waiting], model.queue.length, 'waiting');
  const queue: { ticket: number; thread: number; hash: number; wanted: number }[] = [];
  let previous = 0;
  for (let node = words[block + POOL.firstWaiter]!; node !== 0; node = words[node + NODE.next]!) {
    assert.equal(words[node + NODE.previous], previous, 'the queue is linked both ways');
    assert.equal(words[node + NODE.state], NODE_STATE.waiting, 'who is queued waits');
    queue.push({
      ticket: doubles[(node + NODE.ticket) >> 1]!,
      thread: words[node + NODE.thread]!,
      hash: doubles[(node + NODE.hash) >> 1]!,
      wanted: doubles[(node + NODE.wanted) >> 1]!,
    });
    previous = node;
  }
  assert.equal(words[block + POOL.lastWaiter], previous, 'the last is last');
  assert.deepEqual(
    queue,
    model.queue.map(({ ticket, thread, hash, wanted }) => ({ ticket, thread, hash, wanted })),
  );
  let index = 0;
  for (let chunk = words[block + POOL.firstChunk]!; chunk !== 0; chunk = words[chunk]!) {
    for (let at = chunk + 2; at < chunk + 2 + 4 * step; at += step, index++) {
      compareRow(section, at, index, model);
    }
  }
  assert(
    [...model.rows.keys()].every((row) => row < index),
    'no row is missing',
  );
}

function compareRow(section: Section, at: number, index: number, model: PoolModel): void {
  const { words, doubles } = section;
  const row = model.rows.get(index);
  const closed = words[at + ROW.closed]!;
  const shadows = [...words.subarray(at + ROW.shadows, at + ROW.shadows + section.threads)];
  assert.equal(
    shadows.reduce((a, b) => a + b),
    words[at + ROW.inFlight],
    `shadows of row ${index}`,
  );
  if (row === undefined) {
    assert((closed & CLOSED.empty) !== 0, `expected row ${index} to be empty`);
    assert.equal(words[at + ROW.inFlight], 0, 'an empty row has no leases');
    return;
  }
  const flag = (bit: number) => (closed & bit) !== 0;
  const holders = [...row.leases.values()];
  assert.deepEqual(
    {
      backendKey: doubles[(at + ROW.key) >> 1],
      epoch: words[at + ROW.epoch],
      limit: words[at + ROW.limit] === NO_LIMIT ? 0 : words[at + ROW.limit],
      weight: words[at + ROW.weight],
      removed: flag(CLOSED.removed),
      draining: flag(CLOSED.draining),
      starting: flag(CLOSED.starting),
      quarantined: flag(CLOSED.quarantined),
      ejected: flag(CLOSED.ejected),
      isFailing: flag(CLOSED.failing),
      openedAtMs: doubles[(at + ROW.openedAtMs) >> 1],
      units: Array.from({ length: UNITS }, (_, unit) => unitAt(section, at, unit)),
      score: doubles[(at + ROW.score) >> 1],
      latencyMs: doubles[(at + ROW.latencyMs) >> 1],
      failing: doubles[(at + ROW.failing) >> 1],
      learntAtMs: doubles[(at + ROW.learntAtMs) >> 1],
      shadows,
    },
    {
      backendKey: row.backendKey,
      epoch: row.epoch,
      limit: row.limit,
      weight: row.weight,
      removed: row.removed,
      draining: row.draining,
      starting: row.starting,
      quarantined: row.quarantined,
      ejected: isClosing(row.units[0]![UNIT.state]!),
      isFailing: row.isFailing,
      openedAtMs: row.openedAtMs,
      units: row.units.map((unit) => unit.filter((_, i) => FIELDS.includes(i))),
      score: row.score,
      latencyMs: row.latencyMs,
      failing: row.failing,
      learntAtMs: row.learntAtMs,
      shadows: shadows.map((_, thread) => holders.filter((holder) => holder === thread).length),
    },
    `row ${index}`,
  );
}

const FIELDS: readonly number[] = Object.entries(UNIT).flatMap(([name, at]) =>
  name === 'words' ? [] : [at],
);

function unitAt({ words, doubles }: Section, at: number, unit: number): number[] {
  const place = at + ROW.units + unit * UNIT.words;
  return FIELDS.map((field) =>
    field < UNIT.failed ? doubles[(place + field) >> 1]! : words[place + field]!,
  );
}

export const WEB = keyOf('web');

export function backend(id: string, more: Partial<RowDefinition> = {}): RowDefinition {
  return { backendKey: keyOf(id), limit: 1, weight: 1, state: 'up', quarantineUntilMs: 0, ...more };
}

export function defineWeb(
  { main }: World,
  rows: readonly RowDefinition[],
  more: {
    maxWaiting?: number;
    policy?: PolicyName;
    whenEmpty?: 'refuse' | 'hold';
    phase?: 'restrict' | 'widen';
    nowMs?: number;
    key?: number;
    health?: HealthDefinition;
  } = {},
): Promise<void> {
  const { policy = 'least-request', maxWaiting = 100, whenEmpty = 'refuse' } = more;
  const change = { position: 1, nowMs: more.nowMs ?? 0 };
  const health = more.health === undefined ? {} : { health: more.health };
  const pool = { policy, maxWaiting, whenEmpty, seed: 42, ...health };
  return main.define(more.key ?? WEB, pool, rows, more.phase ?? 'widen', change);
}

export function web(thread: { readonly ledger: ThreadLedger }): PoolLedger {
  const pool = thread.ledger.pool(WEB);
  assert(pool !== undefined, 'expected the pool');
  return pool;
}

export function leased(answer: Checkout | Wait | undefined): Lease {
  assert(typeof answer === 'object', `expected a lease, found ${answer}`);
  return answer;
}
