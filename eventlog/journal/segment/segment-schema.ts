/** The tables of one segment of the journal, and how a file is recognised as one. */
import type Database from 'better-sqlite3';
import { DataUnusable } from '../../errors.ts';
import {
  type Definitions,
  definitionsIn,
  requireDefinitions,
  strangersIn,
} from '../../sqlite/definitions.ts';
import type { Vocabulary } from '../vocabulary.ts';
import { aboutSum, NO_SUM } from './row-sum.ts';

/** `swyj` in ASCII, in the file's header. */
export const APPLICATION_ID = 0x73_77_79_6a;
/**
 * Raised whenever anything in a segment must be read differently: a table, the frames of requests, or the records and
 * checkpoints of ledgers. `test/formats.test.ts` ties the number to what it stands for. A program with a new number begins
 * a segment of its own, and reads the former ones in their format.
 */
export const SCHEMA_VERSION = 2;

const ROW_TABLES = ['about', 'blocks', 'contents', 'peers', 'names', 'gaps'] as const;

// The rows of `blocks` are small and stored together; their bytes are in `contents`, in the order in which a reader needs
// them, since SQLite reads a long row from its beginning. Sums are CRC-32, one for each long column and one for the rest of
// the row (see `row-sum.ts`), which format 1 did not have. `peers` lists the blocks with ids of trusted peers: a search for
// an id that is not found looks at all of them.
function tablesOf(version: number): string {
  const sum = version < 2 ? '' : ',\n  sum INTEGER NOT NULL';
  return `
CREATE TABLE about (
  vocabulary TEXT NOT NULL,
  created_at_ms REAL NOT NULL${sum}
) STRICT;
CREATE TABLE blocks (
  block               INTEGER PRIMARY KEY,
  run                 INTEGER NOT NULL,
  sealed_at_ms        REAL    NOT NULL,
  first_started_at_ms REAL,
  last_started_at_ms  REAL,
  requests            INTEGER NOT NULL,
  operations          INTEGER NOT NULL,
  checkpoints         INTEGER NOT NULL${sum}
) STRICT;
CREATE INDEX blocks_by_start ON blocks (last_started_at_ms, first_started_at_ms) WHERE requests > 0;
CREATE TABLE contents (
  block       INTEGER PRIMARY KEY,
  filter      BLOB NOT NULL,
  pools       BLOB NOT NULL,
  positions   BLOB NOT NULL,
  checkpoints_sum INTEGER NOT NULL,
  operations_sum  INTEGER NOT NULL,
  requests_sum    INTEGER NOT NULL${sum},
  checkpoints BLOB NOT NULL,
  operations  BLOB NOT NULL,
  requests    BLOB NOT NULL
) STRICT;
CREATE TABLE peers (
  block  INTEGER PRIMARY KEY,
  filter BLOB NOT NULL${sum}
) STRICT;
CREATE TABLE names (
  key  INTEGER PRIMARY KEY,
  name TEXT NOT NULL${sum}
) STRICT;
CREATE TABLE gaps (
  gap        INTEGER PRIMARY KEY,
  run        INTEGER NOT NULL,
  cause      TEXT    NOT NULL,
  from_ms    REAL    NOT NULL,
  to_ms      REAL    NOT NULL,
  requests   INTEGER,
  operations INTEGER${sum}
) STRICT;
`;
}

export function createTables(db: Database.Database, vocabulary: Vocabulary, nowMs: number): void {
  db.pragma('journal_mode = WAL');
  db.transaction(() => {
    db.exec(tablesOf(SCHEMA_VERSION));
    const words = JSON.stringify(vocabulary);
    db.prepare('INSERT INTO about VALUES (?, ?, ?)').run(words, nowMs, aboutSum(words, nowMs));
    db.pragma(`application_id = ${APPLICATION_ID}`);
    db.pragma(`user_version = ${SCHEMA_VERSION}`);
  }).immediate();
}

/** The file is empty: it is just being made, or its writer died before anything was in it. */
export class SegmentUnbegun extends Error {
  override readonly name = 'SegmentUnbegun';
}

/** Throws `DataUnusable` for a file that is no segment or has another format, and `SegmentUnbegun` for an empty one. */
export function requireSegment(db: Database.Database): void {
  // In one transaction: otherwise a segment made between the two reads would look like a file with tables and no id.
  db.transaction(() => requireFormat(db))();
}

function requireFormat(db: Database.Database): void {
  const id = db.pragma('application_id', { simple: true });
  if (id === 0 && db.prepare('SELECT 1 FROM sqlite_master').get() === undefined)
    throw new SegmentUnbegun(`expected a segment of a journal in ${db.name}, found nothing in it yet`);
  if (id !== APPLICATION_ID)
    throw new DataUnusable('data_foreign', `expected a segment of a journal in ${db.name}, found id ${id}`);
  const version = formatOf(db);
  if (version > SCHEMA_VERSION)
    throw new DataUnusable(
      'data_newer',
      `expected a segment of format ${SCHEMA_VERSION} or older in ${db.name}, found format ${version}: a newer switchyard wrote it`,
    );
  // Before the first release, requests were packed in several ways under the same number; since then this table exists.
  if (db.prepare("SELECT 1 FROM sqlite_master WHERE name = 'peers'").get() === undefined)
    throw new DataUnusable(
      'data_older',
      `expected a segment of format 1 to ${SCHEMA_VERSION} in ${db.name}, found one from before the first release`,
    );
  requireDefinitions(db, definitionsOf(version), ROW_TABLES);
}

/** For readers of a segment of a former format: tables of the present one, whose rows have no sum. */
export function readAsNewest(db: Database.Database): void {
  if (formatOf(db) >= 2) return;
  for (const table of ROW_TABLES)
    db.exec(`CREATE TEMP VIEW ${table} AS SELECT *, '${NO_SUM}' AS sum FROM main.${table}`);
}

/** Whether this program may add to it. */
export function isNewest(db: Database.Database): boolean {
  return formatOf(db) === SCHEMA_VERSION;
}

function formatOf(db: Database.Database): number {
  return db.pragma('user_version', { simple: true }) as number;
}

const known = new Map<number, Definitions>();

function definitionsOf(version: number): Definitions {
  const found = known.get(version) ?? definitionsIn(tablesOf(version));
  known.set(version, found);
  return found;
}

/** The names of tables, views and indexes that are not a segment's. */
export function strangersInSegment(db: Database.Database): readonly string[] {
  return strangersIn(db, definitionsOf(formatOf(db)));
}
