/**
 * Copies a part of a log into a log of its own: what came before it as a base, its events with their hashes, and
 * their fold. An export, an archive, what an archive leaves behind and what a repair saves are all such files.
 */
import { linkSync, lstatSync, renameSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import Database from 'better-sqlite3';
import { DataUnusable } from '../errors.ts';
import type { ChainedEvent } from '../events/stored-event.ts';
import type { LogInspection, LogReader, StoredCurrent } from '../log-reader.ts';
import type { Position } from '../position.ts';
import { BaseDigest } from '../replay/base.ts';
import { pagesOfOwners } from '../replay/folded-owners.ts';
import type { ProjectionOf } from '../replay/replay.ts';
import { makeNewFile } from './make-file.ts';
import { prepareSchema } from './schema.ts';
import { type Link, soundPages, startOf } from './sound-events.ts';
import { unusable } from './sqlite-errors.ts';
import { SqliteStore } from './sqlite-store.ts';
import { sync } from './sync.ts';

export type CopyOptions = {
  readonly source: LogReader & LogInspection;
  /** Path of a file that does not exist yet. */
  readonly path: string;
  /** Positions, inclusive. */
  readonly from: Position;
  readonly to: Position;
  readonly projectionOf: ProjectionOf;
  /**
   * Which answers to copy: those to the commands that wrote these events; all up to `to`, including commands that wrote
   * none and archived ones; or none.
   */
  readonly commands?: 'these' | 'all' | 'none';
  /** Called between pages. */
  readonly breathe: () => Promise<void>;
};

export type Copied = { readonly from: Position; readonly to: Position; readonly events: number };

/** Progress: with what comes before these events, with the events, or with the states they fold to. */
export type Copying = {
  readonly writing: 'base' | 'events' | 'owners';
  readonly done: number;
  readonly of: number;
};

// Answers that are read at a time.
const PAGE = 1000;
const NO_LINKS = new Set<string | undefined>(['EPERM', 'ENOTSUP', 'ENOSYS']);
// A database, and the files that SQLite makes beside it.
const BESIDE = ['', '-wal', '-shm', '-journal'];

/**
 * Throws `EventUnreadable` at the first event that is damaged or not linked to the one before it. The file gets its name
 * once it is complete; until then it is called `.partial`. Only a kill leaves that behind, and whoever knows that it is
 * nobody else's may have `removeCopy` delete it.
 */
export async function* copying(options: CopyOptions): AsyncGenerator<Copying, Copied> {
  const { path } = options;
  const partial = `${path}.partial`;
  const found = inTheWayOf(path);
  if (found !== undefined) throw existing(found);
  makeEmpty(partial);
  try {
    yield* make(partial, options);
    sync(partial);
    nameIt(partial, path);
  } finally {
    removeAll(partial);
  }
  sync(dirname(path));
  return { from: options.from, to: options.to, events: options.to - options.from + 1 };
}

/** Deletes a copy, or what a killed one left of it. */
export function removeCopy(path: string): void {
  removeAll(path);
  removeAll(`${path}.partial`);
}

/** What exists already of the files that a copy with this name would write. */
export function inTheWayOf(path: string): string | undefined {
  const own = [path, ...BESIDE.map((beside) => `${path}.partial${beside}`)];
  return own.find(exists);
}

function makeEmpty(path: string): void {
  try {
    // `wx`: not in place of what somebody has just put there.
    makeNewFile(path);
  } catch (error) {
    throw unusable(error, path);
  }
}

async function* make(path: string, options: CopyOptions): AsyncGenerator<Copying, void> {
  const store = createStore(path);
  try {
    yield* fill(store, options);
    store.seal();
  } finally {
    store.close();
  }
}

/** Replaces no existing file, provided that the file system supports hard links. */
function nameIt(partial: string, path: string): void {
  try {
    linkSync(partial, path);
  } catch (error) {
    // Somebody has just put it there.
    if (exists(path)) throw existing(path);
    if (!NO_LINKS.has((error as NodeJS.ErrnoException).code)) throw error;
    renameSync(partial, path);
  }
}

/** Includes what SQLite could not clean up on a full disk. */
function removeAll(path: string): void {
  for (const beside of BESIDE) rmSync(path + beside, { force: true });
}

class CopyStore extends SqliteStore {
  /** Makes it a single file, with nothing beside it. */
  seal(): void {
    this.db.pragma('journal_mode = DELETE');
  }
}

function createStore(path: string): CopyStore {
  try {
    const db = new Database(path);
    prepareSchema(db);
    // An unfinished copy is worthless; it is synchronised once, at its end.
    db.pragma('synchronous = OFF');
    return new CopyStore(db, () => {});
  } catch (error) {
    throw unusable(error, path);
  }
}

async function* fill(store: CopyStore, options: CopyOptions): AsyncGenerator<Copying, void> {
  const { source, from, to, breathe, commands = 'these' } = options;
  let link = startOf(source);
  for await (const page of soundPages(source, link, from - 1, breathe)) {
    link = page.at(-1) ?? link;
    // Each event is read twice: once to check its link, and once to fold it.
    yield { writing: 'base', done: link.position, of: 2 * (from - 1) };
  }
  if (from > 1) yield* layBase(store, link, options);
  for await (const page of soundPages(source, link, to, breathe)) {
    store.transaction(() => {
      store.insertEvents(page);
      if (commands !== 'none') copyCommands(store, source, page);
    });
    yield { writing: 'events', done: (page.at(-1)?.position ?? to) - from + 1, of: to - from + 1 };
  }
  if (commands === 'all') await copyAllCommands(store, options);
  yield* putCurrents(store, options);
}

/** Includes removed owners: their versions continue where they ended. */
async function* layBase(
  store: CopyStore,
  { position, hash, recordedAtMs }: Link,
  { source, projectionOf, breathe }: CopyOptions,
): AsyncGenerator<Copying, void> {
  const digest = new BaseDigest(hash);
  let folded = 0;
  for await (const rows of pagesOfOwners({ log: source, to: position, projectionOf, breathe })) {
    store.transaction(() => store.insertBaseStates(rows));
    for (const row of rows) digest.add(row);
    folded += eventsIn(rows);
    yield { writing: 'base', done: position + folded, of: 2 * position };
  }
  store.transaction(() => store.layBase({ position, hash, recordedAtMs, digest: digest.end() }));
}

/** Read from the copy: an index of the source may be damaged, this one was just made. */
async function* putCurrents(
  store: CopyStore,
  { to, projectionOf, breathe }: CopyOptions,
): AsyncGenerator<Copying, void> {
  let folded = 0;
  for await (const rows of pagesOfOwners({ log: store, to, projectionOf, breathe })) {
    store.transaction(() => store.putCurrents(rows.filter(({ state }) => state !== 'null')));
    folded += eventsIn(rows);
    yield { writing: 'owners', done: folded, of: to };
  }
}

/**
 * Events folded into these states, from the beginning of the log: as many as there are positions, once all owners are
 * counted.
 */
function eventsIn(rows: readonly StoredCurrent[]): number {
  return rows.reduce((sum, { version }) => sum + version, 0);
}

/** Copies the answers of the commands that wrote these events: a repeated command still gets its first answer. */
function copyCommands(store: SqliteStore, source: LogInspection, page: readonly ChainedEvent[]): void {
  let last = '';
  for (const { metadata } of page) {
    if (metadata === last) continue;
    last = metadata;
    const { commandId } = JSON.parse(metadata) as { commandId: string };
    const command = source.storedCommand(commandId);
    if (command !== undefined && store.command(commandId) === undefined) store.insertCommand(command);
  }
}

async function copyAllCommands(store: SqliteStore, { source, to, breathe }: CopyOptions): Promise<void> {
  for (let after = ''; ; await breathe()) {
    const page = source.storedCommands('', after, PAGE);
    store.transaction(() => {
      for (const command of page)
        if (command.position <= to && store.command(command.commandId) === undefined)
          store.insertCommand(command);
    });
    if (page.length < PAGE) return;
    after = page.at(-1)?.commandId ?? after;
  }
}

/** As `existsSync`, but a link that leads nowhere exists too. */
function exists(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch {
    // What hinders a look hinders the writing too, which says so.
    return false;
  }
}

function existing(path: string): DataUnusable {
  return new DataUnusable('data_unreadable', `expected to write ${path}, found that it exists already`);
}
