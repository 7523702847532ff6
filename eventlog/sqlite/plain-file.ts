/**
 * Whether what SQLite is about to open are files: to open a pipe waits for whoever writes to it, and a directory from
 * elsewhere may have one in place of any file.
 */
import { realpathSync, statSync } from 'node:fs';
import { DataUnusable } from '../errors.ts';

const BESIDE = ['-journal', '-wal', '-shm'];

/** Throws `DataUnusable` if one of a database's files is something else. Those that do not exist are no obstacle. */
export function requirePlainFiles(path: string): void {
  requirePlainFile(path);
  if (statSync(path, { throwIfNoEntry: false }) === undefined) return;
  // SQLite keeps them beside the file itself, not beside a link to it.
  const itself = realpathSync(path);
  for (const suffix of BESIDE) requirePlainFile(itself + suffix);
}

function requirePlainFile(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isFile() !== false) return;
  throw new DataUnusable('data_unreadable', `expected a file at ${path}, found something else`);
}
