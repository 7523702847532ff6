/**
 * Verifies the decisions in a journal: every operation is decided again in the order of its ticket, and at every checkpoint
 * of the journal the state must be equal byte for byte. After a gap, verification goes on at the next checkpoint.
 */
import {
  ByteWriter,
  type JournalledCheckpoint,
  type OperationBlock,
} from '../../../../eventlog/journal/index.ts';
import { AllInOrder, type InOrder } from '../record/all-in-order.ts';
import { unpackCheckpoint } from '../record/checkpoint.ts';
import type { LedgerRecord } from '../record/record.ts';
import { ReplayMemory } from './replay-memory.ts';
import { ReplayedPool } from './replayed-pool.ts';
import type { Difference } from './verdict.ts';

export type PoolDifference = Omit<Difference, 'op'> & {
  readonly poolKey: number;
  readonly run: number;
  readonly op: Difference['op'] | 'checkpoint';
};

export type TicketGap = {
  readonly poolKey: number;
  readonly run: number;
  readonly fromTicket: number;
  readonly toTicket: number;
};

export type VerifiedDecisions = {
  /** Processes that the tickets are from. */
  readonly runs: number;
  readonly pools: number;
  readonly operations: number;
  /** Operations that chose something: leases, refusals, waits, grants, and why a waiter that left had waited. */
  readonly decisions: number;
  readonly checkpoints: number;
  /**
   * Operations that could not be decided again: those before the first checkpoint, and those between a gap and the next
   * one.
   */
  readonly skipped: number;
  readonly gaps: readonly TicketGap[];
  readonly differences: readonly PoolDifference[];
  /** There are more differences or gaps than are listed. */
  readonly cut: boolean;
};

const DECISIONS: ReadonlySet<LedgerRecord['op']> = new Set([
  'checkout',
  'enqueue',
  'refuse',
  'grant',
  'leave',
]);
// A bug shows as well in a hundred places as in a million.
const MOST_TOLD = 100;
// A checkpoint is written within a second of the state that it holds.
const AHEAD_MS = 2000;

type Known = { readonly pool: ReplayedPool; isInStep: boolean; ticket: number };

/**
 * Takes blocks and checkpoints in the order in which they were written; blocks one by one, so that the caller can do other
 * things in between.
 */
export class DecisionVerification implements InOrder {
  readonly #order = new AllInOrder(this);
  readonly #checkpoints: Iterator<JournalledCheckpoint>;
  #nextCheckpoint: JournalledCheckpoint | undefined;
  #memory = new ReplayMemory();
  readonly #pools = new Map<number, Known>();
  readonly #keys = new Set<number>();
  /** Checkpoints of tickets still to come, by pool, the earliest first. */
  readonly #ahead = new Map<number, JournalledCheckpoint[]>();
  readonly #packed = new ByteWriter();
  readonly #gaps: TicketGap[] = [];
  readonly #differences: PoolDifference[] = [];
  #run = -1;
  #runs = 0;
  #operations = 0;
  #decisions = 0;
  #compared = 0;
  #skipped = 0;
  #cut = false;

  constructor(checkpoints: Iterable<JournalledCheckpoint>) {
    this.#checkpoints = checkpoints[Symbol.iterator]();
    this.#readNext();
  }

  take(block: OperationBlock): void {
    // First, since a new run forgets the checkpoints of the one before.
    if (block.run !== this.#run) this.#order.take({ ...block, packed: NOTHING });
    this.#lookAhead(block.sealedAtMs + AHEAD_MS);
    this.#order.take(block);
  }

  result(): VerifiedDecisions {
    this.#lookAhead(Number.POSITIVE_INFINITY);
    this.#order.end();
    return {
      runs: this.#runs,
      pools: this.#keys.size,
      operations: this.#operations,
      decisions: this.#decisions,
      checkpoints: this.#compared,
      skipped: this.#skipped,
      gaps: this.#gaps,
      differences: this.#differences,
      cut: this.#cut,
    };
  }

  run(run: number): void {
    this.#run = run;
    this.#runs++;
    this.#pools.clear();
    this.#ahead.clear();
    this.#memory = new ReplayMemory();
  }

  gap(poolKey: number, fromTicket: number, toTicket: number, isAtEnd: boolean): void {
    const known = this.#pools.get(poolKey);
    if (known !== undefined) known.isInStep = false;
    if (isAtEnd) return;
    if (this.#gaps.length < MOST_TOLD) this.#gaps.push({ poolKey, run: this.#run, fromTicket, toTicket });
    else this.#cut = true;
  }

  operation(record: LedgerRecord): void {
    const { poolKey, ticket } = record;
    const known = this.#pools.get(poolKey) ?? this.#meet(poolKey);
    this.#operations++;
    this.#resume(known, poolKey, ticket - 1);
    known.ticket = ticket;
    if (known.isInStep || record.op === 'start') this.#decide(known, record);
    else this.#skipped++;
    if (known.isInStep) this.#compare(known, poolKey, ticket);
    else this.#resume(known, poolKey, ticket);
    if (record.op === 'drop') this.#dropped(known, poolKey);
  }

  /**
   * Frees a dropped pool, as its ledger does: over a run, pools that rest and are used again are many more than there are
   * at a time.
   */
  #dropped({ pool, isInStep }: Known, poolKey: number): void {
    // Out of step, the pool goes on with the next ledger of that name. If leases are still out, they are returned first.
    if (isInStep && !pool.isBare) return;
    pool.free();
    this.#pools.delete(poolKey);
  }

  #decide(known: Known, record: LedgerRecord): void {
    const difference = known.pool.apply(record);
    known.isInStep = difference === undefined;
    if (DECISIONS.has(record.op)) this.#decisions++;
    if (difference !== undefined) this.#tell(difference, record.poolKey);
  }

