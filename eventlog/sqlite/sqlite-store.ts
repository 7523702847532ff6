/** The rows of a log in SQLite, for its writer. */
import type Database from 'better-sqlite3';
import type { PoolOfKey } from '../append/pool-clash.ts';
import { LogUnavailable } from '../errors.ts';
import type { ChainedEvent } from '../events/stored-event.ts';
import type { Base, LogStore, StoredCommand, StoredCurrent, StoredSnapshot } from '../log-reader.ts';
import { stateChecksum } from '../replay/cached-state.ts';
import { poolsNamedBy } from '../settings/pool-of.ts';
import { PoolKeys } from './pool-keys.ts';
import {
  areAlike,
  currentValues,
  eventValues,
  isOneVersion,
  ownValues,
  poolColumn,
  stateValues,
} from './row-values.ts';
import { SqliteReads } from './sqlite-reads.ts';
import { AT_ONCE, type WriteStatements, writeStatements } from './sqlite-statements.ts';
import { type UpkeepStatements, upkeepStatements } from './upkeep.ts';
import { Whereabouts } from './whereabouts.ts';

// Answers grow old one by one, and are deleted some hundreds at a time.
const PRUNE_EVERY = 100;
// 4 MiB: a checkpoint stalls commands, for 12 ms at this size and 30 ms at four times of it. One in eighty single changes
// meets one, and writing pages back more often costs an import nothing measurable.
const CHECKPOINT_PAGES = 1024;
// 32 MiB: beside a writer that never rests, the write-ahead log only starts over after the writer itself has copied the
// little that is left. So one in 600 single changes meets a checkpoint, a short one, and the file stays bounded.
const BACKSTOP_PAGES = 8192;

export class SqliteStore extends SqliteReads implements LogStore {
  readonly #statements: WriteStatements;
  readonly #transaction: (work: () => void) => void;
  readonly #upkeep: UpkeepStatements;
  readonly #released: () => void;
  /** Undefined for a log in memory. */
  readonly #whereabouts: Whereabouts | undefined;
  /** Current rows added minus those removed in this transaction. */
  #rows = 0;
  readonly #pools: PoolKeys;
  #commands = 0;
  #isWrittenBackBeside = false;
  #isLetGo = false;

