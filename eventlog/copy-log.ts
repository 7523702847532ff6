/**
 * A part of a log as a log of its own: what came before it as a base, its events with their hashes, and what they fold
 * to. So an export, an archive, what an archive leaves and what a repair saves are all the same kind of file.
 */
import { closeSync, existsSync, fsyncSync, openSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import Database from 'better-sqlite3';
import { canonicalJson } from './canonical.ts';
import { codec } from './codec.ts';
import { DataUnusable, EventUnreadable } from './errors.ts';
import type { Json } from './json.ts';
import type { LogInspection, LogReader, StoredCurrent } from './log-reader.ts';
import type { StreamName } from './names.ts';
import type { Position } from './position.ts';
import { kindOf } from './rebuild.ts';
import type { OwnerProjection, ProjectionOf } from './replay.ts';
import { prepareSchema } from './schema.ts';
import { unusable } from './sqlite-errors.ts';
import { SqliteStore } from './sqlite-store.ts';
import { bytesOf, type ChainedEvent, chainHash, GENESIS } from './stored-event.ts';

export type CopyOptions = {
  readonly source: LogReader & LogInspection;
  /** Of a file that does not exist yet. */
  readonly path: string;
  /** Positions, inclusive. */
  readonly from: Position;
  readonly to: Position;
  readonly projectionOf: ProjectionOf;
  /** Whose answers: of those that wrote these events, of all up to `to` (those that wrote none, and archived ones, too), or none. */
  readonly commands?: 'these' | 'all' | 'none';
  /** Between pages. */
  readonly breathe: () => Promise<void>;
};

export type Copied = { readonly from: Position; readonly to: Position; readonly events: number };

type States = Map<string, { readonly version: number; readonly state: Json }>;
type Link = { readonly position: Position; readonly hash: string; readonly recordedAtMs: number };

const PAGE = 1000;
const NOTHING: Link = { position: 0, hash: GENESIS, recordedAtMs: 0 };

/** Throws `EventUnreadable` at the first event that is damaged or not linked to the one before it; then no file is left. */
export async function copyLog(options: CopyOptions): Promise<Copied> {
  requireAbsent(options.path);
  const store = createStore(options.path);
  try {
    await fill(store, options);
    store.seal();
  } catch (error) {
    store.close();
    rmSync(options.path, { force: true });
    throw error;
  }
  store.close();
  syncFile(options.path);
  return { from: options.from, to: options.to, events: options.to - options.from + 1 };
}

/** The last position that can be copied: what follows it is damaged, missing, or not linked to it. */
export async function lastSound(
  source: CopyOptions['source'],
  breathe: () => Promise<void>,
): Promise<Position> {
  let last: Link = source.base() ?? NOTHING;
  try {
    for await (const page of linked(source, last, Number.MAX_SAFE_INTEGER, breathe)) {
      for (const event of page) {
        codec.decode(event);
        last = event;
      }
    }
  } catch (error) {
    if (!(error instanceof EventUnreadable)) throw error;
    // Damage within a page: what of it is linked and readable is found one by one.
    return Math.max(last.position, error.position - 1);
  }
  return last.position;
}

class CopyStore extends SqliteStore {
  /** One file from now on, without anything beside it. */
  seal(): void {
    this.db.pragma('journal_mode = DELETE');
  }
}

function createStore(path: string): CopyStore {
  try {
    const db = new Database(path);
    prepareSchema(db);
    // A copy that is not finished is no copy; it is synchronised once, at its end.
    db.pragma('synchronous = OFF');
    return new CopyStore(db, () => {});
  } catch (error) {
    throw unusable(error, path);
  }
}

async function fill(store: CopyStore, options: CopyOptions): Promise<void> {
  const { source, from, to, projectionOf, breathe, commands = 'these' } = options;
  const states = baseStatesOf(source);
  const projections = { domain: projectionOf('domain'), pool: projectionOf('pool') };
  const fold = (event: ChainedEvent) => foldInto(states, event, projections[kindOf(event.stream)]);
  let link: Link = source.base() ?? NOTHING;
  for await (const page of linked(source, link, from - 1, breathe)) {
    page.forEach(fold);
    link = page.at(-1) ?? link;
  }
  if (from > 1) store.transaction(() => store.layBase(link, rowsOf(states)));
  for await (const page of linked(source, link, to, breathe)) {
    store.transaction(() => {
      page.forEach(fold);
      store.insertEvents(page);
      if (commands !== 'none') copyCommands(store, source, page);
    });
  }
  if (commands === 'all') await copyAllCommands(store, options);
  store.transaction(() => {
    store.putCurrents(rowsOf(states).filter((row) => row.state !== 'null'));
  });
}

/** Pages of events after a link and up to a position, each linked to the one before it. */
async function* linked(
  source: LogInspection,
  after: Link,
  to: Position,
  breathe: () => Promise<void>,
): AsyncGenerator<readonly ChainedEvent[]> {
  let last = after;
  while (last.position < to) {
    const page = source.storedEvents(last.position + 1, Math.min(PAGE, to - last.position));
    if (page.length === 0) {
      if (to === Number.MAX_SAFE_INTEGER) return;
      throw new EventUnreadable(last.position + 1, 'the log', `expected an event, found the end of the log`);
    }
    for (const event of page) {
      requireLinked(event, last);
      last = event;
    }
    yield page;
    await breathe();
  }
}

function requireLinked(event: ChainedEvent, before: Link): void {
  const { position, stream, hash } = event;
  if (position !== before.position + 1)
    throw new EventUnreadable(
      before.position + 1,
      stream,
      `expected an event, found none before ${position}`,
    );
  const expected = chainHash(before.hash, bytesOf(event));
  if (hash === expected) return;
  throw new EventUnreadable(position, stream, `expected hash ${expected}, found ${hash}`);
}

function baseStatesOf(source: LogInspection): States {
  const states: States = new Map();
  for (let after = ''; ; ) {
    const page = source.baseStates(after, PAGE);
    for (const { stream, version, state, intact } of page) {
      if (!intact)
        throw new EventUnreadable(0, stream, 'expected the base as it was written, found it damaged');
      states.set(stream, { version, state: JSON.parse(state) as Json });
    }
    if (page.length < PAGE) return states;
    after = page.at(-1)?.stream ?? after;
  }
}

function foldInto(states: States, stored: ChainedEvent, { initial, evolve }: OwnerProjection): void {
  const before = states.get(stored.stream);
  const state = evolve(before?.state ?? initial, codec.decode(stored));
  states.set(stored.stream, { version: stored.version, state });
}

/** Removed owners too: their versions go on where they ended. */
function rowsOf(states: States): StoredCurrent[] {
  return [...states]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([stream, { version, state }]) => ({
      stream: stream as StreamName,
      version,
      state: canonicalJson(state),
    }));
}

/** The answers of the commands that these events came from: a repetition still gets its first one. */
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

function requireAbsent(path: string): void {
  if (!existsSync(path)) return;
  throw new DataUnusable('data_unreadable', `expected to write ${path}, found that it exists already`);
}

/** The file and its name are on disk when this returns. */
export function syncFile(path: string): void {
  sync(path);
  sync(dirname(path));
}

/** A file or a directory as it is. */
export function sync(path: string): void {
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
