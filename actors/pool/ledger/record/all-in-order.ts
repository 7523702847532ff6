/**
 * Reads all pools' operations from a journal in one pass, each pool's in the order of its tickets. In the journal they are
 * only nearly in order, since it empties the threads' rings one after the other.
 */
import type { OperationBlock } from '../../../../eventlog/index.ts';
import type { LedgerRecord } from './record.ts';
import { unpackRecords } from './record-unpacker.ts';

export interface InOrder {
  operation(record: LedgerRecord): void;
  /** The journal lacks these tickets of a pool, both ends included; `isAtEnd`: they may not have been written yet. */
  gap(poolKey: number, fromTicket: number, toTicket: number, isAtEnd: boolean): void;
  /** The process was started anew: all tickets begin again. */
  run(run: number): void;
}

export class AllInOrder {
  readonly #to: InOrder;
  readonly #pools = new Map<number, Order>();
  readonly #late = new Set<Order>();
  #run = -1;
  #turn = 0;
  #sealedAtMs = -1;

  constructor(to: InOrder) {
    this.#to = to;
  }

  /** Takes a block. Blocks come in the order in which they were written. */
  take({ run, sealedAtMs, packed }: OperationBlock, poolKey?: number): void {
    if (run !== this.#run) this.#begin(run);
    if (sealedAtMs !== this.#sealedAtMs) this.#nextTurn(sealedAtMs);
    for (const record of unpackRecords(packed, poolKey)) {
      const order = this.#orderOf(record.poolKey);
      order.take(record, this.#turn, this.#to);
      if (order.isLate) this.#late.add(order);
    }
  }

  /** For a caller that knows which ticket of a pool comes next: earlier ones are skipped. */
  expect(run: number, poolKey: number, ticket: number): void {
    if (run !== this.#run) this.#begin(run);
    this.#orderOf(poolKey).expect(ticket);
  }

  /** Call it after the last block. */
  end(): void {
    for (const order of this.#late) order.rest(this.#to);
    this.#late.clear();
  }

  #begin(run: number): void {
    this.end();
    this.#pools.clear();
    this.#run = run;
    this.#to.run(run);
  }

  #nextTurn(sealedAtMs: number): void {
    this.#sealedAtMs = sealedAtMs;
    this.#turn++;
    for (const order of this.#late) {
      order.giveUp(this.#turn, this.#to);
      if (!order.isLate) this.#late.delete(order);
    }
  }

  #orderOf(poolKey: number): Order {
    const known = this.#pools.get(poolKey);
    if (known !== undefined) return known;
    const fresh = new Order(poolKey);
    this.#pools.set(poolKey, fresh);
    return fresh;
  }
}

type Seen = { readonly record: LedgerRecord; readonly turn: number };

class Order {
  readonly #poolKey: number;
  // Records whose predecessor is still missing, by ticket.
  readonly #early = new Map<number, Seen>();
  /** The ticket that comes next; 0: none has been seen. */
  #next = 0;

  constructor(poolKey: number) {
    this.#poolKey = poolKey;
  }

  get isLate(): boolean {
    return this.#early.size > 0;
  }

  expect(ticket: number): void {
    this.#next = ticket;
  }

  take(record: LedgerRecord, turn: number, to: InOrder): void {
    if (record.ticket < this.#next) return;
    if (record.ticket !== this.#next) {
      this.#early.set(record.ticket, { record, turn });
      return;
    }
    this.#next++;
    to.operation(record);
    if (this.#early.size > 0) this.#dense(to);
  }

  /** A ticket may be written one turn after its successor, never later. */
  giveUp(turn: number, to: InOrder): void {
    if (!this.isLate || turn - this.#first().turn < 2) return;
    for (const seen of this.#sorted()) {
      if (seen.record.ticket < this.#next) continue;
      if (turn - seen.turn < 2) return;
      this.#from(seen, to, false);
    }
  }

  rest(to: InOrder): void {
    for (const seen of this.#sorted()) if (seen.record.ticket >= this.#next) this.#from(seen, to, true);
  }

  #from({ record }: Seen, to: InOrder, isAtEnd: boolean): void {
    // A pool that is made anew goes on at a higher ticket, without a gap.
    const isBegun = this.#next === 0 || record.op === 'start';
    if (!isBegun) to.gap(this.#poolKey, this.#next, record.ticket - 1, isAtEnd);
    this.#next = record.ticket;
    this.#dense(to);
  }

  #dense(to: InOrder): void {
    for (;;) {
      const next = this.#early.get(this.#next);
      if (next === undefined) return;
      this.#early.delete(this.#next);
      this.#next++;
      to.operation(next.record);
    }
  }

  /** One sort for all gaps: a thread whose ring was full left a gap between any two tickets of the others. */
  #sorted(): readonly Seen[] {
    return [...this.#early.values()].sort((a, b) => a.record.ticket - b.record.ticket);
  }

  #first(): Seen {
    let first: Seen | undefined;
    for (const seen of this.#early.values())
      if (first === undefined || seen.record.ticket < first.record.ticket) first = seen;
    return first as unknown as Seen;
  }
}
