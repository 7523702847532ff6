/** Opens a segment's file for reading, also while it is written. */
import Database from 'better-sqlite3';
import { requireSegment } from './segment-schema.ts';

const BUSY_TIMEOUT_MS = 1000;

/** Throws as `requireSegment` does, and for a file that cannot be read. */
export function openSegment(path: string): Database.Database {
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
    requireSegment(db);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

/** Its writer was stopped, or lost the directory, in the midst of beginning or ending it: whoever only reads may not undo that. */
function isHalfDone(error: unknown): boolean {
  return error instanceof Database.SqliteError && error.code.startsWith('SQLITE_READONLY');
}

/** Whoever opens it to write does so, unless a writer is at it: https://www.sqlite.org/lockingv3.html, 4. */
function undo(path: string): void {
  const db = new Database(path, { fileMustExist: true, timeout: BUSY_TIMEOUT_MS });
  try {
    db.prepare('SELECT 1 FROM sqlite_master').get();
  } finally {
    db.close();
  }
}
