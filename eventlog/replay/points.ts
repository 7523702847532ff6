/**
 * Whole states of the log at points of the past, so that every moment is a short fold away: a cache in a file of its
 * own beside the log, `history.db`, which can be deleted at any time. A point is complete, or holds only what changed
 * since the point before it; it is complete where the differences would take longer to read than the whole.
 */
import { createHash } from 'node:crypto';
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import Database from 'better-sqlite3';
import { DataUnusable } from '../errors.ts';
import type { Json } from '../json.ts';
import type { LogInspection, LogReader } from '../log-reader.ts';
import { kindOf, type StreamName } from '../names.ts';
import type { Position } from '../position.ts';
import { SCHEMA_VERSION } from '../sqlite/schema.ts';
import { baseStatesOf } from './base-states.ts';
import { openPointsFile, removePointsFile } from './points-file.ts';
import type { ProjectionOf } from './replay.ts';

/** Owners that do not exist are absent; their versions are only in the log. */
export type States = Map<StreamName, Json>;
export type Whole = { readonly position: Position; readonly states: States };

type Unsealed = { position: number; hash: string; isFull: number; content: Buffer };
type Row = Unsealed & { digest: string };
type Content = readonly (readonly [StreamName, Json])[];
type Log = LogReader & LogInspection;

// 5 000 events are folded in about 15 ms.
export const POINT_EVERY = 5000;
// With fewer owners, differences save nothing over a full point.
const LEAST_FULL = 1000;
const PAGE = 1000;
// Of one point, and of those that are read for one question, unpacked. They are made of states of some 16 MiB; a file from
// elsewhere may unpack 128 KB to 4 GB.
const MOST_BYTES = 33_554_432;
const MOST_BYTES_READ = 2 * MOST_BYTES;
const DAMAGED = /^SQLITE_(?:CORRUPT|NOTADB)/;

/** If the cache fails (a full disk, a lock, damage), there are no points, and nothing else fails. */
export class Points {
  readonly #directory: string;
  readonly #db: Database.Database;
  #isLost = false;

  /** Throws if there can be none, as in a directory that may not be written to. */
  constructor(directory: string) {
    this.#directory = directory;
    this.#db = openPointsFile(directory);
  }

  close(): void {
    this.#db.close();
  }

  /** The newest whole state at or before a position, if it belongs to this log; undefined: there is none. */
  before(log: Log, position: Position): Whole | undefined {
    try {
      return this.#isLost ? undefined : this.#before(log, position);
    } catch (error) {
      this.#failed(error);
      return undefined;
    }
  }

  #before(log: Log, position: Position): Whole | undefined {
    const rows = this.#chain(position);
    const newest = rows[0];
    if (newest === undefined) return undefined;
    // Hashes are chained: if the newest one is the log's, so are all before it.
    const isOfLog = hashAt(log, newest.position) === newest.hash && isIntact(rows);
    const contents = isOfLog ? contentsOf(rows) : undefined;
    if (contents === undefined) {
      this.#forget();
      return undefined;
    }
    const states: States = new Map();
    for (const content of contents.toReversed()) addTo(states, content);
    return { position: newest.position, states };
  }

  /** Makes points up to a position. Throws `EventUnreadable` at the first event that cannot be read; those before it are kept. */
  async extend(
    log: Log,
    projectionOf: ProjectionOf,
    to: Position,
    breathe: () => Promise<void>,
  ): Promise<void> {
    try {
      if (!this.#isLost) await this.#extend(log, projectionOf, to, breathe);
    } catch (error) {
      this.#failed(error);
    }
  }

  async #extend(
    log: Log,
    projectionOf: ProjectionOf,
    to: Position,
    breathe: () => Promise<void>,
  ): Promise<void> {
    const start = this.before(log, Number.MAX_SAFE_INTEGER);
    const states: States = start?.states ?? new Map(baseOf(log));
    let at = start?.position ?? log.base()?.position ?? 0;
    let since = this.#rowsSinceFull();
    let changed = new Set<StreamName>();
    const projections = { domain: projectionOf('domain'), pool: projectionOf('pool') };
    while (at + PAGE <= to) {
      const page = log.read({ from: at + 1, limit: PAGE });
      if (page.length < PAGE) return;
      for (const event of page) {
        const { initial, evolve } = projections[kindOf(event.stream)];
        states.set(event.stream, evolve(states.get(event.stream) ?? initial, event));
        changed.add(event.stream);
      }
      at += PAGE;
      if (at % POINT_EVERY < PAGE) {
        const isFull = since.full === 0 || since.rows + changed.size > Math.max(LEAST_FULL, since.full);
        // A later point would build on this one.
        if (!this.#put(log, at, isFull, isFull ? states : pick(states, changed))) return;
        since = isFull
          ? { full: states.size, rows: 0 }
          : { full: since.full, rows: since.rows + changed.size };
        changed = new Set();
      }
      await breathe();
    }
  }

  /** From the newest point at or before the position back to a full one, newest first. */
  #chain(position: Position): Row[] {
    const rows: Row[] = [];
    const statement = this.#db.prepare<[number], Row>(
      'SELECT position, hash, is_full AS isFull, digest, content FROM points WHERE position <= ? ORDER BY position DESC',
    );
    for (const row of statement.iterate(position)) {
      rows.push(row);
      if (row.isFull === 1) return rows;
    }
    return [];
  }

  #rowsSinceFull(): { full: number; rows: number } {
    const contents = contentsOf(this.#chain(Number.MAX_SAFE_INTEGER)) ?? [];
    const rows = contents.map((content) => content.length);
    return { full: rows.at(-1) ?? 0, rows: rows.slice(0, -1).reduce((sum, count) => sum + count, 0) };
  }

  /** False: there can be no point here. */
  #put(log: Log, position: Position, isFull: boolean, states: States): boolean {
    const hash = hashAt(log, position);
    const text = Buffer.from(JSON.stringify([...states]));
    if (hash === undefined || text.length > MOST_BYTES) return false;
    const content = zstdCompressSync(text);
    const row = { position, hash, isFull: isFull ? 1 : 0, content };
    const digest = sealOf(row, isFull ? undefined : this.#digestBefore(position));
    this.#db
      .prepare<[number, string, number, string, Buffer]>(
        'INSERT OR REPLACE INTO points VALUES (?, ?, ?, ?, ?)',
      )
      .run(position, hash, row.isFull, digest, content);
    return true;
  }

  #digestBefore(position: Position): string | undefined {
    return this.#db
      .prepare<[number], string>(
        'SELECT digest FROM points WHERE position < ? ORDER BY position DESC LIMIT 1',
      )
      .pluck()
      .get(position);
  }

  #forget(): void {
    this.#db.exec('DELETE FROM points');
  }

  /** Removes a damaged file, once: whoever opens it next makes another. */
  #failed(error: unknown): void {
    if (!(error instanceof Database.SqliteError)) throw error;
    if (this.#isLost || !DAMAGED.test(error.code)) return;
    this.#isLost = true;
    removePointsFile(this.#directory);
  }
}

