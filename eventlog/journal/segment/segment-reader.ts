/** One segment of the journal, opened for reading, beside its writer or at rest. */
import { crc32 } from 'node:zlib';
import type Database from 'better-sqlite3';
import type { RequestIdParts } from '../record-id.ts';
import { type Dictionary, type RequestRecord, readRequest } from '../request-record.ts';
import type { Vocabulary } from '../vocabulary.ts';
import { checkpointsIn, type JournalledCheckpoint } from './checkpoint.ts';
import { mayContain } from './filter.ts';
import { openSegment } from './open-segment.ts';
import { rangesIn } from './pool-index.ts';
import { framesIn, idHash, peerHash, REQUEST_WORD, whereWord } from './request-frame.ts';
import type { Gap } from './segment.ts';
import { checkSegment } from './segment-check.ts';
import { vocabularyOf } from './segment-schema.ts';

/** Operations of one pool or of all, as packed by the ledger. */
export type OperationBlock = {
  readonly run: number;
  readonly sealedAtMs: number;
  readonly packed: Uint8Array;
};

type BlockRow = { block: number; run: number; sealedAtMs: number };
type GapRow = Omit<Gap, 'requests' | 'operations'> & { requests: number | null; operations: number | null };

type Column = Database.Statement<[number], { bytes: Buffer; sum: number }>;

const NOTHING = Buffer.alloc(0);
const BLOCK_COLUMNS = 'block, run, sealed_at_ms AS sealedAtMs';

export class SegmentReader implements Dictionary {
  readonly path: string;
  readonly vocabulary: Vocabulary;
  readonly #db: Database.Database;
  readonly #nameElsewhere: (key: number) => string | undefined;
  readonly #damaged: (error: unknown) => void;
  readonly #name: Database.Statement<[number], string>;
  readonly #started: Database.Statement<[number, number], number>;
  readonly #filter: Database.Statement<[number], Buffer>;
  readonly #pools: Database.Statement<[number], Buffer>;
  readonly #runOf: Database.Statement<[number], number>;
  readonly #lastRun: Database.Statement<[], number>;
  readonly #requests: Column;
  readonly #operations: Column;
  readonly #checkpoints: Column;

