/** One segment of the journal, opened for writing: blocks, the names they use, and the gaps between them. */
import { crc32 } from 'node:zlib';
import Database from 'better-sqlite3';
import type { Vocabulary } from '../vocabulary.ts';
import type { Block } from './block.ts';
import type { Gap } from './gap.ts';
import { openSegment } from './open-segment.ts';
import { blockSum, gapSum, indexSum, nameSum, peersSum } from './row-sum.ts';
import { SegmentRows } from './segment-rows.ts';
import { createTables, isNewest, requireSegment } from './segment-schema.ts';

/** The last block: how far its run had come. */
export type LastBlock = { readonly run: number; readonly sealedAtMs: number; readonly positions: Int32Array };

// Only readers share the file, and they do not block a writer for longer.
const BUSY_TIMEOUT_MS = 50;
// 8 MiB of write-ahead log: a checkpoint every few seconds of a busy router.
const CHECKPOINT_BYTES = 8_388_608;
// Blocks are large: larger pages mean fewer pages, and fewer writes.
const PAGE_BYTES = 8192;
// What is written is not read again, and index pages are few. The default would keep 16 MiB.
const CACHE_KIB = 1024;

export class Segment {
  readonly number: number;
  readonly #db: Database.Database;
  readonly #insertBlock: Database.Statement;
  readonly #insertContents: Database.Statement;
  readonly #insertPeers: Database.Statement;
  readonly #insertName: Database.Statement;
  readonly #insertGap: Database.Statement;
  readonly #deleteGap: Database.Statement;
  readonly #named = new Set<number>();
  // While a ring stays full, every block has a gap: they are merged into one.
  #lastGap: { readonly gap: Gap; readonly id: number | bigint } | undefined;

  static create(path: string, number: number, vocabulary: Vocabulary, nowMs: number): Segment {
    const db = new Database(path, { timeout: BUSY_TIMEOUT_MS });
    try {
      db.pragma(`page_size = ${PAGE_BYTES}`);
      createTables(db, vocabulary, nowMs);
      return new Segment(db, number);
    } catch (error) {
      db.close();
      throw error;
    }
  }

  /** Continues an existing segment; undefined: it has another format or vocabulary. */
  static open(path: string, number: number, vocabulary: Vocabulary): Segment | undefined {
    const db = new Database(path, { timeout: BUSY_TIMEOUT_MS, fileMustExist: true });
    try {
      requireSegment(db);
      const own = () => new SegmentRows(db, () => {}).vocabulary();
      if (isNewest(db) && JSON.stringify(own()) === JSON.stringify(vocabulary))
        return new Segment(db, number);
    } catch (error) {
      db.close();
      throw error;
    }
    db.close();
    return undefined;
  }

  private constructor(db: Database.Database, number: number) {
    this.#db = db;
    this.number = number;
    db.pragma('journal_mode = WAL');
    db.pragma(`cache_size = -${CACHE_KIB}`);
    // NORMAL: what was committed survives the death of the process at once, and a power cut from the next checkpoint on.
    db.pragma('synchronous = NORMAL');
    db.pragma(`wal_autocheckpoint = ${CHECKPOINT_BYTES / PAGE_BYTES}`);
    db.pragma(`journal_size_limit = ${CHECKPOINT_BYTES}`);
    this.#insertBlock = db.prepare('INSERT INTO blocks VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?)');
    this.#insertContents = db.prepare('INSERT INTO contents VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)');
    this.#insertPeers = db.prepare('INSERT INTO peers VALUES (?, ?, ?)');
    this.#insertName = db.prepare('INSERT OR IGNORE INTO names VALUES (?, ?, ?)');
    this.#insertGap = db.prepare('INSERT INTO gaps VALUES (NULL, ?, ?, ?, ?, ?, ?, ?)');
    this.#deleteGap = db.prepare('DELETE FROM gaps WHERE gap = ?');
  }

  begin(): void {
    this.#db.exec('BEGIN IMMEDIATE');
  }

  commit(): void {
    this.#db.exec('COMMIT');
  }

  addBlock(block: Block, run: number, nowMs: number, positions: Int32Array): void {
    const number = this.#addRow(block, run, nowMs);
    this.#addContents(number, block, positions);
    if (block.peers.count > 0) {
      const filter = block.peers.filter();
      this.#insertPeers.run(number, filter, peersSum({ block: number, filter }));
    }
    for (const [key, name] of block.names) this.#name(key, name);
  }