/** Undefined: there can be none here. */
export function openPoints(directory: string): Points | undefined {
  try {
    return new Points(directory);
  } catch (error) {
    const isForeign = error instanceof DataUnusable && error.code === 'data_foreign';
    const isDamaged = error instanceof Database.SqliteError && DAMAGED.test(error.code);
    // Whoever opens it next makes another.
    if (isForeign || isDamaged) removePointsFile(directory);
    else if (!(error instanceof DataUnusable || error instanceof Database.SqliteError)) throw error;
    return undefined;
  }
}

export function baseOf(log: LogInspection): States {
  const states: States = new Map();
  for (const { stream, state } of baseStatesOf(log))
    states.set(stream as StreamName, JSON.parse(state) as Json);
  return states;
}

function hashAt(log: LogInspection, position: Position): string | undefined {
  const base = log.base();
  if (base?.position === position) return base.hash;
  const event = log.storedEvents(position, 1)[0];
  return event?.position === position ? event.hash : undefined;
}

/** Newest first: each point that is not full seals the one before it, so that none in between can be missing. */
function isIntact(rows: readonly Row[]): boolean {
  return rows.every((row, index) => row.digest === sealOf(row, rows[index + 1]?.digest));
}

/**
 * Includes the format: states of another one may have another shape, and count as damaged. `before`: the seal of the point
 * before it.
 */
function sealOf({ position, hash, isFull, content }: Unsealed, before = ''): string {
  return createHash('sha256')
    .update(`${SCHEMA_VERSION}\n${position}\n${hash}\n${isFull}\n${before}\n`)
    .update(content)
    .digest('hex');
}

/** What the rows contain; undefined: nothing that this program wrote. */
function contentsOf(rows: readonly Row[]): readonly Content[] | undefined {
  const contents: Content[] = [];
  let left = MOST_BYTES_READ;
  try {
    for (const { content } of rows) {
      const bytes = zstdDecompressSync(content, { maxOutputLength: Math.min(left, MOST_BYTES) });
      const parsed = JSON.parse(bytes.toString()) as unknown;
      if (!isContent(parsed)) return undefined;
      contents.push(parsed);
      left -= bytes.length;
    }
    return contents;
  } catch {
    // Neither compressed by this program, nor JSON.
    return undefined;
  }
}

function isContent(parsed: unknown): parsed is Content {
  return (
    Array.isArray(parsed) && parsed.every((entry) => Array.isArray(entry) && typeof entry[0] === 'string')
  );
}

/** Newer entries replace older ones; null stands for an owner that was removed. */
function addTo(states: States, content: Content): void {
  for (const [stream, state] of content) states.set(stream, state);
}

function pick(states: States, streams: Iterable<StreamName>): States {
  const picked: States = new Map();
  for (const stream of streams) picked.set(stream, states.get(stream) ?? null);
  return picked;
}
