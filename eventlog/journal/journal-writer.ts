/**
 * The one writer of a journal: it takes what the threads put into their rings and commits it in blocks. Nothing waits
 * for it; what it cannot write stays in the rings until they are full, and what is lost then is a counted gap.
 *
 *   rings ─▶ block ─▶ transaction ─▶ room given back
 *              └ fails: looked at again, from another file if need be
 */
import { isOfTheWorld } from '../sqlite/sqlite-errors.ts';
import { NO_OPERATIONS, type OperationSource } from './operation-source.ts';
import { JournalMemory, type JournalShared, WRITER_STATUS } from './ring/memory.ts';
import { RingConsumer } from './ring/ring-consumer.ts';
import { Block } from './segment/block.ts';
import { RingPositions } from './segment/ring-positions.ts';
import { type Limits, Segments } from './segment/segments.ts';
import type { Vocabulary } from './vocabulary.ts';

export type JournalWriterOptions = {
  /** Directory of the segments; made if necessary. */
  readonly directory: string;
  readonly shared: JournalShared;
  readonly operations?: OperationSource;
  readonly vocabulary: Vocabulary;
  readonly maxBytes: number;
  readonly maxAgeMs: number;
  /** Another process keeps writing this journal for a while. */
  readonly isBeside?: boolean;
  readonly now: () => number;
  /** Called at most once a minute. */
  readonly warn: (message: string) => void;
  readonly limits?: Partial<Limits>;
};

// 256 KiB: a whole block is read to find one request in it.
const BLOCK_BYTES = 262_144;
// The most that a turn takes, so that a flush is answered even if there is always more.
const BLOCKS_A_TURN = 16;
const RETRY_MS = 1000;
const WARN_EVERY_MS = 60_000;
// A persistent failure may be due to the file.
const FAILURES_A_FILE = 3;
const KEEP_HOUSE_EVERY_MS = 1000;
// If this many writers in a row died in the middle of a turn, what they found in the rings must be what kills them.
const DEADLY_TURNS = 2;

export class JournalWriter {
  readonly #options: JournalWriterOptions;
  readonly #memory: JournalMemory;
  readonly #rings: readonly RingConsumer[];
  readonly #operations: OperationSource;
  readonly #positions: RingPositions;
  readonly #segments: Segments;
  readonly #block = new Block();
  #failures = 0;
  #retryAtMs = 0;
  #warnAtMs = 0;
  #keepHouseAtMs = 0;
  /** When this run last committed, under this writer or an earlier one; before that, when it began. */
  #committedAtMs: number;
  /** When the previous turn began. */
  #lookedAtMs: number;
  #discarded = false;

  constructor(options: JournalWriterOptions) {
    const memory = new JournalMemory(options.shared);
    this.#options = options;
    this.#memory = memory;
    this.#rings = Array.from({ length: memory.rings }, (_, ring) => new RingConsumer(memory, ring));
    this.#operations = options.operations ?? NO_OPERATIONS;
    this.#positions = new RingPositions(this.#rings, this.#operations);
    const { directory, vocabulary, isBeside = false, limits } = options;
    this.#segments = new Segments(directory, vocabulary, options, { run: memory.run, isBeside }, limits);
    this.#lookedAtMs = options.now();
    this.#committedAtMs = Math.min(memory.run, this.#lookedAtMs);
    this.#beginLife();
  }

