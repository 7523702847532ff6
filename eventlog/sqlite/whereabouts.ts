/**
 * Whether an open SQLite file is still the one that its name leads to, and complete. If its directory was moved, or
 * the file deleted or truncated, writes would silently go where nobody can find or read them; so the writer checks
 * first.
 */
import { realpathSync, type Stats, statSync } from 'node:fs';
import type Database from 'better-sqlite3';
import { LogUnavailable } from '../errors.ts';

// In the write-ahead log: before the first frame, and before the page of each frame (sqlite.org/fileformat2.html, §4.1).
export const WAL_HEADER_BYTES = 32;
export const FRAME_HEADER_BYTES = 24;

export class Whereabouts {
  readonly #db: Database.Database;
  readonly #file: number;
  readonly #wal: string;
  #walFile = 0;
  /** The size of each file when last looked at. */
  #bytes = 0;
  #walBytes = 0;

  constructor(db: Database.Database) {
    this.#db = db;
    this.#file = fileAt(db.name);
    // SQLite keeps it beside the file itself, not beside a link to it.
    this.#wal = `${realpathSync(db.name)}-wal`;
  }

  /** Before a transaction: within one, SQLite does not say how much of its files is valid. */
  requireWhole(): void {
    this.#bytes = sizeOf(this.#db.name, this.#bytes, () => this.#countingBytes());
    this.#walBytes = sizeOf(this.#wal, this.#walBytes, () => this.#countingWalBytes());
  }

  /** At the end of a transaction. Two stat calls, 5 µs beside the fsync of a commit. */
  requireSame(): void {
    requireFile(this.#db.name, this.#file);
    // It is made by the first write, and deleted when the last connection to the file is closed.
    if (this.#walFile === 0) this.#walFile = fileAt(this.#wal);
    else requireFile(this.#wal, this.#walFile);
  }

  #countingBytes(): number {
    return this.#number('page_count') * this.#number('page_size');
  }

  /** 0 after a checkpoint that reset it, by us or by a backup. */
  #countingWalBytes(): number {
    const [{ log }] = this.#db.pragma('wal_checkpoint(NOOP)') as [{ readonly log: number }];
    return log <= 0 ? 0 : WAL_HEADER_BYTES + log * (FRAME_HEADER_BYTES + this.#number('page_size'));
  }

  #number(pragma: string): number {
    return this.#db.pragma(pragma, { simple: true }) as number;
  }
}

/** Its inode number; 0: there is none. */
export function fileAt(path: string): number {
  return look(path)?.ino ?? 0;
}

function requireFile(path: string, file: number): void {
  const found = fileAt(path);
  if (found === file) return;
  throw new LogUnavailable(
    'log_failed',
    `expected the file that was opened at ${path}, found ${found === 0 ? 'none' : 'another'}: what is written to it now is lost`,
  );
}

/** The file's size. Fewer bytes than before are accepted if as many are not needed. */
function sizeOf(path: string, before: number, counting: () => number): number {
  const bytes = look(path)?.size ?? before;
  if (bytes >= before) return bytes;
  const wanted = counting();
  if (bytes >= wanted) return bytes;
  throw new LogUnavailable(
    'log_failed',
    `expected at least ${wanted} bytes in ${path}, found ${bytes}: it was cut short; stop the router and put a backup in its place`,
  );
}

function look(path: string): Stats | undefined {
  return statSync(path, { throwIfNoEntry: false });
}
