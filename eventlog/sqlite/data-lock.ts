/**
 * The lock of a data directory: one process may write in it, for as long as it lives. The kernel releases the lock
 * when its holder dies, however that happens, so a kill -9 leaves nothing to clean up.
 */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { DataUnusable } from '../errors.ts';
import { makeFile } from './make-file.ts';
import { unusable, withReason } from './sqlite-errors.ts';

// SQLite takes POSIX locks, which a process loses when it closes *any* descriptor of the file. So the lock has a file of
// its own that nothing else ever opens, and what operators may read is in another file.
const LOCK = 'lock.db';
const HOLDER = 'holder.json';

/** Takes the directory, or throws `DataUnusable` saying who holds it. The result releases it, once. */
export function holdDirectory(directory: string, nowMs: number): () => void {
  const lock = openLock(directory);
  try {
    lock.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    lock.close();
    throw heldOr(error, directory);
  }
  const holder = join(directory, HOLDER);
  try {
    sign(holder, nowMs);
  } catch (error) {
    lock.close();
    throw error;
  }
  return () => {
    // If it was released before, another process may hold it by now.
    if (!lock.open) return;
    forget(holder);
    lock.close();
  };
}

/** Throws `DataUnusable` saying who holds it; a directory that does not exist is held by nobody. */
export function requireUnheld(directory: string, nowMs: number): void {
  if (existsSync(join(directory, LOCK))) holdDirectory(directory, nowMs)();
}

function sign(holder: string, nowMs: number): void {
  try {
    const text = `${JSON.stringify({ pid: process.pid, since: new Date(nowMs).toISOString() })}\n`;
    writeFileSync(holder, text, { mode: 0o600 });
  } catch (error) {
    const reason = withReason(`expected to write ${holder}`, error as NodeJS.ErrnoException);
    throw new DataUnusable('data_unreadable', reason, error);
  }
}

/**
 * If it stays, because the directory cannot be used just now, that is harmless: it is only read while somebody holds the
 * lock, and that process signs anew.
 */
function forget(holder: string): void {
  try {
    rmSync(holder, { force: true });
  } catch {
    // Only the lock counts.
  }
}

function openLock(directory: string): Database.Database {
  const path = join(directory, LOCK);
  makeFile(path);
  try {
    return new Database(path, { timeout: 0 });
  } catch (error) {
    throw unusable(error, path);
  }
}

function heldOr(error: unknown, directory: string): unknown {
  const cause = unusable(error, join(directory, LOCK));
  if (!(cause instanceof DataUnusable) || cause.code !== 'data_held') return cause;
  return new DataUnusable(
    'data_held',
    `expected to be the only one to serve ${directory}, found it held by ${holderOf(directory)}`,
    error,
  );
}

function holderOf(directory: string): string {
  try {
    const holder: unknown = JSON.parse(readFileSync(join(directory, HOLDER), 'utf8'));
    if (typeof holder === 'object' && holder !== null && 'pid' in holder && 'since' in holder) {
      return `process ${String(holder.pid)} since ${String(holder.since)}`;
    }
  } catch {
    // The holder has not yet written who it is, or we may not read it: the directory is held all the same.
  }
  return 'a process that has not said who it is';
}
