/** The rows of one segment. One that is not as it was written is reported, and is as if it were not there. */
import { crc32 } from 'node:zlib';
import type Database from 'better-sqlite3';
import type { Vocabulary } from '../vocabulary.ts';
import type { Gap } from './gap.ts';
import {
  aboutSum,
  type BlockRow,
  blockSum,
  gapSum,
  type IndexRow,
  indexSum,
  nameSum,
  otherThanWritten,
  type PeersRow,
  peersSum,
  type Sum,
  type Summed,
} from './row-sum.ts';

export type LongColumn = 'requests' | 'operations' | 'checkpoints';

type Long = { readonly bytes: Buffer; readonly sum: number };
type AboutRow = { readonly vocabulary: string; readonly createdAtMs: number };
type NameRow = { readonly key: number; readonly name: string };
type GapRow = Omit<Gap, 'requests' | 'operations'> & { requests: number | null; operations: number | null };

const NO_WORDS: Vocabulary = { methods: [], outcomes: [], phases: [], ends: [] };

// Some megabytes of a reader.
const MOST_NAMES = 16_384;

export class SegmentRows {
  readonly #db: Database.Database;
  readonly #damaged: (error: unknown) => void;
  /** Asked for twice with each request, and of a key always the same. */
  readonly #names = new Map<number, string>();
  readonly #name: Database.Statement<[number], Summed<Pick<NameRow, 'name'>>>;
  readonly #block: Database.Statement<[number], Summed<BlockRow>>;
  readonly #index: Database.Statement<[number], Summed<IndexRow>>;
  readonly #long: { readonly [Column in LongColumn]: Database.Statement<[number], Long> };

  constructor(db: Database.Database, damaged: (error: unknown) => void) {
    this.#db = db;
    this.#damaged = damaged;
    this.#name = db.prepare('SELECT name, sum FROM names WHERE key = ?');
    this.#block = db.prepare(`SELECT run, sealed_at_ms AS sealedAtMs, first_started_at_ms AS firstStartedAtMs,
      last_started_at_ms AS lastStartedAtMs, requests AS requestCount, operations AS operationCount,
      checkpoints AS checkpointCount, sum FROM blocks WHERE block = ?`);
    this.#index = db.prepare('SELECT block, filter, pools, positions, sum FROM contents WHERE block = ?');
    const long = (column: LongColumn) =>
      db.prepare<[number], Long>(
        `SELECT ${column} AS bytes, ${column}_sum AS sum FROM contents WHERE block = ?`,
      );
    this.#long = {
      requests: long('requests'),
      operations: long('operations'),
      checkpoints: long('checkpoints'),
    };
  }

  /** Without them, words are read as their codes. */
  vocabulary(): Vocabulary {
    const about = this.#db.prepare<[], Summed<AboutRow>>(
      'SELECT vocabulary, created_at_ms AS createdAtMs, sum FROM about',
    );
    try {
      const row = about.get();
      if (row === undefined) throw new RangeError('expected the words of its records, found none');
      const { vocabulary, createdAtMs, sum } = row;
      const isWritten = this.#isWritten('the words of its records', sum, aboutSum(vocabulary, createdAtMs));
      return isWritten ? (JSON.parse(vocabulary) as Vocabulary) : NO_WORDS;
    } catch (error) {
      this.#damaged(error);
      return NO_WORDS;
    }
  }

  block(block: number): BlockRow | undefined {
    const row = this.#block.get(block);
    return row && this.#isWritten(`block ${block}`, row.sum, blockSum(row)) ? row : undefined;
  }

  /** What the block is found by. */
  index(block: number): IndexRow | undefined {
    const row = this.#index.get(block);
    return row && this.#isWritten(`the index of block ${block}`, row.sum, indexSum(row)) ? row : undefined;
  }

  /** Undefined also where the block was dropped meanwhile. */
  whole(column: LongColumn, block: number): Buffer | undefined {
    try {
      const row = this.#long[column].get(block);
      return row && this.#isWritten(`${column} of block ${block}`, row.sum, crc32(row.bytes))
        ? row.bytes
        : undefined;
    } catch (error) {
      this.#damaged(error);
      return undefined;
    }
  }

  /** The filter of each block with ids that peers gave, the newest first; no filter: any id may be in it. */
  *peers(): Generator<{ readonly block: number; readonly filter: Uint8Array | undefined }> {
    const rows = this.#db.prepare<[], Summed<PeersRow>>(
      'SELECT block, filter, sum FROM peers ORDER BY block DESC',
    );
    for (const row of rows.iterate()) {
      const { block, filter, sum } = row;
      const isWritten = this.#isWritten(`the ids of peers of block ${block}`, sum, peersSum(row));
      yield { block, filter: isWritten ? filter : undefined };
    }
  }

  name(key: number): string | undefined {
    const known = this.#names.get(key);
    if (known !== undefined) return known;
    const row = this.#name.get(key);
    if (row === undefined || !this.#isWritten(`the name of ${key}`, row.sum, nameSum(key, row.name)))
      return undefined;
    if (this.#names.size >= MOST_NAMES) this.#names.clear();
    this.#names.set(key, row.name);
    return row.name;
  }

  gaps(): Gap[] {
    const rows = this.#db.prepare<[], Summed<GapRow>>(
      'SELECT run, cause, from_ms AS fromMs, to_ms AS toMs, requests, operations, sum FROM gaps ORDER BY gap',
    );
    return rows.all().flatMap(({ sum, ...row }) => {
      const gap = { ...row, requests: row.requests ?? undefined, operations: row.operations ?? undefined };
      return this.#isWritten(`the gap from ${gap.fromMs}`, sum, gapSum(gap)) ? [gap] : [];
    });
  }

  /** Reads what belongs to no block. */
  check(): void {
    this.vocabulary();
    this.gaps();
    const names = this.#db.prepare<[], Summed<NameRow>>('SELECT key, name, sum FROM names ORDER BY key');
    for (const { key, name, sum } of names.iterate())
      this.#isWritten(`the name of ${key}`, sum, nameSum(key, name));
  }

  #isWritten(what: string, kept: Sum, found: number): boolean {
    const mistake = otherThanWritten(what, kept, found);
    if (mistake !== undefined) this.#damaged(new RangeError(mistake));
    return mistake === undefined;
  }
}
