/**
 * The event log as everyone else sees it: an append-only sequence of events, dense from position 1, in which
 * every stream counts its own versions from 1. Adapters may keep it in SQLite, in memory or on another machine;
 * nothing here speaks of SQL, threads or files, and all adapters pass `test/contracts/event-log.ts`.
 */
import type { AnsweredCommand, Append, Appended } from './append/append-wish.ts';
import type { Happened } from './append/happened.ts';
import type { Recorded } from './events/events.ts';
import type { Json } from './json.ts';
import type { StreamName } from './names.ts';
import type { Position, Version } from './position.ts';
import type { Current, ReadOptions, Snapshot } from './readings.ts';

export interface EventLog {
  /**
   * Durable once it resolves. Appends are written in the order of the calls, several in one transaction where
   * they come together. Rejects with `LogUnavailable` (full, locked, closed): then nothing was written.
   */
  append(append: Append): Promise<Appended>;
  /** What was answered to a command id before, or undefined: a repetition is told before anything is decided. */
  answered(
    commandId: string,
  ): Promise<{ readonly digest: string; readonly position: Position; readonly answer: Json } | undefined>;
  /** Commands whose id begins so and what they were answered, in order of id. */
  commands(prefix: string): Promise<readonly AnsweredCommand[]>;
  /** The last position, 0 for an empty log. */
  position(): Promise<Position>;
  /** The last position that is archived, in another file; 0: none is. What is read begins after it. */
  archived(): Promise<Position>;
  /** The last version of a stream, 0 for one without events. */
  version(stream: StreamName): Promise<Version>;
  /** Events by position. Rejects with `EventUnreadable` at the first that cannot be read. */
  read(options?: ReadOptions): Promise<readonly Recorded[]>;
  /** Events of one stream by version. Rejects with `EventUnreadable` at the first that cannot be read. */
  readStream(stream: StreamName, options?: ReadOptions): Promise<readonly Recorded[]>;
  /** The newest snapshot at or before a version that matches the chain; undefined where there is none. */
  snapshot(stream: StreamName, atMost?: Version): Promise<Snapshot | undefined>;
  /** The current row of one owner. Rejects with `EventUnreadable` where it is damaged: the events still tell. */
  current(stream: StreamName): Promise<Current | undefined>;
  /**
   * What owners are now, in the order asked; state null and version 0 for one that never was. Rejects with `EventUnreadable`
   * where a row is damaged or behind its stream: the events still tell.
   */
  statesOf(streams: readonly StreamName[]): Promise<readonly Current[]>;
  /** Those without a current row: they are not, or their row was lost, which `statesOf` tells apart. */
  absentAmong(streams: readonly StreamName[]): Promise<readonly StreamName[]>;
  /** Current rows in order of stream name, after `after` (exclusive), of one kind of owner: a page of them. */
  currents(options: {
    readonly kind: 'domain' | 'pool';
    readonly after?: string;
    readonly limit: number;
    /** No more once what was read has so many characters of text: one at least. */
    readonly characters?: number;
  }): Promise<readonly Current[]>;
  /** Names of live domains whose pool is this one, at most `limit`. */
  domainsOf(pool: string, limit: number): Promise<readonly string[]>;
  /** Called once for each append that wrote events, in order, after it is durable and before it resolves. */
  onAppended(listener: (happened: Happened) => void): () => void;
  /** These were appended to the same log by another thread of this process: listeners are told as of an append here. */
  witness(happened: Happened): void;
  /** Waits for appends under way, then lets go of everything. */
  close(): Promise<void>;
}
