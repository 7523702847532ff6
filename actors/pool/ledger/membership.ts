/**
 * Makes pools and their rows what their owners say, one ticketed step after the other under one lock. Main thread only.
 * It compares and writes differences, so it may be repeated at will.
 */
import assert from 'node:assert/strict';
import { policyCode } from '../policy/policies.ts';
import { NONE, type Row } from '../policy/policy.ts';
import type { Instruments } from './instruments.ts';
import { CLOSED, NO_LIMIT, NODE_STATE, PHASE, POOL, ROW, ROW_CHUNK, ROWS_IN_CHUNK } from './layout.ts';
import type { Change, PoolDefinition, RowDefinition } from './ledger.ts';
import type { PoolMemory } from './pool-memory.ts';
import { unlink } from './queue.ts';
import { OP } from './record-layout.ts';
import type { SharedPool } from './shared-pool.ts';

const WANTED = CLOSED.draining | CLOSED.starting;

export class Membership {
  private readonly tools: Instruments;
  private readonly memory: PoolMemory;
  // Tickets of a pool that is defined again go on where its memory's former pools ended, so no two records share one.
  private lastTicket = 0;

  constructor(tools: Instruments, memory: PoolMemory) {
    this.tools = tools;
    this.memory = memory;
  }

  /** A new pool without rows, known to nobody yet, whose lock this thread holds. */
  begin(key: number, definition: PoolDefinition, change: Change): number {
    const { section, recorder } = this.tools;
    const block = this.memory.nextBlock();
    section.enter(block);
    this.memory.takeBlock();
    const { words, doubles } = section;
    const layout = words[block + POOL.layout]!;
    words.fill(0, block + POOL.layout, block + POOL.words);
    words[block + POOL.layout] = (layout + 1) | 0;
    words[block + POOL.phase] = PHASE.live;
    words[block + POOL.policy] = policyCode(definition.policy);
    words[block + POOL.maxWaiting] = definition.maxWaiting;
    words[block + POOL.hold] = definition.whenEmpty === 'hold' ? 1 : 0;
    words[block + POOL.chance] = definition.seed | 0;
    doubles[(block + POOL.key) >> 1] = key;
    doubles[(block + POOL.ticket) >> 1] = this.lastTicket;
    recorder.settings(
      OP.start,
      block,
      recorder.ticket(block),
      change.nowMs,
      change.position,
      definition.seed | 0,
    );
    section.commit();
    return block;
  }

  chunksForNew(rows: readonly RowDefinition[]): number[] {
    return this.memory.takeChunks(Math.ceil(rows.length / ROWS_IN_CHUNK));
  }

  /** Room for these rows beside those there are. Before the lock, since it allocates. */
  chunksFor(pool: SharedPool, rows: readonly RowDefinition[]): number[] {
    return this.memory.takeChunks(Math.ceil(this.missing(pool, rows) / ROWS_IN_CHUNK));
  }

  restrict(
    pool: SharedPool,
    definition: PoolDefinition,
    rows: readonly RowDefinition[],
    change: Change,
  ): void {
    const wanted = byKey(rows);
    const words = this.tools.section.words;
    const maxWaiting = Math.min(words[pool.block + POOL.maxWaiting]!, definition.maxWaiting);
    const widening = rows.some((row) => row.state === 'up' && !this.isUp(pool, row.backendKey)) ? 1 : 0;
    this.settle(
      pool,
      words[pool.block + POOL.policy]!,
      maxWaiting,
      words[pool.block + POOL.hold]!,
      widening,
      change,
    );
    for (let row = 0; row < pool.field.rows; row++) {
      const at = pool.field.placeOf(row);
      const closed = words[at + ROW.closed]!;
      if ((closed & CLOSED.empty) !== 0) continue;
      const target = wanted.get(this.keyAt(at));
      if (target === undefined) {
        this.remove(pool, at, change);
      } else if ((closed & CLOSED.removed) === 0) {
        const limit = Math.min(words[at + ROW.limit]!, limitOf(target));
        this.write(pool, at, limit, words[at + ROW.weight]!, closed | closedOf(target), change);
        pool.quarantineAt(at, change.nowMs, target.quarantineUntilMs);
      }
    }
  }

