/**
 * A log in a data directory, read synchronously beside whoever writes it: by worker threads, and by commands on a
 * directory at rest. It takes no lock of the directory and never changes the log. An archive swaps the file; a reader
 * notices before its next reading.
 */
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { DataUnusable } from './errors.ts';
import { EVENTS_FILE } from './events-file.ts';
import type { LogInspection, LogReader } from './log-reader.ts';
import { requireSchema, supplyBase } from './schema.ts';
import { unusable } from './sqlite-errors.ts';
import { SqliteReads } from './sqlite-reads.ts';

// A writer that starts, stops or recovers holds its lock for some milliseconds.
const BUSY_TIMEOUT_MS = 1000;
const CACHE_KIB = 16_384;

/**
 * `place`: a data directory, or one file that an export or an archive wrote. Throws `DataUnusable` where there is no log
 * that can be read. `cacheKib`: of pages kept in memory.
 */
export function openSqliteReader(place: string, cacheKib = CACHE_KIB): LogReader & LogInspection {
  const path = isFile(place) ? place : join(place, EVENTS_FILE);
  if (!existsSync(path)) {
    throw new DataUnusable('data_unreadable', `expected a log at ${path}, found no such file`);
  }
  try {
    return new FollowingReads(path, cacheKib);
  } catch (error) {
    throw unusable(error, path);
  }
}

export function isFile(place: string): boolean {
  return statSync(place, { throwIfNoEntry: false })?.isFile() ?? false;
}

class FollowingReads extends SqliteReads {
  readonly #path: string;
  readonly #cacheKib: number;
  #file: number;

  constructor(path: string, cacheKib: number) {
    const file = fileAt(path);
    super(openForReading(path, cacheKib));
    this.#path = path;
    this.#cacheKib = cacheKib;
    this.#file = file;
  }

  /** 2 µs: a tenth of what the quickest of the readings costs that a request can meet. */
  protected override follow(): void {
    const file = fileAt(this.#path);
    if (file === this.#file || file === 0) return;
    const db = openForReading(this.#path, this.#cacheKib);
    this.db.close();
    this.use(db);
    this.#file = file;
  }
}

/** 0 while there is none: what is open is still there to be read. */
function fileAt(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.ino ?? 0;
}

function openForReading(path: string, cacheKib: number): Database.Database {
  const db = new Database(path, { readonly: true, timeout: BUSY_TIMEOUT_MS });
  try {
    requireSchema(db);
    supplyBase(db);
    db.pragma(`cache_size = -${cacheKib}`);
    db.pragma('cell_size_check = ON');
    db.pragma('trusted_schema = OFF');
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}
