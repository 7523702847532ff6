/**
 * Whether a file of SQLite's that is open is still the one that its name leads to. Where its directory was moved, or the file
 * deleted, writing goes on as if nothing had happened, into what nobody finds again: so who commits looks first.
 */
import { realpathSync, statSync } from 'node:fs';
import { LogUnavailable } from '../errors.ts';

export class Whereabouts {
  readonly #name: string;
  readonly #file: number;
  readonly #wal: string;
  #walFile = 0;

  constructor(path: string) {
    this.#name = path;
    this.#file = fileAt(path);
    // SQLite keeps it beside the file itself, not beside a link to it.
    this.#wal = `${realpathSync(path)}-wal`;
  }

  /** Two looks at a directory, 5 µs beside the fsync of a commit. */
  require(): void {
    requireFile(this.#name, this.#file);
    // It comes with the first write, and goes when the last who has the file open closes it.
    if (this.#walFile === 0) this.#walFile = fileAt(this.#wal);
    else requireFile(this.#wal, this.#walFile);
  }
}

/** Its number; 0: there is none. */
export function fileAt(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.ino ?? 0;
}

function requireFile(path: string, file: number): void {
  const found = fileAt(path);
  if (found === file) return;
  throw new LogUnavailable(
    'log_failed',
    `expected the file that was opened at ${path}, found ${found === 0 ? 'none' : 'another'}: what is written to it now is lost`,
  );
}
