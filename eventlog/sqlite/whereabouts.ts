/**
 * Whether a file of SQLite's that is open is still the one that its name leads to, and no shorter. Where its directory was moved, or
 * the file deleted or cut, writing goes on as if nothing had happened, into what nobody finds or can read again: so who commits
 * looks first.
 */
import { realpathSync, statSync } from 'node:fs';
import { LogUnavailable } from '../errors.ts';

// 64 MiB: a write-ahead log that grew beside a long read gives its room back.
export const WAL_LIMIT_BYTES = 67_108_864;

export class Whereabouts {
  readonly #name: string;
  readonly #file: number;
  readonly #wal: string;
  #walFile = 0;
  /** What each had when it was looked at last. */
  #bytes = 0;
  #walBytes = 0;

  constructor(path: string) {
    this.#name = path;
    this.#file = fileAt(path);
    // SQLite keeps it beside the file itself, not beside a link to it.
    this.#wal = `${realpathSync(path)}-wal`;
  }

  /** Two looks at a directory, 5 µs beside the fsync of a commit. */
  require(): void {
    // Without VACUUM it only grows.
    this.#bytes = requireFile(this.#name, this.#file, this.#bytes);
    // It comes with the first write, and goes when the last who has the file open closes it.
    if (this.#walFile === 0) this.#walFile = fileAt(this.#wal);
    else this.#walBytes = Math.min(WAL_LIMIT_BYTES, requireFile(this.#wal, this.#walFile, this.#walBytes));
  }
}

/** Its number; 0: there is none. */
export function fileAt(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.ino ?? 0;
}

/** Returns how many bytes it has. */
function requireFile(path: string, file: number, bytes: number): number {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found?.ino !== file)
    throw new LogUnavailable(
      'log_failed',
      `expected the file that was opened at ${path}, found ${found === undefined ? 'none' : 'another'}: what is written to it now is lost`,
    );
  if (found.size < bytes)
    throw new LogUnavailable(
      'log_failed',
      `expected at least ${bytes} bytes in ${path}, found ${found.size}: it was cut short; stop the router and put a backup in its place`,
    );
  return found.size;
}