  #meet(poolKey: number): Known {
    const known = { pool: new ReplayedPool(this.#memory, poolKey), isInStep: false, ticket: 0 };
    this.#pools.set(poolKey, known);
    this.#keys.add(poolKey);
    return known;
  }

  /** If the pool is out of step and has a checkpoint at exactly this ticket, goes on from that. */
  #resume(known: Known, poolKey: number, ticket: number): void {
    if (known.isInStep) return;
    const checkpoint = this.#checkpointAt(poolKey, ticket);
    if (checkpoint === undefined) return;
    known.pool.restore(unpackCheckpoint(checkpoint.state), ticket);
    known.isInStep = true;
  }

  #compare(known: Known, poolKey: number, ticket: number): void {
    const checkpoint = this.#checkpointAt(poolKey, ticket);
    if (checkpoint === undefined) return;
    this.#packed.at = 0;
    known.pool.pack(this.#packed);
    const ours = Buffer.from(this.#packed.written());
    // A checkpoint of another version says the same in other bytes.
    if (ours[0] !== checkpoint.state[0]) return;
    this.#compared++;
    if (ours.equals(checkpoint.state)) return;
    this.#tell(stateDiffers(checkpoint, ours), poolKey);
    known.isInStep = false;
    known.pool.restore(unpackCheckpoint(checkpoint.state), ticket);
    known.isInStep = true;
  }

  #checkpointAt(poolKey: number, ticket: number): JournalledCheckpoint | undefined {
    const ahead = this.#ahead.get(poolKey);
    if (ahead === undefined) return undefined;
    while (ahead[0] !== undefined && ahead[0].ticket < ticket) ahead.shift();
    return ahead[0]?.ticket === ticket ? ahead[0] : undefined;
  }

  #lookAhead(untilMs: number): void {
    for (;;) {
      const next = this.#nextCheckpoint;
      // Two runs may overlap in time, if one process took over from another.
      if (next === undefined || next.run > this.#run) return;
      if (next.run === this.#run && next.atMs > untilMs) return;
      this.#readNext();
      if (next.run === this.#run) this.#arrived(next);
    }
  }

  #arrived(checkpoint: JournalledCheckpoint): void {
    const { poolKey, ticket } = checkpoint;
    const ahead = this.#ahead.get(poolKey) ?? [];
    if (ahead.length === 0) this.#ahead.set(poolKey, ahead);
    ahead.push(checkpoint);
    // The pool may be at this ticket already, and idle.
    const known = this.#pools.get(poolKey);
    if (known === undefined || known.ticket !== ticket) return;
    if (known.isInStep) this.#compare(known, poolKey, ticket);
    else this.#resume(known, poolKey, ticket);
  }

  #readNext(): void {
    const next = this.#checkpoints.next();
    this.#nextCheckpoint = next.done === true ? undefined : next.value;
  }

  #tell(difference: Omit<PoolDifference, 'poolKey' | 'run'>, poolKey: number): void {
    if (this.#differences.length < MOST_TOLD)
      this.#differences.push({ ...difference, poolKey, run: this.#run });
    else this.#cut = true;
  }
}

const NOTHING = new Uint8Array(0);

function stateDiffers(
  { ticket, atMs, state }: JournalledCheckpoint,
  ours: Uint8Array,
): Omit<PoolDifference, 'poolKey' | 'run'> {
  const [decided, recorded] = [unpackCheckpoint(ours), unpackCheckpoint(state)].map((checkpoint) =>
    JSON.stringify(checkpoint, plain),
  );
  return {
    ticket,
    op: 'checkpoint',
    nowMs: atMs,
    thread: 0,
    cause: 'the state is another one than the checkpoint’s',
    decided: { word: decided ?? '' },
    recorded: { word: recorded ?? '' },
  };
}

function plain(_key: string, value: unknown): unknown {
  return value instanceof Map ? Object.fromEntries(value) : value;
}
