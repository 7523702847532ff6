/** Leases out of a journal: each from its giving to its giving back, whichever threads wrote of them, and in which order. */
import { AllInOrder, type InOrder, type LedgerRecord } from '../../actors/index.ts';
import type { OperationBlock } from '../../eventlog/index.ts';

type Given = Extract<LedgerRecord, { op: 'checkout' | 'grant' }>;

export type PastLease = {
  readonly given: Given;
  /** When it was queued for; undefined: that is not in the journal, or it was had at once. */
  readonly askedAtMs: number | undefined;
  /** Undefined while it is out, or where the journal has a gap. */
  readonly back: Extract<LedgerRecord, { op: 'checkin' }> | undefined;
};

/** Each when it is given back; those that are still out come last. `blocks` in the order in which they were written. */
export function* leasesIn(blocks: Iterable<OperationBlock>): Generator<PastLease> {
  const leases = new Leases();
  for (const block of blocks) yield* leases.take(block);
  yield* leases.end();
}

class Leases implements InOrder {
  readonly #order = new AllInOrder(this);
  /** By pool and ticket; of this run alone, since the next begins its tickets anew. */
  readonly #out = new Map<string, PastLease>();
  readonly #askedAtMs = new Map<string, number>();
  #done: PastLease[] = [];

  take(block: OperationBlock): readonly PastLease[] {
    this.#order.take(block);
    return this.#taken();
  }

  end(): readonly PastLease[] {
    this.#order.end();
    this.run();
    return this.#taken();
  }

  operation(record: LedgerRecord): void {
    switch (record.op) {
      case 'enqueue':
        this.#askedAtMs.set(nameOf(record, record.ticket), record.nowMs);
        return;
      case 'leave':
        this.#askedAtMs.delete(nameOf(record, record.waiter));
        return;
      case 'checkout':
        this.#out.set(nameOf(record, record.ticket), {
          given: record,
          askedAtMs: undefined,
          back: undefined,
        });
        return;
      case 'grant': {
        const waiter = nameOf(record, record.waiter);
        const askedAtMs = this.#askedAtMs.get(waiter);
        this.#askedAtMs.delete(waiter);
        this.#out.set(nameOf(record, record.ticket), { given: record, askedAtMs, back: undefined });
        return;
      }
      case 'checkin': {
        const name = nameOf(record, record.lease);
        const lease = this.#out.get(name);
        this.#out.delete(name);
        if (lease !== undefined) this.#done.push({ ...lease, back: record });
        return;
      }
    }
  }

  gap(): void {}

  run(): void {
    this.#done.push(...this.#out.values());
    this.#out.clear();
    this.#askedAtMs.clear();
  }

  #taken(): readonly PastLease[] {
    const taken = this.#done;
    this.#done = [];
    return taken;
  }
}

function nameOf({ poolKey }: LedgerRecord, ticket: number): string {
  return `${poolKey} ${ticket}`;
}
