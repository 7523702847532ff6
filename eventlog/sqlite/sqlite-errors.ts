/** Translates SQLite's errors into the log's own. */
import { constants } from 'node:fs';
import { dirname } from 'node:path';
import Database from 'better-sqlite3';
import { DataUnusable, LogUnavailable } from '../errors.ts';
import { accessError } from './access-error.ts';

/** For a log that was opened without error. Returns anything but an error of SQLite or the system unchanged. */
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
    return new DataUnusable('data_unreadable', withReason(`expected to open ${path}`, error), error);
  if (!(error instanceof Database.SqliteError)) return error;
  const denied = error.code === 'SQLITE_CANTOPEN' ? denialAt(path) : undefined;
  if (denied !== undefined)
    return new DataUnusable('data_unreadable', withReason(`expected to open ${path}`, denied), error);
  const where = `${path}: ${error.message} (${error.code})`;
  if (isFull(error.code))
    return new LogUnavailable('log_full', `expected room on the disk for ${where}`, error);
  if (isLocked(error.code))
    return new DataUnusable('data_held', `expected nobody else to write ${where}`, error);
  if (error.code === 'SQLITE_NOTADB')
    return new DataUnusable('data_foreign', `expected a database in ${where}`, error);
  return new DataUnusable('data_unreadable', `expected to open ${where}`, error);
}

/** What was expected, and what the system says instead; of a missing permission, also who lacks it. */
export function withReason(expected: string, error: NodeJS.ErrnoException): string {
  if (error.code !== 'EACCES' && error.code !== 'EPERM') return `${expected}: ${error.message}`;
  return `${expected}, found that user ${process.getuid?.() ?? 'here'} may not (${error.message})`;
}

/** SQLite does not say why it cannot open a file. */
function denialAt(path: string): NodeJS.ErrnoException | undefined {
  const refused = accessError(path, constants.R_OK);
  return refused?.code === 'ENOENT' ? accessError(dirname(path), constants.W_OK) : refused;
}

export function isDamage(error: unknown): boolean {
  return error instanceof Database.SqliteError && error.code.startsWith('SQLITE_CORRUPT');
}

/** Whether a log cannot be read because of its file, not because descriptors, memory or a permission are lacking just now. */
export function isOfTheFile(error: unknown): error is LogUnavailable {
  return error instanceof LogUnavailable && error.code === 'log_failed' && !isPassing(error.cause);
}

/** Whether the next try may succeed: nothing is known about the file. */
export function isPassing(error: unknown): boolean {
  if (isOfTheSystem(error)) return true;
  return isHeld(error) || (error instanceof Database.SqliteError && PASSING.test(error.code));
}

/** Whether somebody else holds it, and did not release it during the wait. */
export function isHeld(error: unknown): boolean {
  return error instanceof Database.SqliteError && isLocked(error.code);
}

const PASSING = /^SQLITE_(?:CANTOPEN|NOMEM|IOERR_NOMEM|PERM|AUTH)/;

/** Whether SQLite or the system reported it; anything else is a mistake of ours. */
export function isOfTheWorld(error: unknown): boolean {
  if (error instanceof Database.SqliteError) return true;
  const code = (error as NodeJS.ErrnoException).code;
  return error instanceof Error && typeof code === 'string' && code !== 'ERR_ASSERTION';
}

/** Whether a system call failed: a file may not be accessed, or no descriptor is left. */
function isOfTheSystem(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && typeof (error as NodeJS.ErrnoException).errno === 'number';
}

function isFull(code: string): boolean {
  // SHMSIZE: the index of the write-ahead log could not grow, which only happens when the disk is full.
  return code === 'SQLITE_FULL' || code === 'SQLITE_IOERR_SHMSIZE';
}

function isLocked(code: string): boolean {
  return code.startsWith('SQLITE_BUSY') || code.startsWith('SQLITE_LOCKED') || code === 'SQLITE_PROTOCOL';
}