  /** Returns the number of the block. */
  #addRow(block: Block, run: number, nowMs: number): number {
    const { requestCount, operationCount, checkpointCount } = block;
    const [firstStartedAtMs, lastStartedAtMs] =
      requestCount > 0 ? [block.firstStartedAtMs, block.lastStartedAtMs] : [null, null];
    const counts = { requestCount, operationCount, checkpointCount };
    const { lastInsertRowid } = this.#insertBlock.run(
      run,
      nowMs,
      firstStartedAtMs,
      lastStartedAtMs,
      requestCount,
      operationCount,
      checkpointCount,
      blockSum({ run, sealedAtMs: nowMs, firstStartedAtMs, lastStartedAtMs, ...counts }),
    );
    return Number(lastInsertRowid);
  }

  #addContents(number: number, block: Block, words: Int32Array): void {
    const checkpoints = block.checkpoints.written();
    const operations = block.operations.written();
    const requests = block.requests.written();
    const filter = block.ids.filter();
    const pools = block.pools.packed();
    const positions = bytesOfWords(words);
    this.#insertContents.run(
      number,
      filter,
      pools,
      positions,
      crc32(checkpoints),
      crc32(operations),
      crc32(requests),
      indexSum({ block: number, filter, pools, positions }),
      checkpoints,
      operations,
      requests,
    );
  }

  addGap(gap: Gap): void {
    const last = this.#lastGap;
    const goesOn = last?.gap.cause === gap.cause && last.gap.toMs === gap.fromMs;
    if (goesOn) this.#deleteGap.run(last.id);
    const whole = goesOn ? together(last.gap, gap) : gap;
    const { run, cause, fromMs, toMs, requests, operations } = whole;
    const { lastInsertRowid } = this.#insertGap.run(
      run,
      cause,
      fromMs,
      toMs,
      requests ?? null,
      operations ?? null,
      gapSum(whole),
    );
    this.#lastGap = { gap: whole, id: lastInsertRowid };
  }

  get isEmpty(): boolean {
    return this.#db.prepare('SELECT 1 FROM blocks LIMIT 1').get() === undefined;
  }

  get createdAtMs(): number {
    return this.#db.prepare<[], number>('SELECT created_at_ms FROM about').pluck().get() ?? 0;
  }

  /** `whole`: nothing more will be written, so the file is made readable on its own. */
  close(whole: boolean): void {
    try {
      if (whole) {
        this.#db.pragma('wal_checkpoint(TRUNCATE)');
        // Needs all readers to be away for a moment; otherwise the file stays readable together with its write-ahead log.
        this.#db.pragma('journal_mode = DELETE');
      }
    } catch (error) {
      if (!(error instanceof Database.SqliteError)) throw error;
    } finally {
      this.#db.close();
    }
  }

  #name(key: number, name: string): void {
    if (this.#named.has(key)) return;
    this.#insertName.run(key, name, nameSum(key, name));
    this.#named.add(key);
  }
}

function together(before: Gap, next: Gap): Gap {
  const sum = (a: number | undefined, b: number | undefined) =>
    a === undefined || b === undefined ? undefined : a + b;
  return {
    ...next,
    fromMs: before.fromMs,
    requests: sum(before.requests, next.requests),
    operations: sum(before.operations, next.operations),
  };
}

/** Of a segment that may still be written by others. */
export function readLastBlock(path: string): LastBlock | undefined {
  const db = openSegment(path);
  try {
    return lastBlockOf(db);
  } finally {
    db.close();
  }
}

/** The last that is as it was written. */
function lastBlockOf(db: Database.Database): LastBlock | undefined {
  const rows = new SegmentRows(db, () => {});
  const blocks = db.prepare<[], number>('SELECT block FROM blocks ORDER BY block DESC').pluck();
  for (const block of blocks.iterate()) {
    const [row, index] = [rows.block(block), rows.index(block)];
    if (row === undefined || index === undefined) continue;
    const positions = new Int32Array(new Uint8Array(index.positions).buffer);
    return { run: row.run, sealedAtMs: row.sealedAtMs, positions };
  }
  return undefined;
}

function bytesOfWords(words: Int32Array): Uint8Array {
  return new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
}
