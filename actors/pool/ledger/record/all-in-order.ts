/**
 * All pools' operations out of a journal in one pass, each pool's in the order of its tickets. The journal has them nearly so,
 * since it empties one thread's ring after the other.
 */
import type { OperationBlock } from '../../../../eventlog/index.ts';
import type { LedgerRecord } from './record.ts';
import { unpackRecords } from './record-unpacker.ts';

export interface InOrder {
  operation(record: LedgerRecord): void;
  /** The journal has none of these tickets of a pool, both included; `isAtEnd`: they may not have been written yet. */
  gap(poolKey: number, fromTicket: number, toTicket: number, isAtEnd: boolean): void;
  /** The process was started again: all tickets begin anew. */
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

  /** In the order in which they were written. */
  take({ run, sealedAtMs, packed }: OperationBlock, poolKey?: number): void {
    if (run !== this.#run) this.#begin(run);
    if (sealedAtMs !== this.#sealedAtMs) this.#nextTurn(sealedAtMs);
    for (const record of unpackRecords(packed, poolKey)) {
      const order = this.#orderOf(record.poolKey);
      order.take(record, this.#turn, this.#to);
      if (order.isLate) this.#late.add(order);
    }
  }

  /** For who knows which ticket of a pool comes next: what is before it is passed over. */
  expect(run: number, poolKey: number, ticket: number): void {
    if (run !== this.#run) this.#begin(run);
    this.#orderOf(poolKey).expect(ticket);
  }

  /** Nothing more comes. */
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
  // Those whose predecessor is still missing, by ticket.
  readonly #early = new Map<number, Seen>();
  /** The ticket that comes next; 0: whichever is the first. */
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

  /** A ticket may lie in the turn after that of its successor, never later. */
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
    // A pool that is made anew goes on at a higher ticket; nothing is missing between.
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

  /** Once for all gaps there are: a thread whose ring was full left one between any two tickets of the others. */
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