  constructor(
    path: string,
    nameElsewhere: (key: number) => string | undefined,
    damaged: (error: unknown) => void,
  ) {
    const db = openSegment(path);
    try {
      this.vocabulary = vocabularyOf(db);
      this.#name = db.prepare<[number], string>('SELECT name FROM names WHERE key = ?').pluck();
      this.#started = db
        .prepare<[number, number], number>(
          `SELECT block FROM blocks WHERE requests > 0 AND last_started_at_ms >= ? AND first_started_at_ms <= ?
           ORDER BY last_started_at_ms`,
        )
        .pluck();
      this.#filter = db.prepare<[number], Buffer>('SELECT filter FROM contents WHERE block = ?').pluck();
      this.#runOf = db.prepare<[number], number>('SELECT run FROM blocks WHERE block = ?').pluck();
      this.#lastRun = db.prepare<[], number>('SELECT run FROM blocks ORDER BY block DESC LIMIT 1').pluck();
      this.#pools = db.prepare<[number], Buffer>('SELECT pools FROM contents WHERE block = ?').pluck();
      this.#requests = columnOf(db, 'requests');
      this.#operations = columnOf(db, 'operations');
      this.#checkpoints = columnOf(db, 'checkpoints');
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

  nameOf(key: number): string | undefined {
    return this.ownNameOf(key) ?? this.#nameElsewhere(key);
  }

  ownNameOf(key: number): string | undefined {
    return this.#name.get(key);
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
      const run = this.#runOf.get(block) ?? 0;
      const bytes = this.#whole(this.#requests, block);
      for (const { from, length, view } of [...framesIn(bytes)].reverse()) {
        if (view.getInt32(from + 4 * REQUEST_WORD.peer, true) !== hash) continue;
        const found = this.#readable(bytes, from, length, run);
        if (found?.peerId === id) yield found;
      }
    }
  }

  /** Blocks that may contain this id of a peer, the newest first. */
  #peerBlocks(hash: number): number[] {
    const filters = this.#db.prepare<[], { block: number; filter: Buffer }>(
      'SELECT block, filter FROM peers ORDER BY block DESC',
    );
    const blocks: number[] = [];
    for (const { block, filter } of filters.iterate()) if (mayContain(filter, hash)) blocks.push(block);
    return blocks;
  }

  /** Requests that began in this time, roughly in the order in which they ended. */
  *requests(fromMs: number, toMs: number): IterableIterator<RequestRecord> {
    // Listed first, so that a slow reader keeps no transaction open.
    const blocks = this.#started.all(fromMs, toMs).toSorted((a, b) => a - b);
    for (const block of blocks) {
      const run = this.#runOf.get(block) ?? 0;
      const bytes = this.#whole(this.#requests, block);
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
    for (const { block, run, sealedAtMs } of this.#sealed('operations', fromMs, toMs)) {
      if (!this.#isAbout(block, (range) => range.operations > 0 && isPool(range.poolKey, poolKey))) continue;
      yield { run, sealedAtMs, packed: this.#whole(this.#operations, block) };
    }
  }

  *checkpoints(
    poolKey: number | undefined,
    fromMs: number,
    toMs: number,
  ): IterableIterator<JournalledCheckpoint> {
    for (const { block, run } of this.#sealed('checkpoints', fromMs, toMs)) {
      if (!this.#isAbout(block, (range) => range.checkpoint > 0 && isPool(range.poolKey, poolKey))) continue;
      for (const checkpoint of checkpointsIn(this.#whole(this.#checkpoints, block), run)) {
        if (isPool(checkpoint.poolKey, poolKey)) yield checkpoint;
      }
    }
  }

  *poolsIn(fromMs: number, toMs: number): IterableIterator<number> {
    for (const { block } of this.#sealed('operations', fromMs, toMs)) {
      const pools = this.#pools.get(block);
      if (pools === undefined) continue;
      for (const { poolKey, operations } of rangesIn(pools)) if (operations > 0) yield poolKey;
    }
  }

  blocks(): number {
    return this.#db.prepare<[], number>('SELECT count(*) FROM blocks').pluck().get() ?? 0;
  }

  /** Reads everything, in a step for each block, and reports what is not as it was written. */
  check(): IterableIterator<void> {
    return checkSegment(this.#db, this.path, this.#damaged);
  }

  gaps(): Gap[] {
    return this.#db
      .prepare<[], GapRow>(
        'SELECT run, cause, from_ms AS fromMs, to_ms AS toMs, requests, operations FROM gaps ORDER BY gap',
      )
      .all()
      .map((row) => ({
        ...row,
        requests: row.requests ?? undefined,
        operations: row.operations ?? undefined,
      }));
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

  #sealed(kind: 'operations' | 'checkpoints', fromMs: number, toMs: number): BlockRow[] {
    return this.#db
      .prepare<[number, number], BlockRow>(
        `SELECT ${BLOCK_COLUMNS} FROM blocks WHERE ${kind} > 0 AND sealed_at_ms BETWEEN ? AND ? ORDER BY block`,
      )
      .all(fromMs, toMs);
  }

  #isAbout(
    block: number,
    test: (range: { poolKey: number; operations: number; checkpoint: number }) => boolean,
  ) {
    const pools = this.#pools.get(block);
    return pools !== undefined && rangesIn(pools).some(test);
  }

  /** Empty for a block that was dropped meanwhile. A damaged block is reported, and skipped as if it were empty. */
  #whole(column: Column, block: number): Buffer {
    try {
      const row = column.get(block);
      if (row === undefined) return NOTHING;
      const sum = crc32(row.bytes);
      if (sum === row.sum) return row.bytes;
      throw new RangeError(`expected checksum ${row.sum} of block ${block}, found ${sum}`);
    } catch (error) {
      this.#damaged(error);
      return NOTHING;
    }
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
    const filter = this.#filter.get(block);
    if (filter === undefined || !mayContain(filter, hash)) return undefined;
    const bytes = this.#whole(this.#requests, block);
    for (const { from, length, view } of framesIn(bytes)) {
      if (isIt(view, from)) return this.#readable(bytes, from, length, this.#runOf.get(block) ?? 0);
    }
    return undefined;
  }
}

function columnOf(db: Database.Database, name: 'requests' | 'operations' | 'checkpoints'): Column {
  return db.prepare(`SELECT ${name} AS bytes, ${name}_sum AS sum FROM contents WHERE block = ?`);
}

function isPool(poolKey: number, wanted: number | undefined): boolean {
  return wanted === undefined || poolKey === wanted;
}