  /** `released` is called when the file is let go, and again when it is closed. */
  constructor(db: Database.Database, released: () => void) {
    super(db);
    this.#statements = writeStatements(db);
    this.#upkeep = upkeepStatements(db);
    this.#pools = new PoolKeys(db, () => this.position());
    this.#whereabouts = db.memory ? undefined : new Whereabouts(db);
    this.#transaction = db.transaction((work: () => void) => {
      this.#rows = 0;
      work();
      this.#tally();
      this.#requireOurs();
    }).immediate;
    this.#released = released;
    this.writtenBackBeside(false);
  }

  writtenBackBeside(is: boolean): void {
    this.#isWrittenBackBeside = is;
    this.db.pragma(`wal_autocheckpoint = ${is ? BACKSTOP_PAGES : CHECKPOINT_PAGES}`);
  }

  writeBack(pages: number): void {
    this.guarded(() => {
      this.db.pragma('wal_autocheckpoint = 0');
      const [found] = this.db.pragma('wal_checkpoint(NOOP)') as readonly [{ readonly log: number }];
      // PASSIVE waits for nobody, and nobody waits for it.
      if (found.log >= pages) this.db.pragma('wal_checkpoint(PASSIVE)');
    });
  }

  transaction(work: () => void): void {
    this.guarded(() => {
      if (this.db.inTransaction) return work();
      this.#whereabouts?.requireWhole();
      this.#orForget(() => this.#transaction(work));
    });
  }

  begin(): void {
    this.#rows = 0;
    this.guarded(() => {
      this.#whereabouts?.requireWhole();
      this.#statements.begin.run();
    });
  }

  commit(): void {
    this.guarded(() => {
      this.#tally();
      this.#requireOurs();
      this.#orForget(() => this.#statements.commit.run());
    });
  }

  rollback(): void {
    this.#pools.forget();
    // SQLite may have rolled back by itself when the disk failed.
    this.guarded(() => this.db.inTransaction && this.#statements.rollback.run());
  }

  #orForget(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#pools.forget();
      throw error;
    }
  }

  poolsByKey(): PoolOfKey {
    return this.guarded(() => this.#pools.lookup());
  }

  insertEvents(events: readonly ChainedEvent[]): void {
    const { insertEvent, insertEvents, insertAlike } = this.#statements;
    const many = events.length - (events.length % AT_ONCE);
    for (let at = 0; at < many; at += AT_ONCE) {
      if (areAlike(events, at, at + AT_ONCE))
        insertAlike.run(ownValues(events, at, at + AT_ONCE), events[at]!);
      else insertEvents.run(eventValues(events, at, at + AT_ONCE));
    }
    for (let at = many; at < events.length; at++) insertEvent.run(eventValues(events, at, at + 1));
  }

  insertCommand({ commandId, digest, position, answer }: StoredCommand): void {
    this.#statements.insertCommand.run(commandId, digest, position, answer);
    this.#commands += 1;
    if (this.#commands % PRUNE_EVERY === 0 && this.#upkeep.oldest.get() === 1) this.#upkeep.prune.run();
  }

  insertSnapshot({ stream, version, position, hash, state }: StoredSnapshot): void {
    this.#statements.putSnapshot.run(
      stream,
      version,
      position,
      hash,
      state,
      stateChecksum(stream, version, state),
    );
  }

  insertBaseStates(states: readonly StoredCurrent[]): void {
    for (const { stream, version, state } of states) {
      this.#statements.insertBaseState.run(stream, version, state, stateChecksum(stream, version, state));
    }
  }

  layBase({ position, hash, recordedAtMs, digest }: Base): void {
    this.#statements.layBase.run(position, hash, recordedAtMs, digest);
  }

  putCurrents(rows: readonly StoredCurrent[]): void {
    const { addCurrents, addAlike } = this.#statements;
    const many = rows.length - (rows.length % AT_ONCE);
    for (let at = 0; at < many; at += AT_ONCE) {
      const to = at + AT_ONCE;
      const { version } = rows[at]!;
      const { changes } = isOneVersion(rows, version, at, to)
        ? addAlike.run(stateValues(rows, at, to), { version })
        : addCurrents.run(currentValues(rows, at, to));
      this.#rows += changes;
      // SQLite does not tell which rows existed before, so all are changed to their new state.
      if (changes < AT_ONCE) for (let each = at; each < at + AT_ONCE; each++) this.#change(rows[each]!);
    }
    for (let at = many; at < rows.length; at++) this.#put(rows[at]!);
  }

  #requireOurs(): void {
    if (this.#isLetGo)
      throw new LogUnavailable('log_closed', 'expected to hold the log, found it let go to another process');
    this.#whereabouts?.requireSame();
  }

  #tally(): void {
    if (this.#rows !== 0) this.#upkeep.addToTally.run(this.#rows);
  }

  #put(row: StoredCurrent): void {
    // Nearly every row that is put alone exists already, unless its owner is new.
    if (row.version > 1 && this.#change(row)) return;
    const { changes } = this.#statements.addCurrent.run(currentValues([row], 0, 1));
    this.#rows += changes;
    if (changes === 0) this.#change(row);
  }

  #change({ stream, version, state }: StoredCurrent): boolean {
    const checksum = stateChecksum(stream, version, state);
    const pools = poolColumn(poolsNamedBy(stream, state));
    return this.#statements.changeCurrent.run(version, state, checksum, pools, stream).changes > 0;
  }

  removeCurrent(stream: string): void {
    this.#rows -= this.#statements.removeCurrent.run(stream).changes;
  }

  dropCaches(stream: string): void {
    this.removeCurrent(stream);
    this.#statements.removeSnapshots.run(stream);
  }

  dropStrays(): void {
    this.#rows -= this.#statements.removeStrays.run().changes;
    this.#statements.removeStraySnapshots.run();
  }

  /** The same log in another file; this store is closed, and the new one takes over what it held. */
  reopenedOn(db: Database.Database): SqliteStore {
    super.close();
    const successor = new SqliteStore(db, this.#released);
    successor.writtenBackBeside(this.#isWrittenBackBeside);
    return successor;
  }

  currentRows(): { readonly kept: number; readonly expected: number | undefined } {
    return this.inPassing(() => {
      const kept = this.#upkeep.countCurrents.get() ?? 0;
      return { kept, expected: this.expectedRows() };
    });
  }

  expectedRows(): number | undefined {
    return this.guarded(() => this.#upkeep.tally.get() ?? undefined);
  }

  expectCurrentRows(rows: number): void {
    this.transaction(() => void this.#upkeep.setTally.run(rows));
  }

  mendIndex(): boolean {
    return this.guarded(() => {
      if (this.complaints('integrity_check(currents)').length === 0) return false;
      this.db.exec('REINDEX domains_of_pool');
      return true;
    });
  }

  letGo(): void {
    this.#isLetGo = true;
    this.#released();
  }

  override close(): void {
    try {
      super.close();
    } finally {
      this.#released();
    }
  }
}
