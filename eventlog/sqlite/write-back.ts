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
  /** Said at most once a minute. */
  readonly warn: (message: string) => void;
};

// 8 MiB: what an import gains in a sixth of a second, and a third of what it lets come together.
const MANY_PAGES = 2048;
// 1 s: the two files are synchronised at each checkpoint, which delays the one or two commits that meet it. Of single changes
// that is one in some hundreds; five times a second it was one in sixty, and their p99 4 to 5 ms instead of 3.
const LEISURE_MS = 1000;
const WARN_EVERY_MS = 60_000;
// Whoever opens a log may hold it for some milliseconds; a checkpoint itself never waits.
const BUSY_TIMEOUT_MS = 50;
// Pages are copied past the cache.
const CACHE_KIB = 64;

type Checkpoint = { readonly log: number; readonly checkpointed: number };

export class WriteBack {
  readonly #options: WriteBackOptions;
  readonly #path: string;
  #db: Database.Database | undefined;
  /** The number of the file that is open or is to be, 0 for none: an archive puts another in its place. */
  #file = 0;
  #leisureAtMs = 0;
  /** Pages that could not be written back, since a reader needs the file as it is, or that came meanwhile. */
  #left = 0;
  #warnAtMs = 0;
  /** Turns that failed in a row. */
  #failures = 0;

  constructor(options: WriteBackOptions) {
    this.#options = options;
    this.#path = join(options.directory, EVENTS_FILE);
  }

  /** A log is open, and the last turn went well: whoever writes it may count on this one. */
  get isAtWork(): boolean {
    return this.#db !== undefined;
  }

  /** A look, mostly: 20 µs. Never throws for what the disk does; the next turns try again. */
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

  /** A file found anew is opened a turn later: then whoever put it there has it open already, as a log. */
  #follow(): void {
    const file = fileAt(this.#path);
    if (file !== this.#file) {
      this.close();
      this.#file = file;
      return;
    }
    if (file === 0 || this.#db !== undefined) return;
    const db = openBeside(this.#path);
    // Swapped in this very moment: what was opened may be the former file, without what belonged to it.
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
    // Once may be an archive that swaps the file just now.
    if (this.#failures === 1 || nowMs < this.#warnAtMs) return;
    this.#warnAtMs = nowMs + WARN_EVERY_MS;
    const { message } = unavailable(error, this.#path) as Error;
    this.#options.warn(`the log is written back by its writer alone, who waits for it: ${message}`);
  }
}

/** How much of the write-ahead log is not in the file, as it is or after what can be written back now. */
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
    // A first reading, which opens what lies beside the file.
    db.pragma('data_version');
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}
