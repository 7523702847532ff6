/**
 * Writes a record of each operation into the thread's ring. The head of the ring is changed like everything else in the
 * critical section, so that what is rolled back was never recorded. A full ring loses records and counts them; it never
 * waits.
 */
import { AREA, ARENA, POOL, RING_OFFSET, ROW, TRIED_MAX } from '../memory/layout.ts';
import type { Section } from '../memory/section.ts';
import { HALF_ROUTE, KEYS_IN_SLOT, OP, SLOT, SLOT_WORDS } from './record-layout.ts';

/** What was asked for. */
interface Asked {
  readonly tried: Float64Array;
  readonly triedCount: number;
  readonly hash: number;
  readonly route: number;
  readonly wanted: number;
}

export class Recorder {
  private readonly section: Section;
  private readonly ring: number;
  private readonly slots: number;

  constructor(section: Section) {
    this.section = section;
    this.ring = section.area + RING_OFFSET;
    this.slots = section.words[ARENA.recordSlots]!;
  }

  /** Takes the pool's next ticket. */
  ticket(pool: number): number {
    const ticket = this.section.doubles[(pool + POOL.ticket) >> 1]! + 1;
    this.section.setDouble(pool + POOL.ticket, ticket);
    return ticket;
  }

  /** An operation on one row. `reference`: the ticket of the waiter or lease it is about. */
  row(
    op: number,
    pool: number,
    ticket: number,
    nowMs: number,
    at: number,
    reference: number,
    result: number,
  ): void {
    const slot = this.open(op, pool, ticket, nowMs, result, 1);
    if (slot !== 0) this.fillRow(slot, at, reference);
  }

  /** A checkout that was granted at once. */
  checkout(pool: number, ticket: number, nowMs: number, at: number, asked: Asked): void {
    const slot = this.open(OP.checkout, pool, ticket, nowMs, 0, slotsFor(asked.triedCount));
    if (slot === 0) return;
    this.fillRow(slot, at, asked.hash);
    this.fillRoute(slot, asked.route);
    this.section.doubles[(slot + SLOT.wanted) >> 1] = asked.wanted;
    this.fillTried(slot, asked.tried, asked.triedCount);
  }

  checkin(
    pool: number,
    ticket: number,
    nowMs: number,
    at: number,
    lease: number,
    end: number,
    latencyMs: number,
    route: number,
  ): void {
    const slot = this.open(OP.checkin, pool, ticket, nowMs, end, 1);
    if (slot === 0) return;
    this.fillRow(slot, at, lease);
    this.section.doubles[(slot + SLOT.latencyMs) >> 1] = latencyMs;
    this.fillRoute(slot, route);
  }

  /** A checkout that waits or is refused. */
  turnedAway(op: number, pool: number, ticket: number, nowMs: number, result: number, asked: Asked): void {
    const slot = this.open(op, pool, ticket, nowMs, result, slotsFor(asked.triedCount));
    if (slot === 0) return;
    this.fillRoute(slot, asked.route);
    this.section.doubles[(slot + SLOT.hash) >> 1] = asked.hash;
    this.section.doubles[(slot + SLOT.wanted) >> 1] = asked.wanted;
    this.fillTried(slot, asked.tried, asked.triedCount);
  }

  /** An operation on the whole pool, or on one waiter. */
  pool(op: number, pool: number, ticket: number, nowMs: number, reference: number, result: number): void {
    const slot = this.open(op, pool, ticket, nowMs, result, 1);
    if (slot !== 0) this.section.doubles[(slot + SLOT.reference) >> 1] = reference;
  }

  /** The pool as it is now, after a change of its settings. */
  settings(op: number, pool: number, ticket: number, nowMs: number, position: number, seed: number): void {
    const words = this.section.words;
    const flags = words[pool + POOL.hold]! + 2 * words[pool + POOL.widening]!;
    const slot = this.open(op, pool, ticket, nowMs, flags, 1);
    if (slot === 0) return;
    this.section.doubles[(slot + SLOT.backendKey) >> 1] = seed;
    this.section.doubles[(slot + SLOT.reference) >> 1] = position;
    words[slot + SLOT.limit] = words[pool + POOL.maxWaiting]!;
    words[slot + SLOT.weight] = words[pool + POOL.policy]!;
  }