  widen(
    pool: SharedPool,
    definition: PoolDefinition,
    rows: readonly RowDefinition[],
    chunks: readonly number[],
    change: Change,
  ): void {
    const { section } = this.tools;
    const wanted = byKey(rows);
    for (let row = 0; row < pool.field.rows; row++) {
      const at = pool.field.placeOf(row);
      if ((section.words[at + ROW.closed]! & CLOSED.empty) === 0 && !wanted.has(this.keyAt(at))) {
        this.remove(pool, at, change);
      }
    }
    this.append(pool, chunks);
    for (const target of rows) this.admit(pool, target, change);
    this.trim(pool);
    if (section.words[pool.block + POOL.phase] === PHASE.dropped) {
      section.set(pool.block + POOL.phase, PHASE.live);
      section.commit();
    }
    const hold = definition.whenEmpty === 'hold' ? 1 : 0;
    this.settle(pool, policyCode(definition.policy), definition.maxWaiting, hold, 0, change);
    pool.serve(change.nowMs, Number.POSITIVE_INFINITY);
  }

  /** No row is given to anyone any more, and nobody waits. */
  drop(pool: SharedPool, change: Change): void {
    const { section, recorder, mailbox } = this.tools;
    section.set(pool.block + POOL.phase, PHASE.dropped);
    section.set(pool.block + POOL.widening, 0);
    recorder.pool(OP.drop, pool.block, recorder.ticket(pool.block), change.nowMs, change.position, 0);
    section.commit();
    for (let row = 0; row < pool.field.rows; row++) {
      const at = pool.field.placeOf(row);
      const closed = section.words[at + ROW.closed]!;
      if ((closed & CLOSED.empty) !== 0) continue;
      const idle = section.words[at + ROW.inFlight] === 0;
      section.set(at + ROW.closed, idle ? CLOSED.empty : closed | CLOSED.removed);
      section.commit();
    }
    for (;;) {
      const node = section.words[pool.block + POOL.firstWaiter]!;
      if (node === 0) return;
      unlink(section, pool.block, node, NODE_STATE.refused);
      section.commit();
      mailbox.post(node);
    }
  }

  /** Whether a dropped pool is idle, and now nobody's. */
  release(pool: SharedPool): boolean {
    const { words, doubles } = this.tools.section;
    if (words[pool.block + POOL.phase] !== PHASE.dropped) return false;
    for (let row = 0; row < pool.field.rows; row++) {
      if (words[pool.field.placeOf(row) + ROW.inFlight] !== 0) return false;
    }
    this.lastTicket = Math.max(this.lastTicket, doubles[(pool.block + POOL.ticket) >> 1]!);
    this.tools.directory.remove(pool.block, pool.key);
    this.memory.clear(pool.block);
    return true;
  }

  private settle(
    pool: SharedPool,
    policy: number,
    maxWaiting: number,
    hold: number,
    widening: number,
    change: Change,
  ): void {
    const { section, recorder } = this.tools;
    const { words } = section;
    const { block } = pool;
    if (
      words[block + POOL.policy] === policy &&
      words[block + POOL.maxWaiting] === maxWaiting &&
      words[block + POOL.hold] === hold &&
      words[block + POOL.widening] === widening
    ) {
      return;
    }
    section.set(block + POOL.policy, policy);
    section.set(block + POOL.maxWaiting, maxWaiting);
    section.set(block + POOL.hold, hold);
    section.set(block + POOL.widening, widening);
    recorder.settings(OP.settings, block, recorder.ticket(block), change.nowMs, change.position, 0);
    section.commit();
  }

  private admit(pool: SharedPool, target: RowDefinition, change: Change): void {
    const { section } = this.tools;
    const known = pool.rowOf(target.backendKey);
    if (known === NONE) this.fill(pool, this.emptyRow(pool, target.backendKey), target, change);
    else {
      const at = pool.field.placeOf(known);
      const kept = section.words[at + ROW.closed]! & CLOSED.quarantined;
      this.write(pool, at, limitOf(target), target.weight, kept | closedOf(target), change);
    }
    const row = pool.rowOf(target.backendKey);
    pool.quarantineAt(pool.field.placeOf(row), change.nowMs, target.quarantineUntilMs);
  }

  /** Gives an empty row to a backend: a new epoch, unless it was this one's before. */
  private fill(pool: SharedPool, row: Row, target: RowDefinition, change: Change): void {
    const { section } = this.tools;
    const at = pool.field.placeOf(row);
    assert(section.words[at + ROW.inFlight] === 0, 'expected an empty row without leases');
    if (this.keyAt(at) !== target.backendKey) {
      section.set(at + ROW.epoch, section.words[at + ROW.epoch]! + 1);
      section.setDouble(at + ROW.key, target.backendKey);
    }
    section.setDouble(at + ROW.score, -1);
    section.setDouble(at + ROW.untilMs, 0);
    section.set(at + ROW.index, row);
    if (row >= pool.field.rows) {
      section.set(pool.block + POOL.rows, row + 1);
      pool.field.rows = row + 1;
    }
    this.write(pool, at, limitOf(target), target.weight, closedOf(target), change);
  }

