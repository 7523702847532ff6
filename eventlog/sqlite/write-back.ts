/**
 * Checkpoints SQLite's write-ahead log into the log's file from another thread than the writer's, so that no command
 * waits for it. It needs SQLite 3.51.3 or newer; in older versions a checkpoint beside a writer could, rarely, lose
 * pages.
 *
 *   closed ──there is a log──▶ open ──much or old──▶ writes back ──▶ open
 *      ▲────────another file in its place────────┘
 */
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { EVENTS_FILE } from './events-file.ts';
import { isOfTheWorld, unavailable } from './sqlite-errors.ts';
import { fileAt } from './whereabouts.ts';

export type WriteBackOptions = {
  /** The data directory. */
  readonly directory: string;
  readonly now: () => number;
  /** Called at most once a minute. */
  readonly warn: (message: string) => void;
};

// 8 MiB: what an import adds in a sixth of a second, and a third of what it lets accumulate.
const MANY_PAGES = 2048;
// 1 s: each checkpoint synchronises both files, which delays the one or two commits that meet it. That is one in some
// hundreds of single changes; five times a second it was one in sixty, with a p99 of 4 to 5 ms instead of 3.
const LEISURE_MS = 1000;
const WARN_EVERY_MS = 60_000;
// A process that opens a log may hold it for some milliseconds; a checkpoint itself never waits.
const BUSY_TIMEOUT_MS = 50;
// Pages are copied without using the cache.
const CACHE_KIB = 64;

type Checkpoint = { readonly log: number; readonly checkpointed: number };

export class WriteBack {
  readonly #options: WriteBackOptions;
  readonly #path: string;
  #db: Database.Database | undefined;
  /** Inode number of the file that is open or will be; 0: none. An archive puts another file in its place. */
  #file = 0;
  #leisureAtMs = 0;
  /** Pages that could not be written back, since a reader needs the file as it is, or that were added meanwhile. */
  #left = 0;
  #warnAtMs = 0;
  /** Failed turns in a row. */
  #failures = 0;

  constructor(options: WriteBackOptions) {
    this.#options = options;
    this.#path = join(options.directory, EVENTS_FILE);
  }

  /** A log is open, and the last turn succeeded: the log's writer may rely on this. */
  get isAtWork(): boolean {
    return this.#db !== undefined;
  }

  /** Mostly just a look, 20 µs. Never throws because of the disk; later turns try again. */
  turn(): void {
    const nowMs = this.#options.now();
    try {
      this.#follow();
      if (this.#db !== undefined) this.#writeBack(this.#db, nowMs);
      this.#failures = 0;
    } catch (error) {
      this.close();
      this.#failed(error, nowMs);
    }
  }

  close(): void {
    this.#db?.close();
    this.#db = undefined;
  }

  /** A new file is opened one turn later: by then whoever put it there has opened it as a log. */
  #follow(): void {
    const file = fileAt(this.#path);
    if (file !== this.#file) {
      this.close();
      this.#file = file;
      return;
    }
    if (file === 0 || this.#db !== undefined) return;
    const db = openBeside(this.#path);
    // It was swapped at this very moment: the opened file may be the former one, without its write-ahead log.
    if (fileAt(this.#path) === file) this.#db = db;
    else db.close();
  }

  #writeBack(db: Database.Database, nowMs: number): void {
    const pages = pagesBehind(db, 'NOOP');
    if (pages === 0 || (pages - this.#left < MANY_PAGES && nowMs < this.#leisureAtMs)) return;
    this.#leisureAtMs = nowMs + LEISURE_MS;
    // PASSIVE waits for nobody, and nobody waits for it.
    this.#left = pagesBehind(db, 'PASSIVE');
  }

  #failed(error: unknown, nowMs: number): void {
    if (!isOfTheWorld(error)) throw error;
    this.#failures += 1;
    // A single failure may be an archive that is swapping the file.
    if (this.#failures === 1 || nowMs < this.#warnAtMs) return;
    this.#warnAtMs = nowMs + WARN_EVERY_MS;
    const { message } = unavailable(error, this.#path) as Error;
    this.#options.warn(
      `the write-back thread of the log failed; the writer checkpoints by itself: ${message}`,
    );
  }
}

/**
 * How many pages of the write-ahead log are not in the file: now (NOOP), or after writing back what is possible now
 * (PASSIVE).
 */
function pagesBehind(db: Database.Database, how: 'NOOP' | 'PASSIVE'): number {
  const [{ log, checkpointed }] = db.pragma(`wal_checkpoint(${how})`) as readonly [Checkpoint];
  return log - checkpointed;
}

function openBeside(path: string): Database.Database {
  const db = new Database(path, { fileMustExist: true, timeout: BUSY_TIMEOUT_MS });
  try {
    // NORMAL: both files are synchronised at a checkpoint, and this connection never commits.
    db.pragma('synchronous = NORMAL');
    db.pragma(`cache_size = -${CACHE_KIB}`);
    // A first read, which opens the files beside the database.
    db.pragma('data_version');
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}
