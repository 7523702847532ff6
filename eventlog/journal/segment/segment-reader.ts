/** One segment of the journal, opened for reading, beside its writer or at rest. */
import type Database from 'better-sqlite3';
import type { RequestIdParts } from '../record-id.ts';
import { type Dictionary, type RequestRecord, readRequest } from '../request-record.ts';
import type { Vocabulary } from '../vocabulary.ts';
import { checkpointsIn, type JournalledCheckpoint } from './checkpoint.ts';
import { mayContain } from './filter.ts';
import type { Gap } from './gap.ts';
import { openSegment } from './open-segment.ts';
import { rangesIn } from './pool-index.ts';
import { framesIn, idHash, peerHash, REQUEST_WORD, whereWord } from './request-frame.ts';
import { checkSegment } from './segment-check.ts';
import { type LongColumn, SegmentRows } from './segment-rows.ts';

/** Operations of one pool or of all, as packed by the ledger. */
export type OperationBlock = {
  readonly run: number;
  readonly sealedAtMs: number;
  readonly packed: Uint8Array;
};

const NOTHING = Buffer.alloc(0);

export class SegmentReader implements Dictionary {
  readonly path: string;
  readonly #db: Database.Database;
  readonly #nameElsewhere: (key: number) => string | undefined;
  readonly #damaged: (error: unknown) => void;
  readonly #rows: SegmentRows;
  readonly #started: Database.Statement<[number, number], number>;
  readonly #lastRun: Database.Statement<[], number>;
  #vocabulary: Vocabulary | undefined;

  constructor(
    path: string,
    nameElsewhere: (key: number) => string | undefined,
    damaged: (error: unknown) => void,
  ) {
    const db = openSegment(path);
    try {
      this.#rows = new SegmentRows(db, damaged);
      this.#started = db
        .prepare<[number, number], number>(
          `SELECT block FROM blocks WHERE requests > 0 AND last_started_at_ms >= ? AND first_started_at_ms <= ?
           ORDER BY last_started_at_ms`,
        )
        .pluck();
      this.#lastRun = db.prepare<[], number>('SELECT run FROM blocks ORDER BY block DESC LIMIT 1').pluck();
    } catch (error) {
      db.close();
      throw error;
    }
    this.#db = db;
    this.path = path;
    this.#nameElsewhere = nameElsewhere;
    this.#damaged = damaged;
  }

  close(): void {
    this.#db.close();
  }

  get vocabulary(): Vocabulary {
    this.#vocabulary ??= this.#rows.vocabulary();
    return this.#vocabulary;
  }

  nameOf(key: number): string | undefined {
    return this.ownNameOf(key) ?? this.#nameElsewhere(key);
  }

  ownNameOf(key: number): string | undefined {
    return this.#rows.name(key);
  }

