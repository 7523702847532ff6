/** Makes a file for a database, for its user alone; one that is there stays as it is. */
import { closeSync, openSync } from 'node:fs';

/**
 * 0600: routing state names internal addresses, and who may read a database may lock it. SQLite by itself goes by the umask, and gives
 * what it keeps beside a file the rights of that file.
 */
export function makeFile(path: string): void {
  try {
    closeSync(openSync(path, 'wx', 0o600));
  } catch {
    // It is there, or SQLite says in a moment why it cannot be.
  }
}
