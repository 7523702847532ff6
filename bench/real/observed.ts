/**
 * What a journal says of a pool whose backends do one request at a time: how long each request waited, in which order slots
 * were given, and whether anybody waited beside a free backend. From the ledger's own operations, in the order of their tickets.
 */
import { keyOf, type LedgerRecord } from '../../actors/index.ts';
import type { JournalReader } from '../../eventlog/index.ts';
import { inOrder } from '../../test/support/in-order.ts';

/** A request that was given a backend; times are epoch milliseconds. */
export type Served = {
  readonly arrivedAtMs: number;
  readonly grantedAtMs: number;
  /** When its slot was given back. */
  endedAtMs: number;
};

export type Observed = {
  /** In the order of arrival. */
  readonly served: readonly Served[];
  /** Those who went away while they waited. */
  readonly left: number;
  readonly queued: number;
  /** Grants to another than the one who had waited longest. */
  readonly overtaken: number;
  /** Moments at which somebody waited and a backend was free. */
  readonly idleWaits: number;
  readonly overLimit: number;
  /** Tickets that the journal lacks. */
  readonly missing: number;
  /** From a grant to the waiter's knowing of it, of those that waited. */
  readonly handOversMs: readonly number[];
};

export function observe(reader: JournalReader, pool: string): Observed {
  const book = new Book();
  const key = keyOf(pool);
  for (const step of inOrder(reader.operations(key), key)) {
    if (step.type === 'gap') book.missing += step.toTicket - step.fromTicket + 1;
    else book.take(step.record);
  }
  return book.closed(handOvers(reader, book));
}

class Book {
  readonly byLease = new Map<number, Served & { readonly queuedFor: boolean }>();
  /** Tickets of waiters, oldest first: a map keeps its order. */
  readonly #waiting = new Map<number, number>();
  readonly #rows = new Map<number, { limit: number; open: boolean; inFlight: number }>();
  missing = 0;
  #left = 0;
  #queued = 0;
  #overtaken = 0;
  #idleWaits = 0;
  #overLimit = 0;

  take(operation: LedgerRecord): void {
    // A check-in and the grant that follows from it are one step under the lock: what is true before a grant is not yet
    // what others see.
    if (operation.op !== 'grant') this.#look();
    switch (operation.op) {
      case 'row': {
        const { row, limit, empty, removed, draining, starting, quarantined } = operation;
        const open = !(empty || removed || draining || starting || quarantined);
        this.#rows.set(row, { limit, open, inFlight: this.#rows.get(row)?.inFlight ?? 0 });
        break;
      }
      case 'checkout':
        if (this.#waiting.size > 0) this.#overtaken++;
        this.#lease(operation.ticket, operation.row, operation.nowMs, operation.nowMs, false);
        break;
      case 'enqueue':
        this.#queued++;
        this.#waiting.set(operation.ticket, operation.nowMs);
        break;
      case 'grant':
        this.#grant(operation);
        break;
      case 'checkin':
        this.#checkin(operation);
        break;
      case 'leave':
        this.#left++;
        this.#waiting.delete(operation.waiter);
        break;
      case 'quarantine':
      case 'expire': {
        const row = this.#rows.get(operation.row);
        if (row !== undefined) row.open = operation.op === 'expire';
      }
    }
  }

  closed(handOversMs: readonly number[]): Observed {
    this.#look();
    const served = [...this.byLease.values()].filter(({ endedAtMs }) => endedAtMs > 0);
    // Leases are in the order of their grants; arrivals are what a queue is fed with.
    served.sort((a, b) => a.arrivedAtMs - b.arrivedAtMs);
    return {
      served,
      left: this.#left,
      queued: this.#queued,
      overtaken: this.#overtaken,
      idleWaits: this.#idleWaits,
      overLimit: this.#overLimit,
      missing: this.missing,
      handOversMs,
    };
  }

  #look(): void {
    if (this.#waiting.size === 0) return;
    for (const { open, inFlight, limit } of this.#rows.values())
      if (open && inFlight < limit) {
        this.#idleWaits++;
        return;
      }
  }

  #grant(operation: LedgerRecord & { op: 'grant' }): void {
    const [oldest] = this.#waiting.keys();
    if (oldest !== operation.waiter) this.#overtaken++;
    const arrivedAtMs = this.#waiting.get(operation.waiter) ?? operation.nowMs;
    this.#waiting.delete(operation.waiter);
    this.#lease(operation.ticket, operation.row, arrivedAtMs, operation.nowMs, true);
  }

  #lease(ticket: number, row: number, arrivedAtMs: number, nowMs: number, queuedFor: boolean): void {
    // Clocks are read before the lock, so two threads may disagree by some microseconds on what came first.
    const grantedAtMs = Math.max(arrivedAtMs, nowMs);
    this.byLease.set(ticket, { arrivedAtMs, grantedAtMs, endedAtMs: 0, queuedFor });
    const state = this.#rows.get(row);
    if (state === undefined) return;
    state.inFlight++;
    if (state.inFlight > state.limit) this.#overLimit++;
  }

  #checkin(operation: LedgerRecord & { op: 'checkin' }): void {
    const lease = this.byLease.get(operation.lease);
    if (lease !== undefined) lease.endedAtMs = Math.max(operation.nowMs, lease.grantedAtMs);
    const state = this.#rows.get(operation.row);
    if (state !== undefined) state.inFlight--;
  }
}

function handOvers(reader: JournalReader, { byLease }: Book): number[] {
  const handOversMs: number[] = [];
  for (const { attempts, waitedMs } of reader.requests()) {
    const lease = byLease.get(attempts[0]?.ticket ?? 0);
    if (lease?.queuedFor === true && waitedMs !== undefined)
      handOversMs.push(Math.max(0, waitedMs - (lease.grantedAtMs - lease.arrivedAtMs)));
  }
  return handOversMs;
}
