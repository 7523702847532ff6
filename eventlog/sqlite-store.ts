/** The rows of a log in SQLite, for the one who writes them. */
import type Database from 'better-sqlite3';
import { baseDigest } from './base.ts';
import { stateChecksum } from './cached-state.ts';
import type { Json } from './event-log.ts';
import type { Base, LogStore, StoredCommand, StoredCurrent, StoredSnapshot } from './log-reader.ts';
import { poolsNamedBy } from './pool-of.ts';
import { SqliteReads } from './sqlite-reads.ts';
import { type WriteStatements, writeStatements } from './sqlite-statements.ts';
import type { ChainedEvent } from './stored-event.ts';

export class SqliteStore extends SqliteReads implements LogStore {
  readonly #statements: WriteStatements;
  readonly #transaction: (work: () => void) => void;
  readonly #released: () => void;

  /** `released` is called once the file is closed. */
  constructor(db: Database.Database, released: () => void) {
    super(db);
    this.#statements = writeStatements(db);
    this.#transaction = db.transaction((work: () => void) => work()).immediate;
    this.#released = released;
  }

  transaction(work: () => void): void {
    this.guarded(() => this.#transaction(work));
  }

  insertEvent(event: ChainedEvent): void {
    const { position, stream, version, type, schemaVersion, data, metadata, recordedAtMs, checksum, hash } =
      event;
    this.#statements.insertEvent.run(
      position,
      stream,
      version,
      type,
      schemaVersion,
      data,
      metadata,
      recordedAtMs,
      checksum,
      hash,
    );
  }

  insertCommand({ commandId, digest, position, answer }: StoredCommand): void {
    this.#statements.insertCommand.run(commandId, digest, position, answer);
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

  layBase({ position, hash, recordedAtMs }: Omit<Base, 'digest'>, states: readonly StoredCurrent[]): void {
    for (const { stream, version, state } of states) {
      this.#statements.insertBaseState.run(stream, version, state, stateChecksum(stream, version, state));
    }
    this.#statements.layBase.run(position, hash, recordedAtMs, baseDigest(hash, states));
  }

  putCurrent({ stream, version, state }: StoredCurrent): void {
    const pools = poolColumn(poolsNamedBy(stream, JSON.parse(state) as Json));
    this.#statements.putCurrent.run(stream, version, state, stateChecksum(stream, version, state), pools);
  }

  removeCurrent(stream: string): void {
    this.#statements.removeCurrent.run(stream);
  }

  dropCaches(stream: string): void {
    this.#statements.removeCurrent.run(stream);
    this.#statements.removeSnapshots.run(stream);
  }

  /** The same log in another file; this one is closed, and whatever it held goes over. */
  succeededBy(db: Database.Database): SqliteStore {
    super.close();
    return new SqliteStore(db, this.#released);
  }

  override close(): void {
    super.close();
    this.#released();
  }
}

/** One name as it is; several between blanks, which sort before every name and occur in none. */
function poolColumn(pools: readonly string[]): string | null {
  if (pools.length > 1) return ` ${pools.join(' ')} `;
  return pools[0] ?? null;
}
