/** Puts files and directories on disk, whatever the system still holds in memory. */
import { closeSync, fsyncSync, openSync } from 'node:fs';
import { dirname } from 'node:path';

/** The file and its name are on disk when this returns. */
export function syncFile(path: string): void {
  sync(path);
  sync(dirname(path));
}

/** Synchronises a file or a directory. */
export function sync(path: string): void {
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
