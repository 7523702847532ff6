/** One pool in the journal, in stretches without a gap: each begins at the ledger's start or at a checkpoint. */
import { AllInOrder, type InOrder, type LedgerRecord, unpackCheckpoint } from '../../../actors/index.ts';
import type { JournalledCheckpoint, JournalReader, TimeRange } from '../../../eventlog/index.ts';
import { checkpointBefore } from '../checkpoint-before.ts';
import { Unanswerable } from '../unanswerable.ts';
import { Recording } from './recording.ts';

export type Stretch = {
  readonly recording: Recording;
  /** Undefined: from the ledger's start. */
  readonly from: JournalledCheckpoint | undefined;
  readonly fromMs: number;
};

// A million asks take about 400 MB.
const MOST_ASKS = 1_000_000;
// A checkpoint is written within a second of the operations it includes.
const CHECKPOINT_MS = 1500;

export class Stretches implements InOrder {
  /** Operations that belong to no stretch: before the first checkpoint, or between a gap and the next one. */
  skipped = 0;
  readonly #order = new AllInOrder(this);
  readonly #journal: JournalReader;
  readonly #poolKey: number;
  readonly #range: TimeRange;
  /** The time of the last checkpoint before the range: from there on, all that led into the range is known. */
  readonly #sinceMs: number;
  readonly #checkpoints: Iterator<JournalledCheckpoint, undefined>;
  #checkpoint: JournalledCheckpoint | undefined;
  #run = 0;
  #present: Stretch | undefined;
  #over: Stretch[] = [];

  constructor(journal: JournalReader, poolKey: number, range: TimeRange) {
    this.#journal = journal;
    this.#poolKey = poolKey;
    this.#range = range;
    this.#sinceMs = range.fromMs === undefined ? 0 : sinceMs(journal, poolKey, range.fromMs);
    this.#checkpoints = journal.checkpoints(poolKey, { ...range, fromMs: this.#sinceMs });
    this.#checkpoint = this.#checkpoints.next().value;
  }

  /** Yields undefined if there is nothing yet, so that the caller can do other work. */
  *all(): Generator<Stretch | undefined> {
    const { toMs } = this.#range;
    const range = {
      fromMs: this.#sinceMs - CHECKPOINT_MS,
      ...(toMs === undefined ? {} : { toMs: toMs + CHECKPOINT_MS }),
    };
    for (const block of this.#journal.operations(this.#poolKey, range)) {
      this.#order.take(block, this.#poolKey);
      yield* this.#over.splice(0);
      yield undefined;
    }
    this.#order.end();
    this.#close();
    yield* this.#over.splice(0);
  }

  operation(record: LedgerRecord): void {
    const { fromMs = 0, toMs = Number.MAX_VALUE } = this.#range;
    if (record.nowMs > toMs) return;
    if (record.op === 'start' && record.nowMs >= this.#sinceMs)
      this.#open({ recording: new Recording(), from: undefined, fromMs: record.nowMs });
    else if (this.#present === undefined) this.#resume(record);
    const stretch = this.#present;
    if (stretch === undefined) {
      if (record.nowMs >= fromMs) this.skipped += 1;
      return;
    }
    stretch.recording.take(record);
    if (stretch.recording.asks.length > MOST_ASKS)
      throw new Unanswerable(
        'invalid_query',
        `expected at most ${MOST_ASKS} requests of a pool at once, found more; narrow it with from and to`,
      );
  }

  gap(): void {
    this.#close();
  }

  run(run: number): void {
    this.#close();
    this.#run = run;
  }

  /** Continues at the checkpoint before this ticket, if there is one. */
  #resume({ ticket, nowMs }: LedgerRecord): void {
    const { fromMs = 0 } = this.#range;
    for (;;) {
      const next = this.#checkpoint;
      if (next === undefined || next.run > this.#run) return;
      if (next.run === this.#run && next.ticket >= ticket) return;
      this.#checkpoint = this.#checkpoints.next().value;
      if (next.run !== this.#run || next.ticket !== ticket - 1) continue;
      const recording = new Recording();
      recording.begin(next.atMs, unpackCheckpoint(next.state));
      this.#open({ recording, from: next, fromMs: Math.max(next.atMs, Math.min(fromMs, nowMs)) });
      return;
    }
  }

  #open(stretch: Stretch): void {
    this.#close();
    this.#present = stretch;
  }

  #close(): void {
    if (this.#present !== undefined) this.#over.push(this.#present);
    this.#present = undefined;
  }
}

function sinceMs(journal: JournalReader, poolKey: number, fromMs: number): number {
  const before = checkpointBefore(journal, poolKey, fromMs, ({ atMs }) => atMs <= fromMs);
  return Math.min(before?.atMs ?? fromMs, fromMs - CHECKPOINT_MS);
}
