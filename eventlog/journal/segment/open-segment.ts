/** Opens a segment's file for reading, even while it is being written. */
import Database from 'better-sqlite3';
import { requirePlainFiles } from '../../sqlite/plain-file.ts';
import { readAsNewest, requireSegment } from './segment-schema.ts';

const BUSY_TIMEOUT_MS = 1000;

/** Throws as `requireSegment` does, or if the file cannot be read. */
export function openSegment(path: string): Database.Database {
  requirePlainFiles(path);
  try {
    return openToRead(path);
  } catch (error) {
    if (!isHalfDone(error)) throw error;
    undo(path);
    return openToRead(path);
  }
}

function openToRead(path: string): Database.Database {
  const db = new Database(path, { readonly: true, timeout: BUSY_TIMEOUT_MS });
  try {
    db.pragma('cell_size_check = ON');
    db.pragma('trusted_schema = OFF');
    requireSegment(db);
    readAsNewest(db);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

/**
 * Whether its writer was stopped, or lost the directory, while beginning or ending it: a read-only connection may not
 * repair that.
 */
function isHalfDone(error: unknown): boolean {
  return error instanceof Database.SqliteError && error.code.startsWith('SQLITE_READONLY');
}

/** Opening it for writing rolls it back, unless a writer is at work: https://www.sqlite.org/lockingv3.html, 4. */
function undo(path: string): void {
  const db = new Database(path, { fileMustExist: true, timeout: BUSY_TIMEOUT_MS });
  try {
    db.prepare('SELECT 1 FROM sqlite_master').get();
  } finally {
    db.close();
  }
}
