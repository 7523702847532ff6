/** Rebuilds current rows and snapshots from the events, identical to those written originally. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { crossesSnapshot } from '../append/append.ts';
import { EventUnreadable } from '../errors.ts';
import { canonicalJson } from '../events/canonical.ts';
import { codec } from '../events/codec.ts';
import type { ChainedEvent } from '../events/stored-event.ts';
import type { Json } from '../json.ts';
import type { LogInspection, LogStore, StoredSnapshot } from '../log-reader.ts';
import { kindOf, type StreamName } from '../names.ts';
import type { Version } from '../position.ts';
import type { Current } from '../readings.ts';
import { isOfTheFile } from '../sqlite/sqlite-errors.ts';
import { damagedState } from './cached-state.ts';
import type { OwnerProjection, ProjectionOf } from './replay.ts';

export type Rebuilt = {
  readonly streams: number;
  /** Of each stream that could not be folded; an intact row of it is left as it was. */
  readonly unreadable: readonly EventUnreadable[];
};

/** What a stream comes to, in canonical JSON. */
export type Whole = { readonly version: number; readonly state: string };

const STREAMS = 100;
const PAGE = 1000;

/** All streams, of a log that was verified, or those named. Others may append meanwhile: each stream is rebuilt in one step. Says of how many that is done. */
export async function* rebuilding(
  store: LogStore,
  projectionOf: ProjectionOf,
  only?: readonly StreamName[],
): AsyncGenerator<number, Rebuilt> {
  const unreadable: EventUnreadable[] = [];
  let streams = 0;
  for await (const names of only === undefined ? pagesOf(store) : [only]) {
    store.transaction(() => {
      for (const stream of names) rebuildStream(store, stream, projectionOf, unreadable, only !== undefined);
    });
    streams += names.length;
    yield streams;
  }
  if (only === undefined) await dropOrphans(store);
  return { streams, unreadable };
}

/** What of a log a fold of one stream reads. */
export type StreamRows = Pick<LogInspection, 'base' | 'baseState' | 'storedEventsOf'>;

/**
 * Gives the snapshots in order of version, one at a time: those of a long stream of a large pool are gigabytes. Throws
 * `EventUnreadable` at the first event of the stream that cannot be read.
 */
export function* foldOf(
  log: StreamRows,
  stream: string,
  { initial, evolve }: OwnerProjection,
): Generator<StoredSnapshot, Whole> {
  const base = baseOf(log, stream);
  let state: Json = base?.state ?? initial;
  let started = base?.version ?? 0;
  const first = started + 1;
  let last: ChainedEvent | undefined;
  let given = 0;
  const endOfWrite = function* (): Generator<StoredSnapshot, void> {
    if (last === undefined) return;
    const { version, position, hash } = last;
    const before = started;
    started = version;
    if (!crossesSnapshot(before, version)) return;
    given += 1;
    yield { stream, version, position, hash, state: canonicalJson(state) };
  };
  // Whoever was given a snapshot may have let others append.
  for (let before = -1; before !== given; ) {
    before = given;
    for (const stored of storedStream(log, stream, (last?.version ?? started) + 1)) {
      // The events of one command are one write, and a write has at most one snapshot, at its end.
      if (last !== undefined && last.metadata !== stored.metadata) yield* endOfWrite();
      state = evolve(state, codec.decode(stored));
      last = stored;
    }
    yield* endOfWrite();
  }
  return { version: last?.version ?? first - 1, state: canonicalJson(state) };
}

/** Where the fold of a stream begins in a log that has a base. */
function baseOf(log: StreamRows, stream: string): { state: Json; version: number } | undefined {
  const row = log.baseState(stream);
  if (row === undefined) return undefined;
  if (!row.intact) throw damagedState(stream, row.version, log.base()?.position ?? 0);
  return { state: JSON.parse(row.state) as Json, version: row.version };
}

function* storedStream(log: StreamRows, stream: string, first: number): Generator<ChainedEvent> {
  for (let from = first; ; from += PAGE) {
    const page = log.storedEventsOf(stream, from, PAGE);
    for (const [index, stored] of page.entries()) {
      // A damaged index may lead to another's event.
      if (stored.version !== from + index || stored.stream !== stream) {
        const message = `expected version ${from + index} here, found ${stored.version} of ${stored.stream}`;
        throw new EventUnreadable(stored.position, stream, message);
      }
      yield stored;
    }
    if (page.length < PAGE) return;
  }
}

/**
 * Folded twice, since nothing may be dropped before all of it was read, and not all that it comes to can be held. `isUnverified`: its
 * row is believed where it is intact and ahead of what events are found.
 */
function rebuildStream(
  store: LogStore,
  stream: string,
  projectionOf: ProjectionOf,
  failed: EventUnreadable[],
  isUnverified: boolean,
): void {
  const projection = projectionOf(kindOf(stream));
  const row = intactRow(store, stream);
  const damage = damageIn(stream, () => {
    const { version } = written(foldOf(store, stream, projection));
    if (isUnverified && row !== undefined && row.version > version) throw endsBefore(row, version);
  });
  if (damage !== undefined) {
    failed.push(damage);
    // An intact row is the owner's last view and stays; a damaged one would only hinder whoever reads them all.
    if (row === undefined) store.dropCaches(stream);
    return;
  }
  store.dropCaches(stream);
  const { version, state } = written(foldOf(store, stream, projection), (snapshot) =>
    store.insertSnapshot(snapshot),
  );
  if (state !== 'null') store.putCurrents([{ stream, version, state }]);
}

function written(
  fold: Generator<StoredSnapshot, Whole>,
  write: (snapshot: StoredSnapshot) => void = () => {},
): Whole {
  for (;;) {
    const step = fold.next();
    if (step.done === true) return step.value;
    write(step.value);
  }
}

function damageIn(stream: string, read: () => unknown): EventUnreadable | undefined {
  try {
    read();
    return undefined;
  } catch (error) {
    if (error instanceof EventUnreadable) return error;
    if (!isOfTheFile(error)) throw error;
    // A damaged page of the file: which of the stream's events lie on it, `verify` finds out.
    return new EventUnreadable(0, stream, error.message, error);
  }
}

/** Rows of streams that have no events, which nothing of ours ever wrote. */
async function dropOrphans(store: LogStore): Promise<void> {
  for (let after = ''; ; await nextTurn()) {
    const page = store.storedCurrents(after, PAGE);
    store.transaction(() => {
      for (const { stream } of page) {
        if (store.version(stream as StreamName) === 0) store.dropCaches(stream);
      }
    });
    after = page.at(-1)?.stream ?? after;
    if (page.length < PAGE) return;
  }
}

async function* pagesOf(log: LogInspection): AsyncGenerator<readonly string[]> {
  for (let after = ''; ; await nextTurn()) {
    const names = log.streams(after, STREAMS);
    if (names.length > 0) yield names;
    if (names.length < STREAMS) return;
    after = names.at(-1) ?? after;
  }
}

/** It was written with the event of its version: where that is not found, the index that leads to it is damaged, or the file was cut. */
function endsBefore({ stream, version }: Current, found: Version): EventUnreadable {
  const message = `expected version ${version}, which its current row folds, found its events to end with ${found}`;
  return new EventUnreadable(0, stream, message);
}

function intactRow(store: LogStore, stream: string): Current | undefined {
  try {
    return store.current(stream as StreamName);
  } catch (error) {
    if (error instanceof EventUnreadable) return undefined;
    throw error;
  }
}
