/** Decides the result of one append against the existing rows: nothing is written before all of it has been checked. */

import { canonicalJson, parseJson } from '../events/canonical.ts';
import { codec, type EncodedEvent } from '../events/codec.ts';
import type { Recorded } from '../events/events.ts';
import { plainData } from '../events/plain.ts';
import { bytesOf, type ChainedEvent, chainHash, checksumOf, GENESIS } from '../events/stored-event.ts';
import { InternedNames } from '../interned-names.ts';
import type { Json } from '../json.ts';
import type { LogStore, StoredCurrent } from '../log-reader.ts';
import { parseStreamName, quoted, type StreamName } from '../names.ts';
import type { Position } from '../position.ts';
import type { Append, Appended, Write } from './append-wish.ts';
import { poolClashIn } from './pool-clash.ts';

/** An append in the form in which it is written, checked as far as possible without the log. */
export type Prepared = {
  readonly commandId: string;
  readonly digest: string;
  readonly metadata: string;
  readonly answer: string;
  readonly writes: readonly PreparedWrite[];
};

export type PreparedWrite = {
  readonly stream: StreamName;
  readonly expected: number;
  readonly events: readonly EncodedEvent[];
  /** Canonical JSON. */
  readonly current: string;
};

// Every 100 versions: activating an owner folds at most this many events.
const SNAPSHOT_EVERY = 100;
// A conflict shows an operator what won; a longer list should be read from the log.
const MAX_WON = 100;
const MAX_ID = 200;

/** Throws a TypeError for an invalid append: a bug of the caller, found before anything is written. */
export function prepare(append: Append): Prepared {
  requireText('commandId', append.commandId, MAX_ID);
  requireText('digest', append.digest, 1024);
  requireText('author', append.author, 1024);
  requireCausation(append.causation);
  const { commandId, author, causation } = append;
  const streams = new InternedNames();
  for (const { stream } of append.writes) streams.placeOf(stream);
  if (streams.names.length !== append.writes.length)
    throw new TypeError('expected one write a stream, found two');
  return {
    commandId,
    digest: append.digest,
    metadata: canonicalJson(
      causation === undefined ? { commandId, author } : { commandId, author, causation },
    ),
    answer: canonicalJson(append.answer),
    writes: append.writes.map(prepareWrite),
  };
}

/**
 * Why an append must not be written; undefined: it may be. Writes nothing. `mostWon`: how many of the events that won to
 * return.
 */
export function judge(append: Prepared, store: LogStore, mostWon = MAX_WON): Appended | undefined {
  const known = store.command(append.commandId);
  if (known !== undefined && known.digest === append.digest) {
    return { type: 'repeated', position: known.position, answer: parseJson(known.answer) };
  }
  if (known !== undefined) return { type: 'reused', commandId: append.commandId };
  const { writes } = append;
  const versions = store.versionsOf(writes.map((write) => write.stream));
  const at = writes.findIndex((write, index) => versions[index] !== write.expected);
  if (at !== -1) return conflict(writes[at]!, versions[at] ?? 0, store, mostWon);
  const clash = poolClashIn(writes, () => store.poolsByKey());
  return clash && { type: 'clash', ...clash };
}

/** Whether a write that took its stream from one version to another leaves a snapshot of it. */
export function crossesSnapshot(before: number, after: number): boolean {
  return Math.floor(after / SNAPSHOT_EVERY) > Math.floor(before / SNAPSHOT_EVERY);
}

function conflict(
  { stream, expected }: PreparedWrite,
  found: number,
  store: LogStore,
  mostWon: number,
): Appended {
  const isTold = found > expected && mostWon > 0;
  const won = isTold ? store.readStream(stream, { from: expected + 1, limit: mostWon }) : [];
  return { type: 'conflict', stream, expected, found, won };
}

/** `first`: the position of its first event, if it has any. */
export type Written = {
  readonly appended: Extract<Appended, { type: 'appended' }>;
  readonly first: Position;
  readonly recordedAtMs: number;
};

