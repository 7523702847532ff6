/** `history.db`: the file of the points of a log, a cache that can be deleted at any time. */
import { lstatSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { DataUnusable } from '../errors.ts';
import { makeFile } from '../sqlite/make-file.ts';
import { requirePlainFiles } from '../sqlite/plain-file.ts';

const FILE = 'history.db';
const TABLE = `CREATE TABLE points (
         position INTEGER PRIMARY KEY, hash TEXT NOT NULL, is_full INTEGER NOT NULL, digest TEXT NOT NULL,
         content BLOB NOT NULL
       ) STRICT`;
const BUSY_TIMEOUT_MS = 1000;

/** Throws `DataUnusable` for anything but a file with this table alone, since to read or write others may run their SQL. */
export function openPointsFile(directory: string): Database.Database {
  const path = join(directory, FILE);
  makeFile(path);
  requirePlainFiles(path);
  // It may lead to somebody else's database, or to where none should be made.
  if (lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true)
    throw new DataUnusable('data_unreadable', `expected a file at ${path}, found a link`);
  const db = new Database(path, { timeout: BUSY_TIMEOUT_MS });
  try {
    prepareTable(db);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

export function removePointsFile(directory: string): void {
  for (const beside of ['', '-wal', '-shm']) rmSync(join(directory, FILE) + beside, { force: true });
}

function prepareTable(db: Database.Database): void {
  db.pragma('trusted_schema = OFF');
  const defined = db
    .prepare<[], string | null>("SELECT group_concat(sql, ';') FROM sqlite_schema")
    .pluck()
    .get();
  if (defined !== null && defined !== TABLE)
    throw new DataUnusable('data_foreign', `expected points of a log in ${db.name}, found something else`);
  db.pragma('journal_mode = WAL');
  // What a power cut destroys is made again.
  db.pragma('synchronous = OFF');
  db.exec(TABLE.replace('TABLE', 'TABLE IF NOT EXISTS'));
}
