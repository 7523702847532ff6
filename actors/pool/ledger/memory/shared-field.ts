/** A pool's rows in shared memory, as a policy sees them for one request. */

import { shareOf } from '../../health/slow-start.ts';
import { isClosing, UNIT, UNITS } from '../../health/ward.ts';
import { drawIn, drawOf, nextChance } from '../../policy/chance.ts';
import { type Field, NONE, type Row } from '../../policy/policy.ts';
import { FOUND } from '../found.ts';
import { ARENA, CLOSED, NODE, POOL, ROW, ROW_CHUNK, ROWS_IN_CHUNK, UNHEALTHY } from './layout.ts';
import type { Section } from './section.ts';

export class SharedField implements Field {
  rows = 0;
  // The section's words as of this entry: a scan that reads them from the section takes a fifth longer.
  words: Int32Array;
  doubles: Float64Array;
  nowMs = 0;
  hash = 0;
  /** The request's route; 0: none of its own. */
  route = 0;
  /** Key of the request's home; 0: none. */
  wanted = 0;
  // The waiter on whose behalf the rows are looked at; 0: a request that does not wait.
  private node = 0;
  /** 0: weights count in full at once. */
  slowStartMs = 0;
  triedCount = 0;
  readonly tried: Float64Array;
  private readonly section: Section;
  private pool = 0;
  // Where each row lies. Rows never move while the pool lives, but their chunks may lie anywhere.
  private places: number[] = [];

  /** `tried` belongs to the thread: it looks at one request at a time. */
  constructor(section: Section, tried: Float64Array) {
    this.section = section;
    this.words = section.words;
    this.doubles = section.doubles;
    this.tried = tried;
  }

  /** Learns where all rows lie. Under the lock. */
  layOut(pool: number): void {
    const { words } = this.section;
    const step = words[ARENA.rowWords]!;
    const places: number[] = [];
    for (let chunk = words[pool + POOL.firstChunk]!; chunk !== 0; chunk = words[chunk + ROW_CHUNK.next]!) {
      for (let i = 0; i < ROWS_IN_CHUNK; i++) places.push(chunk + ROW_CHUNK.rows + i * step);
    }
    this.pool = pool;
    this.places = places;
  }

  get capacity(): number {
    return this.places.length;
  }

  /** Where a row lies. */
  placeOf(row: Row): number {
    return this.places[row]!;
  }

  /** Looks on behalf of a request that has tried these backends. */
  forRequest(nowMs: number, tried: readonly number[], hash: number, route: number, wanted: number): void {
    this.nowMs = nowMs;
    this.hash = hash;
    this.route = route;
    this.wanted = wanted;
    this.node = 0;
    this.triedCount = tried.length;
    for (let i = 0; i < tried.length; i++) this.tried[i] = tried[i]!;
  }

  /** Looks on behalf of a waiter. */
  forNode(nowMs: number, node: number): void {
    const { words, doubles } = this.section;
    this.nowMs = nowMs;
    this.hash = doubles[(node + NODE.hash) >> 1]!;
    this.route = doubles[(node + NODE.route) >> 1]!;
    this.wanted = doubles[(node + NODE.wanted) >> 1]!;
    this.node = node;
    const count = words[node + NODE.triedCount]!;
    this.triedCount = count;
    for (let i = 0; i < count; i++) this.tried[i] = doubles[((node + NODE.tried) >> 1) + i]!;
  }

  isOpen(row: Row): boolean {
    const { words } = this;
    const at = this.places[row]!;
    return (
      words[at + ROW.closed] === 0 &&
      words[at + ROW.inFlight]! < words[at + ROW.limit]! &&
      (this.triedCount === 0 || !this.isTried(at)) &&
      (this.route === 0 || !isClosedTo(words, this.doubles, at, this.route))
    );
  }

  /**
   * The row of the request's home, as long as that lives: the request goes there or waits. NONE: it has no home, or the
   * home is gone, unhealthy, starting or was tried, so any backend will do. A draining home still counts.
   */
  home(): Row {
    if (this.wanted === 0) return NONE;
    const row = this.homeRow();
    if (row === NONE) return NONE;
    const at = this.places[row]!;
    if ((this.words[at + ROW.closed]! & ~CLOSED.draining) !== 0 || this.isTried(at)) return NONE;
    return isClosedTo(this.words, this.doubles, at, this.route) ? NONE : row;
  }

  /**
   * Whether the request may have any open backend. If it gets none, only those whose home is draining could still get
   * one.
   */
  get isForAny(): boolean {
    return this.triedCount === 0 && this.route === 0 && this.wanted === 0;
  }

  get isAnyDrained(): boolean {
    for (let row = 0; row < this.rows; row++)
      if (this.words[this.places[row]! + ROW.closed] === CLOSED.draining) return true;
    return false;
  }

