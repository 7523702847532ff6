/**
 * A pool's operations out of a journal, in the order of their tickets. The journal has them nearly so: it empties one thread's
 * ring after the other, so a ticket may lie in the turn after that of its successor, never later.
 */
import type { OperationBlock } from '../../../../eventlog/index.ts';
import type { LedgerRecord } from './record.ts';
import { unpackRecords } from './record-unpacker.ts';

export type Journalled =
  | { readonly type: 'operation'; readonly run: number; readonly record: LedgerRecord }
  /** The journal has none of these tickets, both included. */
  | { readonly type: 'gap'; readonly run: number; readonly fromTicket: number; readonly toTicket: number };

/** `blocks`: as a journal's reader gives them, of this pool or of all. */
export function* inOrder(blocks: Iterable<OperationBlock>, poolKey: number): Generator<Journalled, void> {
  let order: Order | undefined;
  for (const { run, sealedAtMs, packed } of blocks) {
    // Tickets begin anew with every run.
    if (order !== undefined && order.run !== run) yield* order.rest();
    if (order?.run !== run) order = new Order(run);
    order.turn(sealedAtMs);
    for (const record of unpackRecords(packed, poolKey)) order.add(record);
    yield* order.ready();
  }
  if (order !== undefined) yield* order.rest();
}

type Seen = { readonly record: LedgerRecord; readonly turn: number };

class Order {
  readonly run: number;
  // Those whose predecessor is still missing, by ticket.
  readonly #early = new Map<number, Seen>();
  #turn = 0;
  #sealedAtMs = -1;
  /** The ticket that comes next; 0: whichever is the first. */
  #next = 0;

  constructor(run: number) {
    this.run = run;
  }

  /** Blocks of one turn were sealed at the same time. */
  turn(sealedAtMs: number): void {
    if (sealedAtMs !== this.#sealedAtMs) this.#turn++;
    this.#sealedAtMs = sealedAtMs;
  }

  add(record: LedgerRecord): void {
    this.#early.set(record.ticket, { record, turn: this.#turn });
  }

  *ready(): Generator<Journalled, void> {
    yield* this.#dense();
    while (this.#early.size > 0) {
      const first = this.#first();
      if (this.#turn - first.turn < 2) return;
      yield* this.#from(first);
    }
  }

  *rest(): Generator<Journalled, void> {
    yield* this.#dense();
    while (this.#early.size > 0) yield* this.#from(this.#first());
  }

  *#from({ record }: Seen): Generator<Journalled, void> {
    // A pool that is made anew goes on at a higher ticket; nothing is missing between.
    const isBegun = this.#next === 0 || record.op === 'start';
    if (!isBegun) yield { type: 'gap', run: this.run, fromTicket: this.#next, toTicket: record.ticket - 1 };
    this.#next = record.ticket;
    yield* this.#dense();
  }

  *#dense(): Generator<Journalled, void> {
    for (;;) {
      const next = this.#early.get(this.#next);
      if (next === undefined) return;
      this.#early.delete(this.#next);
      this.#next++;
      yield { type: 'operation', run: this.run, record: next.record };
    }
  }

  #first(): Seen {
    let first: Seen | undefined;
    for (const seen of this.#early.values())
      if (first === undefined || seen.record.ticket < first.record.ticket) first = seen;
    return first as unknown as Seen;
  }
}
