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
import type { Current, CurrentsPage, ReadOptions, Snapshot } from './readings.ts';

export interface EventLog {
  /**
   * Durable once it resolves. Appends are written in the order of the calls; those made together share a transaction.
   * Rejects with `LogUnavailable`: then nothing was written.
   */
  append(append: Append): Promise<Appended>;
  /** The earlier answer to a command id, or undefined: a repetition is recognised before anything is decided. */
  answered(
    commandId: string,
  ): Promise<{ readonly digest: string; readonly position: Position; readonly answer: Json } | undefined>;
  /** Commands whose id begins with `prefix`, and their answers, in order of id. */
  commands(prefix: string): Promise<readonly AnsweredCommand[]>;
  /** The last position, 0 for an empty log. */
  position(): Promise<Position>;
  /** The last archived position, kept in another file; 0: none. What can be read begins after it. */
  archived(): Promise<Position>;
  /** The last version of a stream; 0: it has no events. */
  version(stream: StreamName): Promise<Version>;
  /** Events by position. Rejects with `EventUnreadable` at the first that cannot be read. */
  read(options?: ReadOptions): Promise<readonly Recorded[]>;
  /** Events of one stream by version. Rejects with `EventUnreadable` at the first that cannot be read. */
  readStream(stream: StreamName, options?: ReadOptions): Promise<readonly Recorded[]>;
  /** The newest snapshot at or before a version that matches the chain; undefined if there is none. */
  snapshot(stream: StreamName, atMost?: Version): Promise<Snapshot | undefined>;
  /** The current row of one owner. Rejects with `EventUnreadable` if it is damaged; then its events can still be read. */
  current(stream: StreamName): Promise<Current | undefined>;
  /**
   * The owners' current states, in the order of `streams`; state null and version 0 for one that never existed. Rejects
   * with `EventUnreadable` if a row is damaged or behind its stream; then its events can still be read.
   */
  statesOf(streams: readonly StreamName[]): Promise<readonly Current[]>;
  /** The streams that have no current row: they do not exist, or their row was lost, which `statesOf` distinguishes. */
  absentAmong(streams: readonly StreamName[]): Promise<readonly StreamName[]>;
  currents(options: CurrentsPage): Promise<readonly Current[]>;
  /** Names of at most `limit` existing domains that name this pool. */
  domainsOf(pool: string, limit: number): Promise<readonly string[]>;
  /**
   * The listener is called once for each append that wrote events, in order, after the append is durable and before it
   * resolves.
   */
  onAppended(listener: (happened: Happened) => void): () => void;
  /** Another thread of this process appended these to the same log: tells the listeners as if they were appended here. */
  witness(happened: Happened): void;
  /** Waits for appends under way, then releases everything. */
  close(): Promise<void>;
}
