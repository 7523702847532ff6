/** Makes a file for a database, accessible only to its user. */
import { closeSync, openSync } from 'node:fs';

/** An existing file stays as it is. */
export function makeFile(path: string): void {
  try {
    makeNewFile(path);
  } catch {
    // The file exists, or SQLite is about to say why it cannot.
  }
}

/**
 * Throws `EEXIST` for what exists, links included. 0600: routing state names internal addresses, and anybody who may read a
 * database may lock it. SQLite alone would use the umask; it gives the files that it makes beside a database the rights of
 * that database.
 */
export function makeNewFile(path: string): void {
  closeSync(openSync(path, 'wx', 0o600));
}