  /** The row this backend had, else the first empty one, else one after the last. */
  private emptyRow(pool: SharedPool, backendKey: number): Row {
    const { words } = this.tools.section;
    let empty = pool.field.rows;
    for (let row = pool.field.rows - 1; row >= 0; row--) {
      const at = pool.field.placeOf(row);
      if ((words[at + ROW.closed]! & CLOSED.empty) === 0) continue;
      if (this.keyAt(at) === backendKey) return row;
      empty = row;
    }
    assert(empty < pool.field.capacity, 'expected room for a row');
    return empty;
  }

  private remove(pool: SharedPool, at: number, change: Change): void {
    const { words } = this.tools.section;
    const idle = words[at + ROW.inFlight] === 0;
    const closed = idle ? CLOSED.empty : words[at + ROW.closed]! | CLOSED.removed;
    this.write(pool, at, words[at + ROW.limit]!, words[at + ROW.weight]!, closed, change);
  }

  private write(
    pool: SharedPool,
    at: number,
    limit: number,
    weight: number,
    closed: number,
    change: Change,
  ): void {
    const { section, recorder } = this.tools;
    const { words } = section;
    if (
      words[at + ROW.limit] === limit &&
      words[at + ROW.weight] === weight &&
      words[at + ROW.closed] === closed
    ) {
      return;
    }
    section.set(at + ROW.limit, limit);
    section.set(at + ROW.weight, weight);
    section.set(at + ROW.closed, closed);
    recorder.member(pool.block, recorder.ticket(pool.block), change.nowMs, change.position, at);
    section.commit();
  }

  private append(pool: SharedPool, chunks: readonly number[]): void {
    const { section } = this.tools;
    const { words } = section;
    if (chunks.length === 0) return;
    let link = pool.block + POOL.firstChunk;
    while (words[link] !== 0) link = words[link]! + ROW_CHUNK.next;
    for (const chunk of chunks) {
      section.set(link, chunk);
      section.set(pool.block + POOL.layout, (words[pool.block + POOL.layout]! + 1) | 0);
      section.commit();
      link = chunk + ROW_CHUNK.next;
    }
    pool.refresh();
  }

  /** Empty rows at the end are no longer looked at. */
  private trim(pool: SharedPool): void {
    const { section } = this.tools;
    let rows = pool.field.rows;
    while (rows > 0 && (section.words[pool.field.placeOf(rows - 1) + ROW.closed]! & CLOSED.empty) !== 0)
      rows -= 1;
    if (rows === pool.field.rows) return;
    section.set(pool.block + POOL.rows, rows);
    section.commit();
    pool.field.rows = rows;
  }

  /** Rows to be had beyond those the pool has room for. Only this thread gives rows away, so it may look before the lock. */
  private missing(pool: SharedPool, rows: readonly RowDefinition[]): number {
    const { words } = this.tools.section;
    let empty = pool.field.capacity - words[pool.block + POOL.rows]!;
    const held = new Set<number>();
    for (let row = 0; row < words[pool.block + POOL.rows]!; row++) {
      const at = pool.field.placeOf(row);
      if ((words[at + ROW.closed]! & CLOSED.empty) !== 0) empty += 1;
      else held.add(this.keyAt(at));
    }
    return rows.filter((row) => !held.has(row.backendKey)).length - empty;
  }

  private isUp(pool: SharedPool, backendKey: number): boolean {
    const row = pool.rowOf(backendKey);
    if (row === NONE) return false;
    const closed = this.tools.section.words[pool.field.placeOf(row) + ROW.closed]!;
    return (closed & (CLOSED.removed | WANTED)) === 0;
  }

  private keyAt(at: number): number {
    return this.tools.section.doubles[(at + ROW.key) >> 1]!;
  }
}

function byKey(rows: readonly RowDefinition[]): ReadonlyMap<number, RowDefinition> {
  return new Map(rows.map((row) => [row.backendKey, row]));
}

function limitOf(row: RowDefinition): number {
  return row.limit === 0 ? NO_LIMIT : row.limit;
}

function closedOf(row: RowDefinition): number {
  if (row.state === 'draining') return CLOSED.draining;
  return row.state === 'starting' ? CLOSED.starting : 0;
}
