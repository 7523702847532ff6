/**
 * The event log as everyone else sees it: an append-only sequence of events, dense from position 1, in which
 * every stream counts its own versions from 1. Adapters may keep it in SQLite, in memory or on another machine;
 * nothing here speaks of SQL, threads or files, and all adapters pass `test/contracts/event-log.ts`.
 */
import type { Recorded, SwitchyardEvent } from './events.ts';
import type { Happened } from './happened.ts';
import type { StreamName } from './names.ts';

/** Place in the whole log, dense, from 1; 0 is before everything. */
export type Position = number;
/** Place in one stream, dense, from 1; 0 is before its first event. */
export type Version = number;
/** What JSON can say; what owners are stored as. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

export type Write = {
  readonly stream: StreamName;
  /** The stream's version must be this, or nothing of the whole append is written. */
  readonly expected: Version;
  /** None: the write only guards that the stream has not moved. */
  readonly events: readonly SwitchyardEvent[];
  /** The owner's state once the events have happened, kept as its current row; null removes the row. */
  readonly current: Json;
};

export type Append = {
  /** 1 to 200 characters. A second append with the same id writes nothing and gets the first one's answer. */
  readonly commandId: string;
  /** Digest of what was asked, so that an id used again for something else is told from a repetition. */
  readonly digest: string;
  readonly author: string;
  readonly causation?: Position;
  /** Kept beside the command id and returned on repetition. */
  readonly answer: Json;
  /** All or nothing; one entry a stream. */
  readonly writes: readonly Write[];
};

export type Appended =
  | {
      readonly type: 'appended';
      /** The log's last position once this was written, even where it wrote no event. */
      readonly position: Position;
      readonly events: readonly Recorded[];
    }
  | { readonly type: 'repeated'; readonly position: Position; readonly answer: Json }
  | { readonly type: 'reused'; readonly commandId: string }
  | {
      readonly type: 'conflict';
      readonly stream: StreamName;
      readonly expected: Version;
      readonly found: Version;
      /** At most 100 of the events that won: those of the stream after `expected`. */
      readonly won: readonly Recorded[];
    };

/** An owner as of `version`, the state that folding its stream gives. */
export type Current = {
  readonly stream: StreamName;
  readonly version: Version;
  readonly state: Json;
};

/** A fold of a stream's first `version` events; `state` null: none, then. `hash` is that of the last event it folds. */
export type Snapshot = {
  readonly stream: StreamName;
  readonly version: Version;
  readonly position: Position;
  readonly hash: string;
  readonly state: Json;
};

export type AnsweredCommand = {
  readonly commandId: string;
  readonly position: Position;
  readonly answer: Json;
};

export type ReadOptions = {
  /** First position (or, of one stream, version) to read, inclusive; 1 by default. */
  readonly from?: number;
  /** Last one, inclusive; the end by default. */
  readonly to?: number;
  /** At most this many; 1 000 by default and at most 10 000. */
  readonly limit?: number;
};

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
