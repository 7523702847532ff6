/**
 * Reads the log synchronously, in the process that has its rows: workers that activate an owner during a request, and
 * commands on a directory at rest. Where `EventLog` rejects, these methods throw.
 */
import type { PoolOfKey } from './append/pool-clash.ts';
import type { EventUnreadable } from './errors.ts';
import type { Recorded } from './events/events.ts';
import type { ChainedEvent } from './events/stored-event.ts';
import type { StreamName } from './names.ts';
import type { Position, Version } from './position.ts';
import type { Current, ReadOptions, Snapshot } from './readings.ts';

export type CurrentsPage = {
  readonly kind: 'domain' | 'pool';
  /** A stream name, exclusive. */
  readonly after?: string;
  readonly limit: number;
  /** No more once what was read has so many characters of text: one at least, and fewer than there are, perhaps. */
  readonly characters?: number;
};

export interface LogReader {
  position(): Position;
  version(stream: StreamName): Version;
  read(options?: ReadOptions): readonly Recorded[];
  readStream(stream: StreamName, options?: ReadOptions): readonly Recorded[];
  snapshot(stream: StreamName, atMost?: Version): Snapshot | undefined;
  current(stream: StreamName): Current | undefined;
  /** What owners are now, in the order asked; state null and version 0 for one that never was. */
  statesOf(streams: readonly StreamName[]): readonly Current[];
  /** The last version of each, in the order asked. */
  versionsOf(streams: readonly StreamName[]): readonly Version[];
  /** Those without a current row: they are not, or their row was lost. */
  absentAmong(streams: readonly StreamName[]): readonly StreamName[];
  /** One owner's state, and the log's position at that moment: one prepared read, for whoever activates an owner. */
  activate(stream: StreamName): Current & { readonly position: Position };
  /** Streams of all live domains, many in a text, a line each, in no order; returns the position at which they are so. */
  domainNames(visit: (streams: string) => void): Position;
  currents(options: CurrentsPage): readonly Current[];
  domainsOf(pool: string, limit: number): readonly string[];
  /**
   * Every current row as of one moment, in order of stream name; returns the position of that moment. Throws
   * `EventUnreadable` at a damaged row, unless `damaged` takes it: then the rows of all others are still visited.
   */
  snapshotOfCurrents(visit: (current: Current) => void, damaged?: (error: EventUnreadable) => void): Position;
  /** Streams whose current row is missing or behind: for whoever opens a log whose caches were dropped. */
  streamsOutOfDate(): readonly StreamName[];
  close(): void;
}

/** What an archived prefix of the log ended with; the log's first event follows it. */
export type Base = {
  readonly position: Position;
  readonly hash: string;
  readonly recordedAtMs: number;
  /** Over all its states. */
  readonly digest: string;
};

/** The rows as they are, damaged or not, for those who check them. */
export interface LogInspection {
  /** What is wrong with the file that keeps the rows, apart from what they say; at most a few lines. */
  structuralDamage(): readonly string[];
  /** Undefined for a log that begins with its first event. */
  base(): Base | undefined;
  /** What the base knows of a stream. */
  baseState(stream: string): Kept<StoredCurrent> | undefined;
  /** In order of stream name, after `after`; no more once they have so many characters, but one. */
  baseStates(after: string, limit: number, characters: number): readonly Kept<StoredCurrent>[];
  /** In order of position, from `from`, whatever positions there are; no more once they have so many characters of data, but one. */
  storedEvents(from: number, limit: number, characters?: number): readonly ChainedEvent[];
  /** Of one stream in order of version, from `from`. */
  storedEventsOf(stream: string, from: Version, limit: number): readonly ChainedEvent[];
  /** In order of stream and version, after a version of a stream. Through the index of streams. */
  storedEventsByStream(after: StreamPlace, most: StreamsPage): readonly ChainedEvent[];
  /** Where a version of a stream is, 0 where it is not. Through the index of streams alone. */
  positionOf(stream: string, version: Version): Position;
  /** Where the index of streams has each event of that page of `storedEvents`, as `positionOf` says, in the page's order. */
  indexedAt(from: number, limit: number): readonly Position[];
  /** The stream of each event of that page of `storedEvents`, in the page's order, without what the event says. */
  streamsAt(from: number, limit: number): readonly string[];
  /** Names of streams that have events, in order, after `after`. */
  streams(after: string, limit: number): readonly string[];
  /** Current rows of any kind as kept, in order of stream name, after `after`. */
  storedCurrents(after: string, limit: number): readonly Kept<StoredCurrent>[];
  storedCurrent(stream: string): Kept<StoredCurrent> | undefined;
  /** How many current rows there are, and bytes of text in them; no more than `most` rows are counted. */
  sizeOfCurrents(most: number): { readonly rows: number; readonly bytes: number };
  /** In order of version, after `after`. */
  storedSnapshots(stream: string, after: Version, limit: number): readonly Kept<StoredSnapshot>[];
  /**
   * All that is kept of several streams, as of one moment: of the first of them, as many as have fewer than `events` events
   * together, which may be none.
   */
  storedOwners(streams: readonly string[], events: number): readonly StoredOwner[];
  /** Current rows in order of stream name, after `after`, and whether the log knows their streams. */
  rowsOf(after: string, limit: number): readonly StoredRow[];
  /** What a command was answered. */
  storedCommand(commandId: string): StoredCommand | undefined;
  /** Commands whose id begins so, in order of id, after `after`. */
  storedCommands(prefix: string, after: string, limit: number): readonly StoredCommand[];
}

