/**
 * A directory in TMPDIR for the duration of some work. Its process holds a lock in it that the kernel releases
 * however the process ends; so the next process recognises what a kill left behind and deletes it.
 */
import { existsSync, lstatSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DataUnusable } from '../errors.ts';
import { holdDirectory } from './data-lock.ts';

export type TemporaryDirectory = { readonly path: string; readonly remove: () => void };

// Former versions used another name: their directories had no lock.
const NAME = 'switchyard-scratch-';
// Between its making and its lock, another process may take it for a leftover and delete it.
const TRIES = 10;
// A lock goes with the last reference to it, so each one is kept here.
const inUse = new Set<TemporaryDirectory>();

/** Throws `DataUnusable` if it cannot be made. */
export function makeTemporaryDirectory(): TemporaryDirectory {
  clearLeft();
  for (let left = TRIES; left > 0; left--) {
    const path = made();
    const letGo = heldOrTaken(path);
    if (letGo !== undefined) return inUseAt(path, letGo);
  }
  throw temporaryDirectoryUnwritable('each taken away as soon as it was made');
}

function inUseAt(path: string, letGo: () => void): TemporaryDirectory {
  const directory = {
    path,
    remove: () => {
      inUse.delete(directory);
      remove(path, letGo);
    },
  };
  inUse.add(directory);
  return directory;
}

/** Directories in use, by another process or another thread of this one, are locked and stay. */
function clearLeft(): void {
  for (const name of namesIn(tmpdir())) {
    if (!name.startsWith(NAME)) continue;
    const path = join(tmpdir(), name);
    try {
      if (isOwn(path)) remove(path, holdDirectory(path, Date.now()));
    } catch {
      // It hinders nobody: whoever makes the next one tries again.
    }
  }
}

/**
 * Anybody may put something with such a name into /tmp: a link, or a directory with links in it, which would redirect what
 * is written here. A directory that belongs to this user, and that nobody else may write to, was made here.
 */
function isOwn(path: string): boolean {
  const found = lstatSync(path);
  return found.isDirectory() && found.uid === process.geteuid?.() && (found.mode & 0o077) === 0;
}

function remove(path: string, letGo: () => void): void {
  // Before the lock is released, so that nobody else can take the directory.
  rmSync(path, { recursive: true, force: true });
  letGo();
}

/** Undefined: another process is deleting it. */
function heldOrTaken(path: string): (() => void) | undefined {
  try {
    const letGo = holdDirectory(path, Date.now());
    if (existsSync(path)) return letGo;
    letGo();
  } catch (error) {
    const isTaken = error instanceof DataUnusable && error.code === 'data_held';
    if (existsSync(path) && !isTaken) {
      rmSync(path, { recursive: true, force: true });
      throw error;
    }
  }
  return undefined;
}

function made(): string {
  try {
    return mkdtempSync(join(tmpdir(), NAME));
  } catch (error) {
    throw temporaryDirectoryUnwritable((error as Error).message, error);
  }
}

function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

export function temporaryDirectoryUnwritable(found: string, cause?: unknown): DataUnusable {
  const message = `expected to write in TMPDIR, ${tmpdir()}: ${found}`;
  return new DataUnusable('data_unreadable', message, cause);
}
