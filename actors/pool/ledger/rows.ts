/** The rows of a pool: room for them, which backend has which, and what each may take. Main thread only, under the lock. */
import assert from 'node:assert/strict';
import { renew } from '../health/course.ts';
import type { Row } from '../policy/policy.ts';
import { connectionsOf, tellOfFirstLimit } from './claims.ts';
import type { Change, RowDefinition } from './definition.ts';
import type { LedgerTools } from './ledger-tools.ts';
import { CLOSED, NO_LIMIT, POOL, ROW, ROW_CHUNK, ROWS_IN_CHUNK } from './memory/layout.ts';
import type { PoolMemory } from './memory/pool-memory.ts';
import type { PoolView } from './pool-view.ts';
import { Vacancies } from './vacancies.ts';

export class Rows {
  private readonly tools: LedgerTools;
  private readonly memory: PoolMemory;

  constructor(tools: LedgerTools, memory: PoolMemory) {
    this.tools = tools;
    this.memory = memory;
  }

  chunksForNew(rows: readonly RowDefinition[]): number[] {
    return this.memory.takeChunks(Math.ceil(rows.length / ROWS_IN_CHUNK));
  }

  /** Takes memory for these rows, beyond what the pool has. Before the lock, since it allocates. */
  chunksFor(pool: PoolView, rows: readonly RowDefinition[]): number[] {
    return this.memory.takeChunks(Math.ceil(this.missing(pool, rows) / ROWS_IN_CHUNK));
  }

  /** Gives an empty row to a backend, with a new epoch unless the row was this backend's before. */
  fill(
    pool: PoolView,
    vacancies: Vacancies,
    backendKey: number,
    limit: number,
    weight: number,
    closed: number,
    change: Change,
  ): Row {
    const row = vacancies.rowFor(backendKey);
    const { section } = this.tools;
    const at = pool.field.placeOf(row);
    assert(section.words[at + ROW.inFlight] === 0, 'expected an empty row without leases');
    if (this.keyAt(at) !== backendKey) {
      section.set(at + ROW.epoch, section.words[at + ROW.epoch]! + 1);
      section.setDouble(at + ROW.key, backendKey);
      section.set(at + ROW.limit, limit);
      section.set(at + ROW.cut, 0);
      section.set(at + ROW.finished, 0);
    }
    this.forget(at);
    section.set(at + ROW.index, row);
    // Not noted for undo: nobody uses an empty row, and whoever fills it clears it first.
    section.words.fill(0, at + ROW.openedAtMs, at + ROW.shadows);
    if (row >= pool.field.rows) {
      section.set(pool.block + POOL.rows, row + 1);
      pool.field.rows = row + 1;
    }
    this.write(pool, at, limit, weight, closed, change);
    return row;
  }

  /**
   * Gives a removed row back to its backend while leases are out. It begins as an empty row would; the ends of those
   * leases do not count.
   */
  revive(pool: PoolView, row: Row, limit: number, weight: number, closed: number, change: Change): void {
    const { section } = this.tools;
    const at = pool.field.placeOf(row);
    this.forget(at);
    section.setDouble(at + ROW.openedAtMs, 0);
    section.set(at + ROW.failedConnects, 0);
    pool.ward.nowMs = change.nowMs;
    // In one step with the record that `write` makes, whose ticket this is.
    renew(pool.ward, row, section.doubles[(pool.block + POOL.ticket) >> 1]! + 1);
    this.write(pool, at, limit, weight, closed, change);
  }

  /** Forgets what was learnt of the row's backend. */
  private forget(at: number): void {
    const { section } = this.tools;
    section.setDouble(at + ROW.score, -1);
    section.setDouble(at + ROW.untilMs, 0);
    section.setDouble(at + ROW.latencyMs, -1);
    section.setDouble(at + ROW.failing, 0);
    section.setDouble(at + ROW.learntAtMs, 0);
  }

  /** Rows in use by backend, in one scan: a scan per backend would be quadratic, under the lock. */
  byKey(pool: PoolView): ReadonlyMap<number, Row> {
    const known = new Map<number, Row>();
    for (let row = 0; row < pool.field.rows; row++) {
      const at = pool.field.placeOf(row);
      if (!this.isEmpty(at)) known.set(this.keyAt(at), row);
    }
    return known;
  }

  /** The rows that are empty now; whoever empties another one later reports it with `emptied`. */
  vacancies(pool: PoolView): Vacancies {
    const { field } = pool;
    return new Vacancies({
      rows: () => field.rows,
      capacity: () => field.capacity,
      isEmpty: (row) => this.isEmpty(field.placeOf(row)),
      isFree: (row) => this.isFree(field.placeOf(row)),
      keyOf: (row) => this.keyAt(field.placeOf(row)),
    });
  }

  remove(pool: PoolView, at: number, change: Change): void {
    const { words } = this.tools.section;
    const idle = words[at + ROW.inFlight] === 0;
    const closed = idle ? CLOSED.empty : words[at + ROW.closed]! | CLOSED.removed;
    this.write(pool, at, words[at + ROW.limit]!, words[at + ROW.weight]!, closed, change);
  }

  write(pool: PoolView, at: number, limit: number, weight: number, closed: number, change: Change): void {
    const { section, recorder } = this.tools;
    const { words } = section;
    if (
      words[at + ROW.limit] === limit &&
      words[at + ROW.weight] === weight &&
      words[at + ROW.closed] === closed
    ) {
      return;
    }
    const isFirstLimit = words[at + ROW.limit] === NO_LIMIT && limit !== NO_LIMIT;
    section.set(at + ROW.limit, limit);
    section.set(at + ROW.weight, weight);
    if (closed === 0 && words[at + ROW.closed] !== 0) section.setDouble(at + ROW.openedAtMs, change.nowMs);
    section.set(at + ROW.closed, closed);
    recorder.member(pool.block, recorder.ticket(pool.block), change.nowMs, change.position, at);
    section.commit();
    if (isFirstLimit) tellOfFirstLimit(this.tools);
  }

  append(pool: PoolView, chunks: readonly number[]): void {
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

  /** Takes empty rows at the end out of use. */
  trim(pool: PoolView): void {
    const { section } = this.tools;
    let rows = pool.field.rows;
    while (rows > 0 && this.isFree(pool.field.placeOf(rows - 1))) rows -= 1;
    if (rows === pool.field.rows) return;
    section.set(pool.block + POOL.rows, rows);
    section.commit();
    pool.field.rows = rows;
  }

  /** How many rows are needed beyond those there is room for. Before the lock: only this thread gives rows away. */
  private missing(pool: PoolView, rows: readonly RowDefinition[]): number {
    const { words } = this.tools.section;
    let empty = pool.field.capacity - words[pool.block + POOL.rows]!;
    const held = new Set<number>();
    for (let row = 0; row < words[pool.block + POOL.rows]!; row++) {
      const at = pool.field.placeOf(row);
      if (this.isFree(at)) empty += 1;
      else if (!this.isEmpty(at)) held.add(this.keyAt(at));
    }
    return rows.filter((row) => !held.has(row.backendKey)).length - empty;
  }

  /** Whether the row is empty, and nobody is connected to the backend that had it. */
  private isFree(at: number): boolean {
    return this.isEmpty(at) && connectionsOf(this.tools.section, at) === 0;
  }

  isEmpty(at: number): boolean {
    return (this.tools.section.words[at + ROW.closed]! & CLOSED.empty) !== 0;
  }

  keyAt(at: number): number {
    return this.tools.section.doubles[(at + ROW.key) >> 1]!;
  }
}