/** Of events up to a position; `characters` of data, at least one event. */
export type StreamsPage = { readonly to: Position; readonly limit: number; readonly characters: number };
export type StreamPlace = { readonly stream: string; readonly version: Version };

/** `state` is canonical JSON. */
export type StoredCurrent = { readonly stream: string; readonly version: Version; readonly state: string };

/** `state` is canonical JSON; `hash` is that of the event at `position`. */
export type StoredSnapshot = StoredCurrent & { readonly position: Position; readonly hash: string };

/** A stream's events in order of version, and what is kept beside them. */
export type StoredOwner = {
  readonly stream: string;
  readonly base: Kept<StoredCurrent> | undefined;
  readonly events: readonly ChainedEvent[];
  readonly current: Kept<StoredCurrent> | undefined;
  readonly snapshots: readonly Kept<StoredSnapshot>[];
};

/** `isKnown`: by an event or a base. */
export type StoredRow = { readonly stream: string; readonly version: Version; readonly isKnown: boolean };

/** As it was found: `intact` where it is what was written. */
export type Kept<Row> = Row & { readonly intact: boolean };

export type Tip = Pick<ChainedEvent, 'position' | 'hash' | 'recordedAtMs'>;

export type StoredCommand = {
  readonly commandId: string;
  readonly digest: string;
  readonly position: Position;
  /** Canonical JSON. */
  readonly answer: string;
};

/** Where the rows of one log are kept. What is written in a `transaction` is kept wholly or not at all. */
export interface LogStore extends LogReader, LogInspection {
  /** Throws what `work` throws, or `LogUnavailable`; then nothing of it is kept. */
  transaction(work: () => void): void;
  /** Transactions from now on are part of one, which is kept at the `commit` or not at all. */
  begin(): void;
  /** Throws `LogUnavailable`; then nothing since `begin` is kept. */
  commit(): void;
  /** Nothing since `begin` is kept. Throws `LogUnavailable`: then nobody can write before this is closed. */
  abandon(): void;
  command(commandId: string): StoredCommand | undefined;
  /** What pools there are, as of now. */
  poolsByKey(): PoolOfKey;
  /** What the next event follows; undefined where it is the first of all. */
  tip(): Tip | undefined;
  /** In order of position. */
  insertEvents(events: readonly ChainedEvent[]): void;
  insertCommand(command: StoredCommand): void;
  /** Before anything else is inserted: all of them, and then the base itself. */
  insertBaseStates(states: readonly StoredCurrent[]): void;
  layBase(base: Base): void;
  insertSnapshot(snapshot: StoredSnapshot): void;
  /** Of as many streams. */
  putCurrents(rows: readonly StoredCurrent[]): void;
  removeCurrent(stream: string): void;
  /** How many current rows there are, and how many there should be; undefined: nobody has counted yet. */
  currentRows(): { readonly kept: number; readonly expected: number | undefined };
  /** The second of these alone, which takes no counting. */
  expectedRows(): number | undefined;
  /** All of them were checked, and so many they are. */
  expectCurrentRows(rows: number): void;
  /** Makes the index of current rows again if it does not say what they do; whether it did not. */
  mendIndex(): boolean;
  /** Removes the current row and the snapshots of one stream, which are caches. */
  dropCaches(stream: string): void;
  /** Whether somebody beside writes the file's pages back (`WriteBack`): then this one does so only where it must. */
  writtenBackBeside(is: boolean): void;
  /** Writes the file's pages back if so many have come since that was last done in full; from now on never at a commit. */
  writeBack(pages: number): void;
  /** From now on another process may write: this one only reads. */
  letGo(): void;
}
