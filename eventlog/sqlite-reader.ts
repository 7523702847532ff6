/**
 * A log in a data directory, read synchronously beside whoever writes it: by worker threads, and by commands on a
 * directory at rest. It takes no lock of the directory and never changes the log.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { DataUnusable } from './errors.ts';
import type { LogInspection, LogReader } from './log-reader.ts';
import { requireSchema } from './schema.ts';
import { unusable } from './sqlite-errors.ts';
import { EVENTS_FILE } from './sqlite-log.ts';
import { SqliteReads } from './sqlite-reads.ts';

// A writer that starts, stops or recovers holds its lock for some milliseconds.
const BUSY_TIMEOUT_MS = 1000;
const CACHE_KIB = 16_384;

/** Throws `DataUnusable` where there is no log that can be read. `cacheKib`: of pages kept in memory. */
export function openSqliteReader(directory: string, cacheKib = CACHE_KIB): LogReader & LogInspection {
  const path = join(directory, EVENTS_FILE);
  if (!existsSync(path)) {
    throw new DataUnusable('data_unreadable', `expected a log at ${path}, found no such file`);
  }
  try {
    return new SqliteReads(openForReading(path, cacheKib));
  } catch (error) {
    throw unusable(error, path);
  }
}

function openForReading(path: string, cacheKib: number): Database.Database {
  const db = new Database(path, { readonly: true, timeout: BUSY_TIMEOUT_MS });
  try {
    requireSchema(db);
    db.pragma(`cache_size = -${cacheKib}`);
    db.pragma('cell_size_check = ON');
    db.pragma('trusted_schema = OFF');
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}