  /** Finds a request by an id of ours. */
  find({ atMs, worker, salt, sequence }: RequestIdParts): RequestRecord | undefined {
    const where = whereWord(worker, salt);
    const low = sequence | 0;
    const hash = idHash(where, low);
    const high = Math.floor(sequence / 2 ** 32);
    const isIt = (view: DataView, from: number) =>
      view.getInt32(from + 4 * REQUEST_WORD.sequence, true) === low &&
      view.getInt32(from + 4 * REQUEST_WORD.where, true) === where &&
      view.getUint16(from + 4 * REQUEST_WORD.more, true) === high &&
      Math.floor(view.getFloat64(from + 4 * REQUEST_WORD.startedAtMs, true)) === atMs;
    // Blocks with requests that began at about that time, the earliest first: most requests are short.
    for (const block of this.#started.iterate(atMs, atMs + 1)) {
      const found = this.#findIn(block, hash, isIt);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /**
   * Finds requests by the id that a trusted peer gave, the newest first: only the peer could ensure that an id is used
   * once.
   */
  *ofPeer(id: string): Generator<RequestRecord> {
    const hash = peerHash(id);
    for (const block of this.#peerBlocks(hash)) {
      const { run, bytes } = this.#requestsOf(block);
      for (const { from, length, view } of [...framesIn(bytes)].reverse()) {
        if (view.getInt32(from + 4 * REQUEST_WORD.peer, true) !== hash) continue;
        const found = this.#readable(bytes, from, length, run);
        if (found?.peerId === id) yield found;
      }
    }
  }

  /** Blocks that may contain this id of a peer, the newest first. */
  #peerBlocks(hash: number): number[] {
    const blocks: number[] = [];
    for (const { block, filter } of this.#rows.peers())
      if (filter === undefined || mayContain(filter, hash)) blocks.push(block);
    return blocks;
  }

  /** Requests that began in this time, roughly in the order in which they ended. */
  *requests(fromMs: number, toMs: number): IterableIterator<RequestRecord> {
    // Listed first, so that a slow reader keeps no transaction open.
    const blocks = this.#started.all(fromMs, toMs).toSorted((a, b) => a - b);
    for (const block of blocks) {
      const { run, bytes } = this.#requestsOf(block);
      for (const { from, length, view } of framesIn(bytes)) {
        const startedAtMs = view.getFloat64(from + 4 * REQUEST_WORD.startedAtMs, true);
        if (startedAtMs < fromMs || startedAtMs > toMs) continue;
        const request = this.#readable(bytes, from, length, run);
        if (request !== undefined) yield request;
      }
    }
  }

  /** Blocks with operations of this pool, or of any, in the order in which they were written. */
  *operations(poolKey: number | undefined, fromMs: number, toMs: number): IterableIterator<OperationBlock> {
    for (const block of this.#sealed('operations', fromMs, toMs)) {
      if (!this.#isAbout(block, (range) => range.operations > 0 && isPool(range.poolKey, poolKey))) continue;
      const row = this.#rows.block(block);
      const packed = this.#rows.whole('operations', block);
      if (row !== undefined && packed !== undefined)
        yield { run: row.run, sealedAtMs: row.sealedAtMs, packed };
    }
  }

  *checkpoints(
    poolKey: number | undefined,
    fromMs: number,
    toMs: number,
  ): IterableIterator<JournalledCheckpoint> {
    for (const block of this.#sealed('checkpoints', fromMs, toMs)) {
      if (!this.#isAbout(block, (range) => range.checkpoint > 0 && isPool(range.poolKey, poolKey))) continue;
      const row = this.#rows.block(block);
      const bytes = this.#rows.whole('checkpoints', block);
      if (row === undefined || bytes === undefined) continue;
      for (const checkpoint of checkpointsIn(bytes, row.run)) {
        if (isPool(checkpoint.poolKey, poolKey)) yield checkpoint;
      }
    }
  }

  *poolsIn(fromMs: number, toMs: number): IterableIterator<number> {
    for (const block of this.#sealed('operations', fromMs, toMs)) {
      const index = this.#rows.index(block);
      if (index === undefined) continue;
      for (const { poolKey, operations } of rangesIn(index.pools)) if (operations > 0) yield poolKey;
    }
  }

  blocks(): number {
    return this.#db.prepare<[], number>('SELECT count(*) FROM blocks').pluck().get() ?? 0;
  }

  /** Reads everything, in a step for each block, and reports what is not as it was written. */
  check(): IterableIterator<void> {
    return checkSegment(this.#db, this.path, this.#rows, this.#damaged);
  }

  gaps(): Gap[] {
    return this.#rows.gaps();
  }

  /** The run of its last block; undefined: it has no block yet. */
  run(): number | undefined {
    return this.#lastRun.get();
  }

  /** From the beginning of its first request to its last block. */
  span(): { readonly fromMs: number; readonly toMs: number } | undefined {
    const row = this.#db
      .prepare<[], { fromMs: number | null; toMs: number | null }>(
        'SELECT min(coalesce(first_started_at_ms, sealed_at_ms)) AS fromMs, max(sealed_at_ms) AS toMs FROM blocks',
      )
      .get();
    if (row === undefined || row.fromMs === null || row.toMs === null) return undefined;
    return { fromMs: row.fromMs, toMs: row.toMs };
  }

  #sealed(kind: LongColumn, fromMs: number, toMs: number): number[] {
    return this.#db
      .prepare<[number, number], number>(
        `SELECT block FROM blocks WHERE ${kind} > 0 AND sealed_at_ms BETWEEN ? AND ? ORDER BY block`,
      )
      .pluck()
      .all(fromMs, toMs);
  }

  /** A block whose index is damaged may be about any pool. */
  #isAbout(
    block: number,
    test: (range: { poolKey: number; operations: number; checkpoint: number }) => boolean,
  ): boolean {
    const index = this.#rows.index(block);
    return index === undefined || rangesIn(index.pools).some(test);
  }

  /** None of a block that is damaged or was dropped meanwhile. */
  #requestsOf(block: number): { readonly run: number; readonly bytes: Buffer } {
    const run = this.#rows.block(block)?.run;
    const bytes = run === undefined ? undefined : this.#rows.whole('requests', block);
    return run === undefined || bytes === undefined ? { run: 0, bytes: NOTHING } : { run, bytes };
  }

  /** A request that cannot be read is reported and hides no other. */
  #readable(bytes: Buffer, from: number, length: number, run: number): RequestRecord | undefined {
    try {
      return readRequest(bytes, from, length, this, run);
    } catch (error) {
      this.#damaged(error);
      return undefined;
    }
  }

  #findIn(
    block: number,
    hash: number,
    isIt: (view: DataView, from: number) => boolean,
  ): RequestRecord | undefined {
    const index = this.#rows.index(block);
    if (index !== undefined && !mayContain(index.filter, hash)) return undefined;
    const { run, bytes } = this.#requestsOf(block);
    for (const { from, length, view } of framesIn(bytes)) {
      if (isIt(view, from)) return this.#readable(bytes, from, length, run);
    }
    return undefined;
  }
}

function isPool(poolKey: number, wanted: number | undefined): boolean {
  return wanted === undefined || poolKey === wanted;
}
