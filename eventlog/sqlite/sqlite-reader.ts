/**
 * Reads the log of a data directory synchronously, beside its writer: for worker threads, and for commands on a
 * directory at rest. It takes no lock on the directory and never changes the log. When an archive swaps the file, a
 * reader notices before its next read, or keeps the file it has.
 */
import { constants, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import Database from 'better-sqlite3';
import { DataUnusable } from '../errors.ts';
import type { LogInspection, LogReader } from '../log-reader.ts';
import { accessError } from './access-error.ts';
import { EVENTS_FILE } from './events-file.ts';
import { requirePlainFiles } from './plain-file.ts';
import { requireOwnSchema, requireOwnTables, requireSchema, supplyBase } from './schema.ts';
import { unusable } from './sqlite-errors.ts';
import { SqliteReads } from './sqlite-reads.ts';
import { fileAt } from './whereabouts.ts';

// A writer that starts, stops or recovers holds its lock for some milliseconds.
const BUSY_TIMEOUT_MS = 1000;
const CACHE_KIB = 16_384;

/**
 * `place`: a data directory, or one file written by an export or an archive. Throws `DataUnusable` if there is no readable
 * log. `cacheKib`: pages kept in memory.
 */
export function openSqliteReader(place: string, cacheKib = CACHE_KIB): LogReader & LogInspection {
  return opened(place, (path) => new FollowingReads(path, cacheKib));
}

/** One file of a log, however long it is read; `isSwapped`: another file has taken its place. */
export type LogFile = {
  readonly log: LogReader & LogInspection;
  readonly isSwapped: () => boolean;
};

/**
 * For several reads that belong together: after an archive, another file lacks the archived events. What is written to the
 * log after a swap is not in this file.
 */
export function openLogFile(place: string): LogFile {
  return opened(place, (path) => {
    const file = seenAt(path);
    const log = new SqliteReads(openForReading(path, CACHE_KIB));
    return { log, isSwapped: () => isAnother(file, seenAt(path)) };
  });
}

/** Throws `DataUnusable` for a log that this program would first convert to its own format before writing. */
export function requireOwnFormat(place: string): void {
  opened(place, (path) => {
    const db = openForReading(path, 0);
    try {
      requireOwnSchema(db);
    } finally {
      db.close();
    }
  });
}

export function isFile(place: string): boolean {
  return statSync(place, { throwIfNoEntry: false })?.isFile() ?? false;
}

function opened<T>(place: string, open: (path: string) => T): T {
  let path = place;
  try {
    if (!isFile(place)) path = join(place, EVENTS_FILE);
    if (statSync(path, { throwIfNoEntry: false }) !== undefined) return open(path);
  } catch (error) {
    throw unshared(error, path) ?? unusable(error, path);
  }
  throw new DataUnusable('data_unreadable', `expected a log at ${path}, found no such file`);
}

/** Undefined: another error. A log that is not in use has no shared-memory file beside it, so a reader has to make one. */
function unshared(error: unknown, path: string): DataUnusable | undefined {
  if (!(error instanceof Database.SqliteError) || !/^SQLITE_(?:CANTOPEN|READONLY)/.test(error.code))
    return undefined;
  const directory = dirname(path);
  const hindrance =
    accessError(path, constants.R_OK) === undefined ? accessError(directory, constants.W_OK) : undefined;
  if (hindrance === undefined) return undefined;
  const expected = `expected to read ${path}, for which a file has to be made beside it`;
  const advice = `copy ${directory} to where you may write and read the copy, or mount it writable`;
  return new DataUnusable('data_unreadable', `${expected}, found ${hindrance.message}; ${advice}`, error);
}

class FollowingReads extends SqliteReads {
  readonly #path: string;
  readonly #cacheKib: number;
  #file: number;

  constructor(path: string, cacheKib: number) {
    const file = seenAt(path);
    super(openForReading(path, cacheKib));
    this.#path = path;
    this.#cacheKib = cacheKib;
    this.#file = file;
  }

  /** 2 µs: a tenth of the fastest read that a request can meet. */
  protected override follow(): void {
    const file = seenAt(this.#path);
    if (!isAnother(this.#file, file)) return;
    const db = openForReading(this.#path, this.#cacheKib);
    this.db.close();
    this.use(db);
    this.#file = file;
  }
}

/** As `fileAt`; also 0 if it may not be looked at. */
function seenAt(path: string): number {
  try {
    return fileAt(path);
  } catch {
    return 0;
  }
}

/** If there is none, the open file can still be read. */
function isAnother(open: number, found: number): boolean {
  return found !== open && found !== 0;
}

function openForReading(path: string, cacheKib: number): Database.Database {
  requirePlainFiles(path);
  const db = new Database(path, { readonly: true, timeout: BUSY_TIMEOUT_MS });
  try {
    db.pragma('cell_size_check = ON');
    db.pragma('trusted_schema = OFF');
    requireSchema(db);
    requireOwnTables(db);
    supplyBase(db);
    db.pragma(`cache_size = -${cacheKib}`);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}
