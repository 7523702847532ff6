/** The event log in SQLite: in `events.db` of a data directory, which this process then holds, or in memory. */
import { realpathSync, statSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { DataUnusable } from '../errors.ts';
import { LocalLog } from '../local-log.ts';
import { holdDirectory } from './data-lock.ts';
import { EVENTS_FILE } from './events-file.ts';
import { makeDirectory } from './make-directory.ts';
import { makeFile } from './make-file.ts';
import { prepareSchema, requireOurs } from './schema.ts';
import { unusable, withReason } from './sqlite-errors.ts';
import { SqliteStore } from './sqlite-store.ts';
import { catchUp, swapIn } from './swap.ts';
import { fileAt } from './whereabouts.ts';
import { writeAheadDamage } from './write-ahead-damage.ts';

export type MemoryLogOptions = {
  /** Epoch milliseconds. */
  readonly now: () => number;
};

export type SqliteLogOptions = MemoryLogOptions & {
  readonly directory: string;
  /** The file grows no further than this; then appends are refused as `log_full`. By default limited only by the disk. */
  readonly maxBytes?: number;
  /** It existed before: a new log in its place would have forgotten everything. */
  readonly mustExist?: boolean;
  /**
   * It is to be repaired, so it is opened even if what was written after some moment can no longer be read; when it is closed,
   * its files stay as they are.
   */
  readonly isDamaged?: boolean;
};

// 4 MiB: scattered changes among a million domains cost the same with 2 and with 24, since the system has the file in
// memory.
const CACHE_KIB = 4096;
// 24 MiB for an import, which goes through a whole index; it is freed at its end.
const BULK_CACHE_KIB = 24_576;

// SQLite allows a path of 512 bytes. The longest is that of a file that it may make beside a segment of the journal.
const MOST_PATH_BYTES = 512 - '/journal/segment-00000001.db-journal'.length;
// SQLite's name for a database without a file.
const IN_MEMORY = ':memory:';

// A reader that opens the file may hold the recovery lock for some milliseconds; nobody else ever writes.
const OPEN_TIMEOUT_MS = 5000;
// Everything on this thread waits meanwhile: long enough for a manual checkpoint, too short to look stuck.
const BUSY_TIMEOUT_MS = 100;
// 64 MiB: a write-ahead log that grew during a long read is truncated to this again.
const WAL_LIMIT_BYTES = 67_108_864;

/** Creates what is missing. Throws `DataUnusable`, saying why, for a directory that cannot be used. */
export function openSqliteLog({
  directory,
  now,
  maxBytes,
  mustExist,
  isDamaged,
}: SqliteLogOptions): LocalLog {
  const path = join(directory, EVENTS_FILE);
  if (mustExist === true) requireFile(path);
  requireDirectory(directory);
  let release = holdDirectory(directory, now());
  try {
    if (isDamaged === true) release = releasing(keepWriteAhead(path), release);
    else requireWholeWriteAhead(path);
    const db = openForWriting(path);
    if (maxBytes !== undefined) limitTo(db, maxBytes);
    return new LocalLog(new SqliteStore(db, release), now);
  } catch (error) {
    release();
    throw unusable(error, path);
  }
}

/**
 * The same log for another thread of the process that holds the directory. The caller ensures that only one of the two
 * appends at a time. An archive swaps the file; `isSwapped` then says so, and the log must be opened again.
 */
export function openSqliteLogBeside({
  directory,
  now,
}: Pick<SqliteLogOptions, 'directory' | 'now'>): BesideLog {
  const path = join(directory, EVENTS_FILE);
  try {
    const file = statSync(path).ino;
    const log = new LocalLog(new SqliteStore(openForWriting(path, BULK_CACHE_KIB), () => {}), now);
    return { log, isSwapped: () => statSync(path, { throwIfNoEntry: false })?.ino !== file };
  } catch (error) {
    throw unusable(error, path);
  }
}

export type BesideLog = { readonly log: LocalLog; readonly isSwapped: () => boolean };

/**
 * Continues in a file that was copied from this log up to a position: what was written since is copied too, and the file
 * takes the log's place. Synchronous, some milliseconds: nothing is appended in between.
 */
export function swapLog(log: LocalLog, directory: string, fresh: string, upTo: number): void {
  log.replaceStore((store) => {
    if (!(store instanceof SqliteStore)) throw new TypeError('expected a log in SQLite, found another');
    catchUp(fresh, realpathSync(join(directory, EVENTS_FILE)), upTo);
    swapIn(directory, fresh);
    return store.reopenedOn(openForWriting(join(directory, EVENTS_FILE)));
  });
}

/** Continues in an unrelated file; the former one stays under the name `keepAs`. */
export function replaceLog(log: LocalLog, directory: string, fresh: string, keepAs: string): void {
  log.replaceStore((store) => {
    if (!(store instanceof SqliteStore)) throw new TypeError('expected a log in SQLite, found another');
    swapIn(directory, fresh, keepAs);
    return store.reopenedOn(openForWriting(join(directory, EVENTS_FILE)));
  });
}

/**
 * Fulfils the whole contract, but keeps nothing beyond the process: for tests, and for a router whose changes need not
 * outlive it.
 */
export function createMemoryLog({ now }: MemoryLogOptions): LocalLog {
  return new LocalLog(new SqliteStore(openForWriting(IN_MEMORY), () => {}), now);
}

function openForWriting(path: string, cacheKib = CACHE_KIB): Database.Database {
  if (path !== IN_MEMORY) {
    lookInto(path);
    makeFile(path);
  }
  const db = new Database(path, { timeout: OPEN_TIMEOUT_MS });
  try {
    // Reads the header first: a file of another program is refused before anything is set in it.
    prepareSchema(db);
    // FULL: in WAL mode, an fsync at each commit. A command that was answered survives a power cut.
    db.pragma('synchronous = FULL');
    db.pragma(`cache_size = -${cacheKib}`);
    db.pragma(`journal_size_limit = ${WAL_LIMIT_BYTES}`);
    db.pragma('cell_size_check = ON');
    db.pragma('trusted_schema = OFF');
    db.pragma(`busy_timeout = ${BUSY_TIMEOUT_MS}`);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

/**
 * Refuses a newer file before it is opened for writing: when a writer closes a file, it checkpoints the write-ahead log
 * (sqlite3WalClose).
 */
function lookInto(path: string): void {
  if ((statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0) === 0) return;
  const db = new Database(path, { readonly: true, fileMustExist: true, timeout: OPEN_TIMEOUT_MS });
  try {
    requireOurs(db);
  } finally {
    db.close();
  }
}

/** Otherwise SQLite would continue from an earlier moment, as if nothing had been acknowledged since. */
function requireWholeWriteAhead(path: string): void {
  if (fileAt(path) === 0) return;
  const damage = writeAheadDamage(path);
  if (damage === undefined) return;
  throw new DataUnusable(
    'data_unreadable',
    `expected a sound log at ${path}, found ${damage}: put a backup in its place, or have \`switchyard verify --repair\` do without them`,
  );
}

/**
 * Who closes a file last writes its write-ahead log back and deletes it, and with it what is behind damage: this connection is
 * the last, and may not write.
 */
function keepWriteAhead(path: string): Database.Database {
  const db = new Database(path, { readonly: true, fileMustExist: true, timeout: OPEN_TIMEOUT_MS });
  try {
    // It counts from its first read.
    db.pragma('user_version');
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

function releasing(keeper: Database.Database, release: () => void): () => void {
  return () => {
    keeper.close();
    release();
  };
}

function limitTo(db: Database.Database, maxBytes: number): void {
  const pageBytes = db.pragma('page_size', { simple: true }) as number;
  db.pragma(`max_page_count = ${Math.max(1, Math.floor(maxBytes / pageBytes))}`);
}

function requireFile(path: string): void {
  let file: number;
  try {
    file = fileAt(path);
  } catch (error) {
    throw unusable(error, path);
  }
  if (file === 0)
    throw new DataUnusable('data_unreadable', `expected the log that was at ${path}, found none any more`);
}

function requireDirectory(directory: string): void {
  let bytes: number;
  try {
    makeDirectory(directory);
    bytes = Buffer.byteLength(realpathSync(directory));
  } catch (error) {
    const reason = withReason(
      `expected to make or use the data directory ${directory}`,
      error as NodeJS.ErrnoException,
    );
    throw new DataUnusable('data_unreadable', reason, error);
  }
  if (bytes > MOST_PATH_BYTES)
    throw new DataUnusable(
      'data_unreadable',
      `expected a data directory whose path has at most ${MOST_PATH_BYTES} bytes, found ${bytes}: ${directory}`,
    );
}