/** Writes the rows of an append that `judge` accepted. */
export function record(append: Prepared, store: LogStore, nowMs: number): Written {
  const before = store.tip();
  // A clock that was set back must not make history run backwards.
  const recordedAtMs = Math.max(Math.trunc(nowMs), before?.recordedAtMs ?? 0);
  const rows: ChainedEvent[] = [];
  const currents: StoredCurrent[] = [];
  let position: Position = before?.position ?? 0;
  const first = position + 1;
  let hash = before?.hash ?? GENESIS;
  for (const write of append.writes) {
    let version = write.expected;
    for (const encoded of write.events) {
      position += 1;
      version += 1;
      const { stream } = write;
      const row = chained(
        encoded,
        { position, stream, version, recordedAtMs, metadata: append.metadata },
        hash,
      );
      hash = row.hash;
      rows.push(row);
    }
    if (write.events.length === 0) continue;
    if (write.current === 'null') store.removeCurrent(write.stream);
    else currents.push({ stream: write.stream, version, state: write.current });
    if (crossesSnapshot(write.expected, version))
      store.insertSnapshot({ stream: write.stream, state: write.current, version, position, hash });
  }
  // Together, since the calls are half of the work.
  store.insertEvents(rows);
  store.putCurrents(currents);
  store.insertCommand({
    commandId: append.commandId,
    digest: append.digest,
    position,
    answer: append.answer,
  });
  let events: readonly Recorded[] | undefined;
  const appended = {
    type: 'appended',
    position,
    // Made on demand: for a bulk nobody asks for them.
    get events() {
      events ??= recordedOf(append, first, recordedAtMs);
      return events;
    },
  } as const;
  return { appended, first, recordedAtMs };
}

/** What an append wrote, as a read returns it: what was checked when it was encoded is not checked again. */
export function recordedOf(append: Prepared, first: Position, recordedAtMs: number): readonly Recorded[] {
  const metadata = parseJson(append.metadata);
  const events: Recorded[] = [];
  for (const { stream, expected, events: encoded } of append.writes) {
    for (let place = 0; place < encoded.length; place++) {
      const { type, data: text } = encoded[place]!;
      const [position, version] = [first + events.length, expected + place + 1];
      const data = plainData(text) ?? parseJson(text);
      const event = { position, stream, version, type, data, recordedAtMs, metadata };
      events.push(event as unknown as Recorded);
    }
  }
  return events;
}

type Place = Pick<ChainedEvent, 'position' | 'stream' | 'version' | 'recordedAtMs' | 'metadata'>;

function chained({ type, schemaVersion, data }: EncodedEvent, place: Place, previous: string): ChainedEvent {
  const { position, stream, version, recordedAtMs, metadata } = place;
  const event = { position, stream, version, type, schemaVersion, data, metadata, recordedAtMs };
  const bytes = bytesOf(event);
  return {
    position,
    stream,
    version,
    type,
    schemaVersion,
    data,
    metadata,
    recordedAtMs,
    checksum: checksumOf(bytes),
    hash: chainHash(previous, bytes),
  };
}

function prepareWrite(write: Write): PreparedWrite {
  const name = parseStreamName(write.stream);
  if (!name.ok) throw new TypeError(`stream: ${name.problem}`);
  if (!Number.isSafeInteger(write.expected) || write.expected < 0) {
    throw new TypeError(`expected a version of ${write.stream} from 0, found ${write.expected}`);
  }
  return {
    stream: write.stream,
    expected: write.expected,
    events: write.events.map((event) => codec.encode(write.stream, event)),
    current: canonicalJson(write.current),
  };
}

// A lone surrogate has no UTF-8 form: two ids that differ only in one would be stored as the same bytes.
function requireText(what: string, text: string, most: number): void {
  if (typeof text === 'string' && text.length >= 1 && text.length <= most && text.isWellFormed()) return;
  const found = typeof text === 'string' ? quoted(text) : typeof text;
  throw new TypeError(`expected ${what} to be well-formed text of 1 to ${most} characters, found ${found}`);
}

function requireCausation(causation: Json | undefined): void {
  if (causation === undefined || (Number.isSafeInteger(causation) && Number(causation) >= 1)) return;
  throw new TypeError(`expected causation to be a position, found ${canonicalJson(causation)}`);
}
