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
import type { Current, CurrentsPage, ReadOptions, Snapshot } from './readings.ts';

export interface LogReader {
  position(): Position;
  version(stream: StreamName): Version;
  read(options?: ReadOptions): readonly Recorded[];
  readStream(stream: StreamName, options?: ReadOptions): readonly Recorded[];
  snapshot(stream: StreamName, atMost?: Version): Snapshot | undefined;
  current(stream: StreamName): Current | undefined;
  /** The owners' current states, in the order of `streams`; state null and version 0 for one that never existed. */
  statesOf(streams: readonly StreamName[]): readonly Current[];
  /** The last version of each stream, in the order of `streams`. */
  versionsOf(streams: readonly StreamName[]): readonly Version[];
  /** The streams without a current row: they do not exist, or their row was lost. */
  absentAmong(streams: readonly StreamName[]): readonly StreamName[];
  /** One owner's state and the log's position at that moment: one prepared read, for activating an owner. */
  activate(stream: StreamName): Current & { readonly position: Position };
  /**
   * Visits the streams of all existing domains, many in one text, one per line, in no order; returns the position at which
   * this holds.
   */
  domainNames(visit: (streams: string) => void): Position;
  currents(options: CurrentsPage): readonly Current[];
  domainsOf(pool: string, limit: number): readonly string[];
  /**
   * Visits every current row as of one moment, in order of stream name; returns the position of that moment. Throws
   * `EventUnreadable` at a damaged row, unless `damaged` takes it: then all other rows are still visited.
   */
  snapshotOfCurrents(visit: (current: Current) => void, damaged?: (error: EventUnreadable) => void): Position;
  /** Streams whose current row is missing or behind: for opening a log whose caches were dropped. */
  streamsOutOfDate(): readonly StreamName[];
  close(): void;
}

/** The end of an archived prefix of the log; the log's first event follows it. */
export type Base = {
  readonly position: Position;
  readonly hash: string;
  readonly recordedAtMs: number;
  /** Over all its states. */
  readonly digest: string;
};

/** The rows as they are stored, damaged or not, for checking them. */
export interface LogInspection {
  /** What is wrong with the structure of the file that keeps the rows, not with their content; at most a few lines. */
  structuralDamage(): readonly string[];
  /** Undefined for a log that begins with its first event. */
  base(): Base | undefined;
  /** The state of a stream in the base. */
  baseState(stream: string): Kept<StoredCurrent> | undefined;
  /** In order of stream name, after `after`; stops once they have this many characters, after at least one. */
  baseStates(after: string, limit: number, characters: number): readonly Kept<StoredCurrent>[];
  /**
   * In order of position, from `from`, whatever positions exist; stops once they have this many characters of data, after
   * at least one.
   */
  storedEvents(from: number, limit: number, characters?: number): readonly ChainedEvent[];
  /** Events of one stream in order of version, from `from`. */
  storedEventsOf(stream: string, from: Version, limit: number): readonly ChainedEvent[];
  /** In order of stream and version, after a version of a stream. Read through the index of streams. */
  storedEventsByStream(after: StreamPlace, most: StreamsPage): readonly ChainedEvent[];
  /** The position of a version of a stream; 0: it is not there. Read from the index of streams alone. */
  positionOf(stream: string, version: Version): Position;
  /** Where the index of streams has each event of that page of `storedEvents`, as by `positionOf`, in the order of the page. */
  indexedAt(from: number, limit: number): readonly Position[];
  /** The stream of each event of that page of `storedEvents`, in the order of the page, without its content. */
  streamsAt(from: number, limit: number): readonly string[];
  /** Names of streams that have events, in order, after `after`. */
  streams(after: string, limit: number): readonly string[];
  /** A current row of any kind, as stored. */
  storedCurrent(stream: string): Kept<StoredCurrent> | undefined;
  /** How many current rows there are, and how many bytes of text they have; counts at most `most` rows. */
  sizeOfCurrents(most: number): { readonly rows: number; readonly bytes: number };
  /** In order of version, after `after`. */
  storedSnapshots(stream: string, after: Version, limit: number): readonly Kept<StoredSnapshot>[];
  /**
   * All that is stored of several streams, as of one moment: of the first of them, as many as have fewer than `events`
   * events together, which may be none.
   */
  storedOwners(streams: readonly string[], events: number): readonly StoredOwner[];
  /** Current rows in order of stream name, after `after`, and whether the log knows their streams. */
  rowsOf(after: string, limit: number): readonly StoredRow[];
  /** The stored answer to a command. */
  storedCommand(commandId: string): StoredCommand | undefined;
  /** Commands whose id begins with `prefix`, in order of id, after `after`. */
  storedCommands(prefix: string, after: string, limit: number): readonly StoredCommand[];
}

/** Events up to `to`; `characters` of data at most, but at least one event. */
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

/** `isKnown`: there is an event or a base of the stream. */
export type StoredRow = { readonly stream: string; readonly version: Version; readonly isKnown: boolean };

/** As it was found; `intact`: it is what was written. */
export type Kept<Row> = Row & { readonly intact: boolean };

export type Tip = Pick<ChainedEvent, 'position' | 'hash' | 'recordedAtMs'>;

export type StoredCommand = {
  readonly commandId: string;
  readonly digest: string;
  readonly position: Position;
  /** Canonical JSON. */
  readonly answer: string;
};

/** Where the rows of one log are stored. What is written in a `transaction` is kept completely or not at all. */
export interface LogStore extends LogReader, LogInspection {
  /** Throws what `work` throws, or `LogUnavailable`; then nothing of it is kept. */
  transaction(work: () => void): void;
  /** Makes the following transactions parts of one, which is kept at the `commit` or not at all. */
  begin(): void;
  /** Throws `LogUnavailable`; then nothing since `begin` is kept. */
  commit(): void;
  /** Drops everything since `begin`. Throws `LogUnavailable`: then nobody can write before this store is closed. */
  rollback(): void;
  command(commandId: string): StoredCommand | undefined;
  /** The pools that exist now, by key. */
  poolsByKey(): PoolOfKey;
  /** What the next event follows; undefined: it is the first of all. */
  tip(): Tip | undefined;
  /** In order of position. */
  insertEvents(events: readonly ChainedEvent[]): void;
  insertCommand(command: StoredCommand): void;
  /** Before anything else is inserted: all of them, and then the base itself. */
  insertBaseStates(states: readonly StoredCurrent[]): void;
  layBase(base: Base): void;
  insertSnapshot(snapshot: StoredSnapshot): void;
  /** At most one row per stream. */
  putCurrents(rows: readonly StoredCurrent[]): void;
  removeCurrent(stream: string): void;
  /** How many current rows there are, and how many there should be; undefined: they were never counted. */
  currentRows(): { readonly kept: number; readonly expected: number | undefined };
  /** Only how many there should be, which takes no counting. */
  expectedRows(): number | undefined;
  /** All current rows were checked, and this is their number. */
  expectCurrentRows(rows: number): void;
  /** Rebuilds the index of current rows if it disagrees with them; returns whether it did. */
  mendIndex(): boolean;
  /** Removes the current row and the snapshots of one stream, which are caches. */
  dropCaches(stream: string): void;
  /** Removes those of streams without events, which no version of switchyard wrote. */
  dropStrays(): void;
  /** Whether something else writes the file's pages back (`WriteBack`): then this store does so only when it must. */
  writtenBackBeside(is: boolean): void;
  /**
   * Writes the file's pages back if this many have been added since that was last done completely; from now on no commit
   * does it.
   */
  writeBack(pages: number): void;
  /** From now on another process may write: this store only reads. */
  letGo(): void;
}
