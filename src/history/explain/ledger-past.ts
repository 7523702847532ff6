/** A pool's ledger at a past moment: the checkpoint before it, plus the operations since. */
import {
  AllInOrder,
  type Asking,
  type LedgerRecord,
  type Look,
  look,
  ReplayedPool,
  ReplayMemory,
  unpackCheckpoint,
  type Waiting,
} from '../../../actors/index.ts';
import type { ByteWriter, JournalledCheckpoint, JournalReader } from '../../../eventlog/index.ts';
import { checkpointBefore } from '../checkpoint-before.ts';
import type { Room } from '../room.ts';

/** An operation, and the pool before it; `pool` is undefined if the journal lacks some of what led there. */
export type Met = { readonly record: LedgerRecord; readonly pool: PastPool | undefined };

export type PastPool = {
  /** Its ledger was freed: the pool is asleep, or was removed. */
  readonly isFreed: boolean;
  /** Ends the quarantines and ejections that are over by then, as any operation does first. */
  expire(nowMs: number): void;
  look(asking: Asking): Look;
  waiter(ticket: number): Waiting | undefined;
  /** In the format of the ledger's checkpoints. */
  pack(into: ByteWriter): void;
};

export type Sought = {
  /** The approximate time, in epoch milliseconds; the operation is not much later. */
  readonly nearMs: number;
  /** The lowest ticket it may have, within the run that is read. */
  readonly fromTicket?: number;
  readonly is: (record: LedgerRecord) => boolean;
};

// After one of these the ledger exists: it was made, or is still in use.
const OF_A_LEDGER: ReadonlySet<LedgerRecord['op']> = new Set(['start', 'settings', 'row']);
// The operations after a checkpoint are written at about the time of the checkpoint itself.
const WRITTEN_MS = 300;
// Threads' clocks differ, and a moment passes between reading the time and getting a ticket.
const SLACK_MS = 50;
// Longer than it takes to restart a crashed journal.
const LATE_MS = 10_000;

export class LedgerPast {
  readonly #journal: JournalReader;
  readonly #poolKey: number;
  readonly #run: number | undefined;
  readonly #breathe: Room['breathe'];

  /**
   * `run`: reads this process alone, since two may have routed at the same time; by default, the last one that had
   * begun.
   */
  constructor({ journal, breathe }: Pick<Room, 'journal' | 'breathe'>, poolKey: number, run?: number) {
    this.#journal = journal();
    this.#poolKey = poolKey;
    this.#run = run;
    this.#breathe = breathe;
  }

  /** The first operation that matches; undefined if the journal does not have it. */
  async meet(sought: Sought): Promise<Met | undefined> {
    const from = this.#before(sought);
    const walk = new Walk(this.#poolKey, from, sought);
    const range = {
      fromMs: from === undefined ? 0 : from.atMs - WRITTEN_MS,
      toMs: sought.nearMs + LATE_MS,
    };
    for (const block of this.#journal.operations(this.#poolKey, range)) {
      if (!this.#isOfRun(block) || (from !== undefined && block.run < from.run)) continue;
      if (block.run > sought.nearMs + SLACK_MS) break;
      walk.take(block);
      if (walk.met !== undefined) break;
      await this.#breathe();
    }
    return walk.end();
  }

  /** The pool at a moment; undefined if the journal does not tell. */
  async at(atMs: number): Promise<PastPool | undefined> {
    const met = await this.meet({ nearMs: atMs, is: (record) => record.nowMs > atMs });
    if (met !== undefined) return met.pool;
    const from = this.#before({ nearMs: atMs + SLACK_MS, is: () => false });
    if (from === undefined) return undefined;
    // Nothing has happened since the last operation before that moment.
    const walk = new Walk(this.#poolKey, from, { nearMs: atMs, is: () => false });
    for (const block of this.#journal.operations(this.#poolKey, {
      fromMs: from.atMs - WRITTEN_MS,
      toMs: atMs + LATE_MS,
    }))
      if (block.run === from.run) walk.take(block);
    walk.end();
    return walk.pool;
  }

  #isOfRun({ run }: { readonly run: number }): boolean {
    return this.#run === undefined || run === this.#run;
  }

  #before({ nearMs, fromTicket }: Sought): JournalledCheckpoint | undefined {
    return checkpointBefore(this.#journal, this.#poolKey, nearMs, (checkpoint) => {
      if (!this.#isOfRun(checkpoint)) return false;
      return fromTicket === undefined ? checkpoint.atMs <= nearMs - SLACK_MS : checkpoint.ticket < fromTicket;
    });
  }
}

/** A pool restored from a checkpoint alone. */
export function poolOf(poolKey: number, checkpoint: Uint8Array): PastPool {
  const memory = new ReplayMemory();
  const pool = new ReplayedPool(memory, poolKey);
  pool.restore(unpackCheckpoint(checkpoint), 1);
  return pastPool(memory, pool, false);
}

function pastPool(memory: ReplayMemory, pool: ReplayedPool, isFreed: boolean): PastPool {
  return {
    isFreed,
    expire: (nowMs) => pool.expire(nowMs),
    look: (asking) => look(memory, pool, asking),
    waiter: (ticket) => pool.waiter(ticket),
    pack: (into) => pool.pack(into),
  };
}

class Walk {
  readonly #memory = new ReplayMemory();
  readonly #replayed: ReplayedPool;
  readonly #order = new AllInOrder(this);
  readonly #sought: Sought;
  readonly #poolKey: number;
  #isInStep = false;
  #isFreed = false;
  met: Met | undefined;

  constructor(poolKey: number, from: JournalledCheckpoint | undefined, sought: Sought) {
    this.#poolKey = poolKey;
    this.#sought = sought;
    this.#replayed = new ReplayedPool(this.#memory, poolKey);
    if (from === undefined) return;
    this.#order.expect(from.run, poolKey, from.ticket + 1);
    this.#replayed.restore(unpackCheckpoint(from.state), from.ticket);
    this.#isInStep = true;
  }

  get pool(): PastPool | undefined {
    return this.#isInStep ? pastPool(this.#memory, this.#replayed, this.#isFreed) : undefined;
  }

  take(block: Parameters<AllInOrder['take']>[0]): void {
    this.#order.take(block, this.#poolKey);
  }

  end(): Met | undefined {
    if (this.met === undefined) this.#order.end();
    return this.met;
  }

  operation(record: LedgerRecord): void {
    if (this.met !== undefined) return;
    if (record.ticket >= (this.#sought.fromTicket ?? 0) && this.#sought.is(record)) {
      this.met = { record, pool: this.pool };
      return;
    }
    if (record.op === 'start') this.#isInStep = true;
    if (record.op === 'drop' || OF_A_LEDGER.has(record.op)) this.#isFreed = record.op === 'drop';
    if (this.#isInStep) this.#isInStep = this.#replayed.apply(record) === undefined;
  }

  gap(): void {
    this.#isInStep = false;
  }

  run(): void {
    this.#isInStep = false;
  }
}
