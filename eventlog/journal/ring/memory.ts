/**
 * The journal's shared memory: one ring of frames per thread, and the writer's own figures. It outlives every thread
 * that uses it: a thread that crashes half-way through a record has published nothing, and its successor continues
 * after the last complete one; a writer that crashes is followed by one that finds everything not yet committed.
 *
 *   header · the writer's status · a head and a tail for each ring · the rings
 */
import assert from 'node:assert/strict';

export const MAGIC = 0x6a_72_6e_6c;

const HEADER = { magic: 0, rings: 1, ringBytes: 2, runLow: 4, writerStatus: 16, words: 128 } as const;
// Head and tail are written by different threads, so each has a cache line (64 bytes) of its own.
const RING = { head: 0, lost: 1, tail: 16, words: 32 } as const;

/** What the writer reports about itself, in doubles: only the writer writes them, anybody may read them. */
export const WRITER_STATUS = {
  requests: 0,
  operations: 1,
  checkpoints: 2,
  blocks: 3,
  bytes: 4,
  gaps: 5,
  lostRequests: 6,
  lostOperations: 7,
  failures: 8,
  /** When it last looked at the rings, in epoch milliseconds. */
  lookedAtMs: 9,
  /** Age of the oldest record of the last commit, at the time of the commit. */
  lagMs: 10,
  /** Number of the segment being written; 0: none yet. */
  segment: 11,
  /** 1 while it cannot write. */
  failing: 12,
  heldBytes: 13,
  segments: 14,
  /** Turns that did not end, since the last one that did. */
  deadlyTurns: 15,
} as const;

export type JournalShared = { readonly buffer: SharedArrayBuffer };

export type JournalMemoryOptions = {
  /** One for each thread that may write at the same time. */
  readonly rings: number;
  /** Size of each ring: a power of two, from 64 KiB. */
  readonly ringBytes?: number;
  /** Identifies this life of the process, and so its tickets: epoch milliseconds of its start. */
  readonly run: number;
};

// 4 MiB: about 40 000 requests, two seconds of a busy worker, which is longer than it takes to replace a dead writer.
// Untouched rings only cost addresses.
const RING_BYTES = 2 ** 22;
const LEAST_RING_BYTES = 2 ** 16;

export function createJournalMemory(options: JournalMemoryOptions): JournalShared {
  const { rings, ringBytes = RING_BYTES, run } = options;
  assert(rings >= 1, `expected at least one ring, found ${rings}`);
  assert(
    ringBytes >= LEAST_RING_BYTES && (ringBytes & (ringBytes - 1)) === 0,
    `expected a power of two of at least ${LEAST_RING_BYTES} bytes, found ${ringBytes}`,
  );
  const words = HEADER.words + rings * RING.words;
  const buffer = new SharedArrayBuffer(4 * words + rings * ringBytes);
  const header = new Int32Array(buffer, 0, HEADER.words);
  header[HEADER.magic] = MAGIC;
  header[HEADER.rings] = rings;
  header[HEADER.ringBytes] = ringBytes;
  new Float64Array(buffer, 4 * HEADER.runLow, 1)[0] = run;
  return { buffer };
}

/** One thread's window on the journal's memory. */
export class JournalMemory {
  readonly words: Int32Array;
  readonly writerStatus: Float64Array;
  readonly rings: number;
  readonly ringBytes: number;
  readonly run: number;
  readonly buffer: SharedArrayBuffer;

  constructor({ buffer }: JournalShared) {
    this.buffer = buffer;
    this.words = new Int32Array(buffer);
    assert.equal(this.words[HEADER.magic], MAGIC, 'expected the memory of a journal');
    this.rings = this.words[HEADER.rings]!;
    this.ringBytes = this.words[HEADER.ringBytes]!;
    this.run = new Float64Array(buffer, 4 * HEADER.runLow, 1)[0]!;
    this.writerStatus = new Float64Array(buffer, 4 * HEADER.writerStatus, Object.keys(WRITER_STATUS).length);
  }

  headOf(ring: number): number {
    return this.#controlOf(ring) + RING.head;
  }

  lostOf(ring: number): number {
    return this.#controlOf(ring) + RING.lost;
  }

  tailOf(ring: number): number {
    return this.#controlOf(ring) + RING.tail;
  }

  /** Where a ring's bytes begin in the buffer. */
  bytesOf(ring: number): number {
    return 4 * (HEADER.words + this.rings * RING.words) + ring * this.ringBytes;
  }

  #controlOf(ring: number): number {
    assert(ring >= 0 && ring < this.rings, `expected a ring below ${this.rings}, found ${ring}`);
    return HEADER.words + ring * RING.words;
  }
}
