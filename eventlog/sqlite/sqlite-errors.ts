/** Translates SQLite's errors into the log's own. */
import Database from 'better-sqlite3';
import { DataUnusable, LogUnavailable } from '../errors.ts';

/** For a log that was open and well; anything but an error of SQLite's or the system's is returned as it is. */
export function unavailable(error: unknown, path: string): unknown {
  if (isOfTheSystem(error))
    return new LogUnavailable('log_failed', `expected to read and write ${path}: ${error.message}`, error);
  if (!(error instanceof Database.SqliteError)) return error;
  const where = `${path}: ${error.message} (${error.code})`;
  if (isFull(error.code))
    return new LogUnavailable('log_full', `expected room on the disk for ${where}`, error);
  if (isLocked(error.code))
    return new LogUnavailable('log_locked', `expected to be the only writer of ${where}`, error);
  return new LogUnavailable('log_failed', `expected to read and write ${where}`, error);
}

/** For a file that is being opened. */
export function unusable(error: unknown, path: string): unknown {
  if (isOfTheSystem(error))
    return new DataUnusable('data_unreadable', `expected to open ${path}: ${error.message}`, error);
  if (!(error instanceof Database.SqliteError)) return error;
  const where = `${path}: ${error.message} (${error.code})`;
  if (isFull(error.code))
    return new LogUnavailable('log_full', `expected room on the disk for ${where}`, error);
  if (isLocked(error.code))
    return new DataUnusable('data_held', `expected nobody else to write ${where}`, error);
  if (error.code === 'SQLITE_NOTADB')
    return new DataUnusable('data_foreign', `expected a database in ${where}`, error);
  return new DataUnusable('data_unreadable', `expected to open ${where}`, error);
}

export function isDamage(error: unknown): boolean {
  return error instanceof Database.SqliteError && error.code.startsWith('SQLITE_CORRUPT');
}

/** Whether a log cannot be read for what is in its file, and not for want of files, memory or a permission just now. */
export function isOfTheFile(error: unknown): error is LogUnavailable {
  return error instanceof LogUnavailable && error.code === 'log_failed' && !isPassing(error.cause);
}

/** What was not to be had may be had the next time: nothing is known of the file. */
export function isPassing(error: unknown): boolean {
  if (isOfTheSystem(error)) return true;
  return isHeld(error) || (error instanceof Database.SqliteError && PASSING.test(error.code));
}

/** Somebody else has it, and did not let go of it for as long as was waited. */
export function isHeld(error: unknown): boolean {
  return error instanceof Database.SqliteError && isLocked(error.code);
}

const PASSING = /^SQLITE_(?:CANTOPEN|NOMEM|IOERR_NOMEM|PERM|AUTH)/;

/** What SQLite or the system reports; anything else is a mistake of ours. */
export function isOfTheWorld(error: unknown): boolean {
  if (error instanceof Database.SqliteError) return true;
  const code = (error as NodeJS.ErrnoException).code;
  return error instanceof Error && typeof code === 'string' && code !== 'ERR_ASSERTION';
}

/** A call to it failed: a file may not be looked at, or there is none left to open. */
function isOfTheSystem(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && typeof (error as NodeJS.ErrnoException).errno === 'number';
}

function isFull(code: string): boolean {
  // SHMSIZE: the index of the write-ahead log could not grow, which only happens for want of room.
  return code === 'SQLITE_FULL' || code === 'SQLITE_IOERR_SHMSIZE';
}

function isLocked(code: string): boolean {
  return code.startsWith('SQLITE_BUSY') || code.startsWith('SQLITE_LOCKED') || code === 'SQLITE_PROTOCOL';
}
