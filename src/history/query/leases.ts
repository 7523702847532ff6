/** Leases from a journal: each from checkout to check-in, whichever threads recorded them, and in whatever order. */
import { AllInOrder, type InOrder, type LeaseEnd, type LedgerRecord } from '../../../actors/index.ts';
import type { OperationBlock } from '../../../eventlog/index.ts';

type Given = Extract<LedgerRecord, { op: 'checkout' | 'grant' }>;

type Asked = { readonly nowMs: number; readonly thread: number };

export type PastLease = {
  readonly given: Given;
  /**
   * The thread that held it, even if another thread's check-in granted it. Undefined if it was queued for and the
   * journal lacks that.
   */
  readonly thread: number | undefined;
  /** When the request was queued; undefined if the journal lacks that, or it was granted at once. */
  readonly askedAtMs: number | undefined;
  /** Undefined while it is out, or if the journal has a gap there. */
  readonly back: { readonly nowMs: number; readonly end: LeaseEnd | 'reaped' } | undefined;
};

/**
 * Yields each lease when it is given back; those still out come last. `blocks` must be in the order in which they were
 * written.
 */
export function* leasesIn(blocks: Iterable<OperationBlock>): Generator<PastLease> {
  const leases = new Leases();
  for (const block of blocks) yield* leases.take(block);
  yield* leases.end();
}

class Leases implements InOrder {
  readonly #order = new AllInOrder(this);
  /** By pool and ticket, within this run only, since the next run starts its tickets anew. */
  readonly #out = new Map<string, PastLease>();
  readonly #asked = new Map<string, Asked>();
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
        this.#asked.set(nameOf(record, record.ticket), record);
        return;
      case 'leave':
        this.#asked.delete(nameOf(record, record.waiter));
        return;
      case 'checkout':
        this.#out.set(nameOf(record, record.ticket), {
          given: record,
          thread: record.thread,
          askedAtMs: undefined,
          back: undefined,
        });
        return;
      case 'grant': {
        const waiter = nameOf(record, record.waiter);
        const asked = this.#asked.get(waiter);
        this.#asked.delete(waiter);
        this.#out.set(nameOf(record, record.ticket), {
          given: record,
          thread: asked?.thread,
          askedAtMs: asked?.nowMs,
          back: undefined,
        });
        return;
      }
      case 'checkin':
        this.#give(nameOf(record, record.lease), record.thread, record);
        return;
      case 'reap':
        for (const [name, { given, thread }] of this.#out)
          if (given.poolKey === record.poolKey && thread === record.dead)
            this.#give(name, thread, { nowMs: record.nowMs, end: 'reaped' });
        return;
    }
  }

  #give(name: string, thread: number, back: NonNullable<PastLease['back']>): void {
    const lease = this.#out.get(name);
    this.#out.delete(name);
    if (lease !== undefined) this.#done.push({ ...lease, thread, back });
  }

  gap(): void {}

  run(): void {
    this.#done.push(...this.#out.values());
    this.#out.clear();
    this.#asked.clear();
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