  /** A row that may be given to the request; NONE: none. */
  firstOpen(): Row {
    const home = this.home();
    if (home !== NONE) return this.hasRoom(home) ? home : NONE;
    for (let row = 0; row < this.rows; row++) if (this.isOpen(row)) return row;
    return NONE;
  }

  hasRoom(row: Row): boolean {
    const at = this.places[row]!;
    return this.words[at + ROW.inFlight]! < this.words[at + ROW.limit]!;
  }

  inFlight(row: Row): number {
    return this.words[this.places[row]! + ROW.inFlight]!;
  }

  weight(row: Row): number {
    const at = this.places[row]!;
    const weight = this.words[at + ROW.weight]!;
    if (this.slowStartMs === 0) return weight;
    return weight * shareOf(this.doubles[(at + ROW.openedAtMs) >> 1]!, this.nowMs, this.slowStartMs);
  }

  key(row: Row): number {
    return this.doubles[(this.places[row]! + ROW.key) >> 1]!;
  }

  latencyMs(row: Row): number {
    return this.doubles[(this.places[row]! + ROW.latencyMs) >> 1]!;
  }

  failing(row: Row): number {
    return this.doubles[(this.places[row]! + ROW.failing) >> 1]!;
  }

  learntAtMs(row: Row): number {
    return this.doubles[(this.places[row]! + ROW.learntAtMs) >> 1]!;
  }

  learn(row: Row, latencyMs: number, failing: number): void {
    const at = this.places[row]!;
    this.section.setDouble(at + ROW.latencyMs, latencyMs);
    this.section.setDouble(at + ROW.failing, failing);
    this.section.setDouble(at + ROW.learntAtMs, this.nowMs);
  }

  score(row: Row): number {
    return this.section.doubles[(this.places[row]! + ROW.score) >> 1]!;
  }

  setScore(row: Row, score: number): void {
    this.section.setDouble(this.places[row]! + ROW.score, score);
  }

  mark(): number {
    return this.section.doubles[(this.pool + POOL.mark) >> 1]!;
  }

  setMark(mark: number): void {
    this.section.setDouble(this.pool + POOL.mark, mark);
  }

  below(bound: number): number {
    const state = nextChance(this.section.words[this.pool + POOL.chance]!);
    this.section.set(this.pool + POOL.chance, state);
    return this.slowStartMs === 0 ? drawOf(state, bound) : drawIn(state, bound);
  }

  /** The kinds of row there are, as bits of FOUND; each row is of one kind. */
  found(): number {
    if (this.home() !== NONE) return FOUND.busy;
    let found = 0;
    for (let row = 0; row < this.rows; row++) found |= this.kindOf(this.places[row]!);
    return found;
  }

  /** A waiter's node remembers it: otherwise a long queue would scan all rows for each waiter. */
  private homeRow(): Row {
    const { words, node } = this;
    if (node !== 0) {
      const row = words[node + NODE.wantedRow]!;
      if (row < this.rows && this.isAt(row)) return row;
    }
    for (let row = 0; row < this.rows; row++) {
      if (!this.isAt(row)) continue;
      if (node !== 0) words[node + NODE.wantedRow] = row;
      return row;
    }
    return NONE;
  }

  private isAt(row: Row): boolean {
    const at = this.places[row]!;
    return (
      this.doubles[(at + ROW.key) >> 1] === this.wanted && (this.words[at + ROW.closed]! & CLOSED.empty) === 0
    );
  }

  private kindOf(at: number): number {
    const closed = this.section.words[at + ROW.closed]!;
    if ((closed & (CLOSED.empty | CLOSED.removed)) !== 0) return 0;
    if (this.isTried(at)) return FOUND.tried;
    if ((closed & CLOSED.draining) !== 0) return FOUND.draining;
    if ((closed & CLOSED.starting) !== 0) return FOUND.starting;
    if ((closed & UNHEALTHY) !== 0) return FOUND.quarantined;
    const { words, doubles } = this.section;
    return isClosedTo(words, doubles, at, this.route) ? FOUND.quarantined : FOUND.busy;
  }

  private isTried(at: number): boolean {
    const key = this.section.doubles[(at + ROW.key) >> 1]!;
    for (let i = 0; i < this.triedCount; i++) if (this.tried[i] === key) return true;
    return false;
  }
}

/** Whether a row is closed to requests of this route. */
function isClosedTo(words: Int32Array, doubles: Float64Array, at: number, route: number): boolean {
  if (route === 0 || words[at + ROW.routesOut] === 0) return false;
  for (let unit = 1; unit < UNITS; unit++) {
    const place = at + ROW.units + unit * UNIT.words;
    if (doubles[(place + UNIT.key) >> 1] === route) return isClosing(words[place + UNIT.state]!);
  }
  return false;
}