  /** How the pool's health is judged from now on. */
  health(pool: number, ticket: number, nowMs: number): void {
    const { words, doubles } = this.section;
    const slot = this.open(OP.health, pool, ticket, nowMs, words[pool + POOL.failures]!, 1);
    if (slot === 0) return;
    words[slot + SLOT.weight] = words[pool + POOL.maxEjectedPercent]!;
    words[slot + SLOT.limit] = doubles[(pool + POOL.windowMs) >> 1]!;
    doubles[(slot + SLOT.reference) >> 1] = doubles[(pool + POOL.quarantineMs) >> 1]!;
    doubles[(slot + SLOT.untilMs) >> 1] = doubles[(pool + POOL.slowStartMs) >> 1]!;
  }

  /** What is known of a row's health for a route. */
  unit(
    op: number,
    pool: number,
    ticket: number,
    nowMs: number,
    at: number,
    route: number,
    untilMs: number,
    result: number,
  ): void {
    const slot = this.open(op, pool, ticket, nowMs, result, 1);
    if (slot === 0) return;
    this.fillRow(slot, at, 0);
    this.section.doubles[(slot + SLOT.untilMs) >> 1] = untilMs;
    this.fillRoute(slot, route);
  }

  /** A row as it is now, after a change of membership. */
  member(pool: number, ticket: number, nowMs: number, position: number, at: number): void {
    const { words, doubles } = this.section;
    const slot = this.open(OP.row, pool, ticket, nowMs, words[at + ROW.closed]!, 1);
    if (slot === 0) return;
    this.fillRow(slot, at, position);
    doubles[(slot + SLOT.untilMs) >> 1] = doubles[(at + ROW.untilMs) >> 1]!;
    words[slot + SLOT.limit] = words[at + ROW.limit]!;
    words[slot + SLOT.weight] = words[at + ROW.weight]!;
  }

  /** The first of `slots` slots, filled with what every record has; 0: there is no room, or nothing is recorded. */
  private open(
    op: number,
    pool: number,
    ticket: number,
    nowMs: number,
    result: number,
    slots: number,
  ): number {
    if (this.slots === 0) return 0;
    const { section } = this;
    const { words, doubles, area } = section;
    const head = words[area + AREA.recordHead]!;
    // A plain read: a tail seen late makes the ring look fuller than it is.
    const used = (head - words[area + AREA.recordTail]!) | 0;
    if (used + slots > this.slots) {
      section.set(area + AREA.recordsLost, (words[area + AREA.recordsLost]! + 1) | 0);
      return 0;
    }
    const slot = this.slotAt(head);
    const half = slot >> 1;
    doubles[half + (SLOT.ticket >> 1)] = ticket;
    doubles[half + (SLOT.poolKey >> 1)] = doubles[(pool + POOL.key) >> 1]!;
    doubles[half + (SLOT.nowMs >> 1)] = nowMs;
    words[slot + SLOT.operation] = op;
    words[slot + SLOT.result] = result;
    words[slot + SLOT.triedCount] = 0;
    words[slot + SLOT.thread] = section.thread;
    section.set(area + AREA.recordHead, (head + slots) | 0);
    return slot;
  }

  private fillRow(slot: number, at: number, reference: number): void {
    const { words, doubles } = this.section;
    doubles[(slot + SLOT.backendKey) >> 1] = doubles[(at + ROW.key) >> 1]!;
    doubles[(slot + SLOT.reference) >> 1] = reference;
    doubles[(slot + SLOT.untilMs) >> 1] = doubles[(at + ROW.untilMs) >> 1]!;
    words[slot + SLOT.row] = words[at + ROW.index]!;
    words[slot + SLOT.epoch] = words[at + ROW.epoch]!;
  }

  private fillRoute(slot: number, route: number): void {
    const { words } = this.section;
    const high = Math.floor(route / HALF_ROUTE);
    words[slot + SLOT.routeHigh] = high;
    words[slot + SLOT.routeLow] = route - high * HALF_ROUTE;
  }

  private fillTried(slot: number, tried: Float64Array, count: number): void {
    if (count === 0) return;
    const { words, doubles } = this.section;
    words[slot + SLOT.triedCount] = count;
    let at = slot;
    for (let i = 0; i < count; i++) {
      if (i % KEYS_IN_SLOT === 0) at = this.after(at);
      doubles[(at >> 1) + (i % KEYS_IN_SLOT)] = tried[i]!;
    }
  }

  private slotAt(index: number): number {
    return this.ring + (index & (this.slots - 1)) * SLOT_WORDS;
  }

  private after(slot: number): number {
    const end = this.ring + this.slots * SLOT_WORDS;
    return slot + SLOT_WORDS === end ? this.ring : slot + SLOT_WORDS;
  }
}

export function slotsFor(triedCount: number): number {
  return triedCount === 0 ? 1 : 1 + Math.ceil(Math.min(triedCount, TRIED_MAX) / KEYS_IN_SLOT);
}