  /** How full the fullest ring is, from 0 to 1. */
  get fullness(): number {
    const requests = this.#rings.map((ring) => ring.usedBytes / ring.bytes.length);
    return Math.max(this.#operations.fullness(), ...requests);
  }

  /** Commits what is in the rings now. True: everything is on its way to the disk. */
  turn(): boolean {
    const nowMs = this.#options.now();
    this.#memory.writerStatus[WRITER_STATUS.lookedAtMs] = nowMs;
    if (nowMs < this.#retryAtMs) return false;
    // Reset at the end of this turn: if it stays, the turn killed the writer.
    add(this.#memory.writerStatus, WRITER_STATUS.deadlyTurns, 1);
    try {
      // What is too much or too old may be the room that is missing.
      if (this.#failures > 0) this.#keepHouse(nowMs);
      if (!this.#segments.isOpen) this.#open(nowMs);
      if (nowMs >= this.#keepHouseAtMs) this.#keepHouse(nowMs);
      const isAll = this.#write(nowMs);
      this.#wentWell(nowMs);
      return isAll;
    } catch (error) {
      this.#failed(error, nowMs);
      return false;
    }
  }

  /** Does the last turns, and leaves the segment readable on its own. */
  close(): void {
    for (let turns = 0; turns < BLOCKS_A_TURN && !this.turn() && this.#failures === 0; turns++);
    this.#segments.close();
  }

  #write(nowMs: number): boolean {
    for (let blocks = 0; blocks < BLOCKS_A_TURN; blocks++) {
      const isFull = this.#take();
      const positions = this.#positions.now();
      const lost = this.#positions.lostSince(positions);
      const hasGap = lost.requests + lost.operations > 0 || this.#discarded;
      if (this.#block.isEmpty && !hasGap) return true;
      this.#commit(positions, hasGap, lost, nowMs);
      if (!isFull) return true;
      // A flood would exceed the limits many times over before the next look that is due.
      this.#keepHouse(nowMs);
    }
    return false;
  }

  /** True: there may be more than fits into the block. */
  #take(): boolean {
    const block = this.#block;
    block.clear();
    for (const ring of this.#rings) block.takeFrom(ring, BLOCK_BYTES);
    if (block.bytes < BLOCK_BYTES) {
      block.operationCount = this.#operations.take(block.operations, block.pools, BLOCK_BYTES - block.bytes);
    }
    return block.bytes >= BLOCK_BYTES;
  }

  #commit(
    positions: Int32Array,
    hasGap: boolean,
    lost: { requests: number; operations: number },
    nowMs: number,
  ): void {
    const segment = this.#segments.current(nowMs);
    const { run } = this.#memory;
    segment.begin();
    segment.addBlock(this.#block, run, nowMs, positions);
    if (hasGap) {
      segment.addGap({
        run,
        cause: this.#discarded ? 'discarded' : 'overflow',
        fromMs: this.#committedAtMs,
        toMs: nowMs,
        requests: this.#discarded ? undefined : lost.requests,
        operations: this.#discarded ? undefined : lost.operations,
      });
    }
    segment.commit();
    this.#positions.commit(positions);
    for (const ring of this.#rings) ring.release();
    this.#operations.release();
    this.#discarded = false;
    // Threads write a name once per segment: the sooner they know that this segment is another one, the fewer names are
    // missing.
    this.#memory.writerStatus[WRITER_STATUS.segment] = segment.number;
    this.#count(hasGap, lost);
    if (lost.requests + lost.operations > 0) {
      const what = `${lost.requests} requests and ${lost.operations} ledger operations`;
      this.#warn(nowMs, `was not written in time: ${what} are lost to it; requests go on`);
    }
    this.#committedAtMs = nowMs;
  }

  #count(hasGap: boolean, lost: { requests: number; operations: number }): void {
    const { writerStatus } = this.#memory;
    const block = this.#block;
    add(writerStatus, WRITER_STATUS.requests, block.requestCount);
    add(writerStatus, WRITER_STATUS.operations, block.operationCount);
    add(writerStatus, WRITER_STATUS.checkpoints, block.checkpointCount);
    add(writerStatus, WRITER_STATUS.blocks, 1);
    add(writerStatus, WRITER_STATUS.bytes, block.bytes);
    add(writerStatus, WRITER_STATUS.gaps, hasGap ? 1 : 0);
    add(writerStatus, WRITER_STATUS.lostRequests, lost.requests);
    add(writerStatus, WRITER_STATUS.lostOperations, lost.operations);
  }

  /** Continues where an earlier writer ended, or records since when nothing was written. */
  #open(nowMs: number): void {
    const last = this.#segments.open(nowMs);
    const { run } = this.#memory;
    this.#memory.writerStatus[WRITER_STATUS.segment] = this.#segments.number;
    if (last === undefined) return;
    if (last.run === run) {
      this.#committedAtMs = last.sealedAtMs;
      if (!this.#discarded && this.#failures === 0) this.#positions.resume(last.positions);
      return;
    }
    if (this.#memory.writerStatus[WRITER_STATUS.blocks]! + this.#memory.writerStatus[WRITER_STATUS.gaps]! > 0)
      return;
    const segment = this.#segments.current(nowMs);
    segment.begin();
    const gap = { run, cause: 'stopped', fromMs: last.sealedAtMs, toMs: nowMs } as const;
    segment.addGap({ ...gap, requests: undefined, operations: undefined });
    segment.commit();
    add(this.#memory.writerStatus, WRITER_STATUS.gaps, 1);
  }

  #keepHouse(nowMs: number): void {
    this.#keepHouseAtMs = nowMs + KEEP_HOUSE_EVERY_MS;
    const { writerStatus } = this.#memory;
    const { bytes, count } = this.#segments.keepHouse(nowMs);
    writerStatus[WRITER_STATUS.heldBytes] = bytes;
    writerStatus[WRITER_STATUS.segments] = count;
    writerStatus[WRITER_STATUS.segment] = this.#segments.number;
  }

  /** What is on disk now ended after the previous look. */
  #wentWell(nowMs: number): void {
    const { writerStatus } = this.#memory;
    this.#failures = 0;
    writerStatus[WRITER_STATUS.failing] = 0;
    writerStatus[WRITER_STATUS.deadlyTurns] = 0;
    writerStatus[WRITER_STATUS.lagMs] = this.#options.now() - this.#lookedAtMs;
    this.#lookedAtMs = nowMs;
  }

  /** The world failed: try again after a while. Anything else is a mistake of ours, and left to the supervisor. */
  #failed(error: unknown, nowMs: number): void {
    this.#segments.abandon();
    for (const ring of this.#rings) ring.rewind();
    this.#operations.rewind();
    if (!isOfTheWorld(error)) throw error;
    this.#memory.writerStatus[WRITER_STATUS.deadlyTurns] = 0;
    this.#failures++;
    if (this.#failures % FAILURES_A_FILE === 0) this.#segments.useAnother();
    this.#retryAtMs = nowMs + RETRY_MS;
    add(this.#memory.writerStatus, WRITER_STATUS.failures, 1);
    this.#memory.writerStatus[WRITER_STATUS.failing] = 1;
    this.#warn(nowMs, `cannot be written: ${String(error)}; requests go on unrecorded`);
  }

  #warn(nowMs: number, what: string): void {
    if (nowMs < this.#warnAtMs) return;
    this.#warnAtMs = nowMs + WARN_EVERY_MS;
    this.#options.warn(`the journal in ${this.#options.directory} ${what}`);
  }

  #beginLife(): void {
    const { writerStatus } = this.#memory;
    if (writerStatus[WRITER_STATUS.deadlyTurns]! < DEADLY_TURNS || this.fullness === 0) return;
    for (const ring of this.#rings) ring.discard();
    this.#operations.discard();
    this.#discarded = true;
  }
}

function add(status: Float64Array, index: number, by: number): void {
  status[index] = status[index]! + by;
}
