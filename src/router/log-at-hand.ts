/**
 * The log as this process has it open: repaired before anything uses it, reopened after its keeper has crashed, and
 * another file once an archive has replaced it.
 */
import {
  type EventLog,
  type LocalLog,
  LogUnavailable,
  leftBehind,
  openSqliteLog,
  type StreamName,
} from '../../eventlog/index.ts';
import { projectionOf } from '../projection.ts';
import type { ProcessLog } from '../telemetry/process-log.ts';
import { positionInJournal } from './lost-events.ts';

// A tenth of a second of reading. If there are more rows, only their number is checked at the start, and each row when
// it is used.
const CHECKED_AT_START = 10_000;

export class LogAtHand {
  readonly directory: string;
  /** Streams that cannot be read and have no earlier row either. */
  readonly unreadable: StreamName[] = [];
  readonly #processLog: ProcessLog;
  #first: LocalLog | undefined;
  #open: LocalLog | undefined;
  #isWrittenBack = false;

  constructor(directory: string, processLog: ProcessLog) {
    this.directory = directory;
    this.#processLog = processLog;
  }

  /**
   * Called once, before the tree starts: a directory that cannot be used is for the user to fix, not a crash to restart
   * from.
   */
  async openFirst(): Promise<LocalLog> {
    const log = this.#opened(false);
    try {
      this.#tellOfLoss(log.reader.position());
      this.#tellOfRemains();
      const { kept, expected } = log.currentRows();
      const isLarge = kept > CHECKED_AT_START && kept === expected;
      if (!isLarge) await this.#mend(log);
    } catch (error) {
      // Closing also releases the directory.
      await log.close();
      throw error;
    }
    this.#first = log;
    return log;
  }

  /** Returns the log that was opened before the tree; after a crash, opens it again with its caches as they are. */
  open(): EventLog {
    const opened = this.#first ?? this.#opened(true);
    this.#first = undefined;
    this.#open = opened;
    return opened;
  }

  /** Lets another process take the directory until this one opens the log again. */
  letGo(): void {
    this.#open?.letGo();
  }

  /** The open log, which an archive replaces. */
  get local(): LocalLog {
    if (this.#open === undefined) throw new TypeError('expected an open log, found none');
    return this.#open;
  }

  /** How many owners there should be; undefined if they have not been counted or the log cannot tell now. */
  get owners(): number | undefined {
    try {
      return this.local.owners;
    } catch (error) {
      if (!(error instanceof LogUnavailable)) throw error;
      return undefined;
    }
  }

  /** Whether another thread writes back now; applies to logs opened later as well. */
  writtenBackBeside(is: boolean): void {
    this.#isWrittenBack = is;
    (this.#first ?? this.#open)?.writtenBackBeside(is);
  }

  #opened(mustExist: boolean): LocalLog {
    const log = openSqliteLog({ directory: this.directory, now: Date.now, mustExist });
    log.writtenBackBeside(this.#isWrittenBack);
    return log;
  }

  #tellOfLoss(position: number): void {
    const known = positionInJournal(this.directory, (error) =>
      this.#processLog.warn({ err: error }, 'part of the journal cannot be read; it is left as it is'),
    );
    if (known <= position) return;
    this.#processLog.warn(
      { position, known, directory: this.directory },
      'the log ends before what its journal knows: events were lost, or an older copy is in its place (events.db and events.db-wal belong together)',
    );
  }

  /** Not removed: somebody who put a backup in the log's place may want the former one back. */
  #tellOfRemains(): void {
    const files = leftBehind(this.directory);
    if (files.length === 0) return;
    this.#processLog.warn(
      { files, directory: this.directory },
      'an interrupted archive or repair left unused files; they may be removed',
    );
  }

  /** Rebuilds rows that were dropped or damaged; streams that cannot be read are reported to the workers. */
  async #mend(log: LocalLog): Promise<void> {
    if (log.mendIndex()) this.#processLog.warn({}, 'the index of domains was damaged and is being rebuilt');
    const wanted = new Set<StreamName>(log.reader.streamsOutOfDate());
    log.reader.snapshotOfCurrents(
      () => {},
      (error) => wanted.add(error.stream as StreamName),
    );
    if (wanted.size > 0) await this.#rebuild(log, [...wanted]);
    log.acceptRowCount();
  }

  async #rebuild(log: LocalLog, wanted: readonly StreamName[]): Promise<void> {
    const { streams, unreadable } = await log.rebuildCurrents(projectionOf, wanted);
    this.#processLog.warn(
      { streams },
      'current rows were missing or damaged and are being rebuilt from the events',
    );
    for (const error of unreadable) {
      this.unreadable.push(error.stream as StreamName);
      this.#processLog.error({ err: error }, `${error.stream} cannot be read; its requests are answered 503`);
    }
  }
}
