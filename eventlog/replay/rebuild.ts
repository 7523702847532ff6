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
  /** An error for each stream that could not be folded; an intact row of such a stream stays as it is. */
  readonly unreadable: readonly EventUnreadable[];
};

/** What a stream folds to, in canonical JSON, and the version of its last event. */
export type FoldEnd = { readonly version: number; readonly state: string };

const STREAMS = 100;
const PAGE = 1000;

/**
 * Rebuilds all streams of a log that was verified, or those named. Others may append meanwhile: each stream is rebuilt in
 * one step. Yields how many are done.
 */
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
  if (only === undefined) store.transaction(() => store.dropStrays());
  return { streams, unreadable };
}

/** What the fold of one stream reads from a log. */
export type StreamRows = Pick<LogInspection, 'base' | 'baseState' | 'storedEventsOf'>;

/**
 * Yields the snapshots in order of version, one at a time: those of a long stream of a large pool take gigabytes. Throws
 * `EventUnreadable` at the first event of the stream that cannot be read.
 */
export function* foldOf(
  log: StreamRows,
  stream: string,
  { initial, evolve }: OwnerProjection,
): Generator<StoredSnapshot, FoldEnd> {
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
  // While a snapshot was yielded, others may have appended.
  for (let before = -1; before !== given; ) {
    before = given;
    for (const stored of storedStream(log, stream, (last?.version ?? started) + 1)) {
      // The events of one command are one write, and a write leaves at most one snapshot, at its end.
      if (last !== undefined && last.metadata !== stored.metadata) yield* endOfWrite();
      state = evolve(state, codec.decode(stored));
      last = stored;
    }
    yield* endOfWrite();
  }
  return { version: last?.version ?? first - 1, state: canonicalJson(state) };
}

/** Where the fold of a stream begins in a log with a base. */
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
      // A damaged index may lead to an event of another stream.
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
 * Folds twice: nothing may be dropped before everything was read, and the results cannot all be held in memory.
 * `isUnverified`: an intact row that is ahead of the events found is trusted.
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
    // An intact row is the owner's last known state and stays; a damaged one would only hinder reading all rows.
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
  fold: Generator<StoredSnapshot, FoldEnd>,
  write: (snapshot: StoredSnapshot) => void = () => {},
): FoldEnd {
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
    // A page of the file is damaged; `verify` finds out which events of the stream are on it.
    return new EventUnreadable(0, stream, error.message, error);
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

/** The row was written with the event of its version. If that event is not found, the index is damaged or the file was cut. */
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
