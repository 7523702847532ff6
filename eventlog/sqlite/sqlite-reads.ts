/** Reads a log in SQLite, decoded and checked: for its writer and for readers beside it. */
import type Database from 'better-sqlite3';
import { EventUnreadable, LogUnavailable } from '../errors.ts';
import { codec } from '../events/codec.ts';
import type { Recorded } from '../events/events.ts';
import type { StoredEvent } from '../events/stored-event.ts';
import type { LogReader } from '../log-reader.ts';
import { isOwned, ownerNameOf, type StreamName } from '../names.ts';
import type { Position, Version } from '../position.ts';
import { type Range, rangeOf, requireWhole, takeCharacters } from '../read-range.ts';
import type { Current, CurrentsPage, ReadOptions, Snapshot } from '../readings.ts';
import { damagedState, openState } from '../replay/cached-state.ts';
import { isDamage } from './sqlite-errors.ts';
import { SqliteRows } from './sqlite-rows.ts';
import type { StateNow, StateRow } from './sqlite-statements.ts';

// How many owner names are read as one text.
const NAMES = 5000;

export class SqliteReads extends SqliteRows implements LogReader {
  #allCurrents: (visit: (current: Current) => void, damaged: Damaged) => Position;
  #allNames: (visit: (streams: string) => void) => Position;

  constructor(db: Database.Database) {
    super(db);
    this.#allCurrents = this.#allCurrentsOf(db);
    this.#allNames = this.#allNamesOf(db);
  }

  protected override use(db: Database.Database): void {
    super.use(db);
    this.#allCurrents = this.#allCurrentsOf(db);
    this.#allNames = this.#allNamesOf(db);
  }

  #allCurrentsOf(db: Database.Database) {
    // One read transaction: the position and the rows are of the same moment.
    return db.transaction((visit: (current: Current) => void, damaged: Damaged) => {
      const position = this.position();
      for (const row of this.statements.allCurrents.iterate()) this.#visit(row, visit, damaged);
      return position;
    });
  }

  #allNamesOf(db: Database.Database) {
    return db.transaction((visit: (streams: string) => void) => {
      for (let pool = '', last = ''; ; ) {
        const page = this.statements.domainNames.get(pool, last, NAMES)!;
        if (page.streams === null) return this.position();
        visit(page.streams);
        const stream = page.streams.slice(page.streams.lastIndexOf('\n') + 1);
        // A damaged index may lead backwards, and then for ever.
        if (page.pool < pool || (page.pool === pool && stream <= last))
          throw this.#damagedFile('domains in order of pool');
        [pool, last] = [page.pool, stream];
      }
    });
  }

  position(): Position {
    return this.guarded(() => this.statements.position.get() ?? 0);
  }

  version(stream: StreamName): Version {
    return this.guarded(() => this.statements.version.get({ stream }) ?? 0);
  }

  read(options?: ReadOptions): readonly Recorded[] {
    const range = rangeOf(options);
    return this.guarded(() => {
      const { to, limit, characters } = range;
      // Archived events are in another file: a read begins with what is here.
      const from = Math.max(range.from, (this.statements.base.get()?.position ?? 0) + 1);
      const rows = this.#rows(this.statements.events, [from, to, limit], characters, (read) => from + read);
      return rows.map((row, index) => decodeAt(row, row.position, from + index));
    });
  }

  readStream(stream: StreamName, options?: ReadOptions): readonly Recorded[] {
    const asked = rangeOf(options);
    return this.guarded(() => {
      const archived = this.statements.baseState.get(stream)?.version ?? 0;
      const range = { ...asked, from: Math.max(asked.from, archived + 1) };
      const rows = this.#streamRows(stream, range);
      return rows.map((row, index) => decodeAt(ownOf(stream, row), row.version, range.from + index));
    });
  }

  snapshot(stream: StreamName, atMost: Version = Number.MAX_SAFE_INTEGER): Snapshot | undefined {
    return this.guarded(() => {
      for (const row of this.statements.snapshots.iterate(stream, atMost)) {
        const { version, position, hash, state: text, checksum } = row;
        const state = openState(stream, version, text, checksum);
        // A damaged snapshot is only a cache: an older one, or the whole stream, gives the same state.
        if (state !== undefined) return { stream, version, position, hash, state };
      }
      return this.#baseSnapshot(stream, atMost);
    });
  }

  current(stream: StreamName): Current | undefined {
    return this.guarded(() => {
      const row = this.statements.current.get(stream);
      return row === undefined ? undefined : this.#open(row);
    });
  }

  statesOf(streams: readonly StreamName[]): readonly Current[] {
    return this.guarded(() => {
      const rows = this.statements.statesOf.all(JSON.stringify(streams));
      let next = 0;
      return streams.map((stream, place) =>
        rows[next]?.place === place
          ? this.#stateIn(stream, rows[next++]!)
          : { stream, version: 0, state: null },
      );
    });
  }

  versionsOf(streams: readonly StreamName[]): readonly Version[] {
    return this.guarded(() =>
      this.statements.versionsOf.all(JSON.stringify(streams)).map((version) => version ?? 0),
    );
  }

  absentAmong(streams: readonly StreamName[]): readonly StreamName[] {
    return this.guarded(() => this.statements.absentAmong.all(JSON.stringify(streams)));
  }

  activate(stream: StreamName): Current & { readonly position: Position } {
    return this.guarded(() => {
      const row = this.statements.activation.get({ stream })!;
      return { ...this.#stateIn(stream, row), position: row.position };
    });
  }

  domainNames(visit: (streams: string) => void): Position {
    return this.inPassing(() => this.#allNames(visit));
  }

  currents({ kind, after = '', limit, characters }: CurrentsPage): readonly Current[] {
    requireWhole('limit', limit, 1, Number.MAX_SAFE_INTEGER);
    // '.' follows '-' in ASCII: exactly the streams of one kind lie between the two.
    const from = after > `${kind}-` ? after : `${kind}-`;
    return this.guarded(() => {
      const { currents } = this.statements;
      const asked = [from, `${kind}.`, limit] as const;
      const rows =
        characters === undefined
          ? currents.all(...asked)
          : [...takeCharacters(currents.iterate(...asked), characters, ({ state }) => state)];
      return rows.map((row) => this.#open(row));
    });
  }

  domainsOf(pool: string, limit: number): readonly string[] {
    requireWhole('limit', limit, 1, Number.MAX_SAFE_INTEGER);
    const streams = this.guarded(() => this.statements.domainsOf.all({ pool, limit }));
    // A damaged name may come as a blob.
    return streams.map((stream) => ownerNameOf(String(stream)));
  }

  snapshotOfCurrents(visit: (current: Current) => void, damaged: Damaged = raise): Position {
    return this.guarded(() => this.#allCurrents(visit, damaged));
  }

  /** The base's state of a stream is as good as a snapshot, and there is no substitute for it. */
  #baseSnapshot(stream: StreamName, atMost: Version): Snapshot | undefined {
    const row = this.statements.baseState.get(stream);
    const base = this.statements.base.get();
    if (row === undefined || base === undefined || row.version > atMost) return undefined;
    return {
      stream,
      version: row.version,
      position: base.position,
      hash: base.hash,
      state: this.#open(row).state,
    };
  }

  #streamRows(stream: StreamName, { from, to, limit, characters }: Range): readonly StoredEvent[] {
    const positionAt = (read: number) => this.positionOf(stream, from + read);
    return this.#rows(this.statements.eventsOf, [stream, from, to, limit], characters, positionAt, stream);
  }

  /** Reads all at once, which is fastest, or row by row: to stop at a limit, or to find the place where the file is damaged. */
  #rows<P extends unknown[]>(
    statement: Database.Statement<P, StoredEvent>,
    parameters: P,
    characters: number,
    positionAfter: (read: number) => Position,
    stream?: StreamName,
  ): readonly StoredEvent[] {
    try {
      if (characters === Number.POSITIVE_INFINITY) return statement.all(...parameters);
    } catch (error) {
      if (!isDamage(error)) throw error;
    }
    const rows: StoredEvent[] = [];
    try {
      for (const row of takeCharacters(statement.iterate(...parameters), characters, ({ data }) => data))
        rows.push(row);
    } catch (error) {
      if (!isDamage(error)) throw error;
      const message = 'expected a readable page, found the file damaged there';
      throw new EventUnreadable(positionAfter(rows.length), stream ?? 'the log', message, error);
    }
    return rows;
  }

  #stateIn(stream: StreamName, { last, version, state, checksum }: StateNow): Current {
    if (version === null) return { stream, version: last ?? 0, state: null };
    if (version !== last) throw this.#damaged({ stream, version });
    return this.#open({ stream, version, state, checksum });
  }

  #visit(row: StateRow, visit: (current: Current) => void, damaged: Damaged): void {
    // A blob sorts where no text would, so rows after it are not found: they must not be made again beside the hidden ones.
    if (typeof row.stream !== 'string') throw this.#damagedFile('current rows by text');
    // Of a kind that is unknown here: neither a domain nor a pool.
    if (!isOwned(row.stream)) return;
    const state = openState(row.stream, row.version, row.state, row.checksum);
    if (state === undefined) damaged(this.#damaged(row));
    else visit({ stream: row.stream as StreamName, version: row.version, state });
  }

  #open(row: StateRow): Current {
    const state = openState(row.stream, row.version, row.state, row.checksum);
    if (state === undefined) throw this.#damaged(row);
    return { stream: row.stream as StreamName, version: row.version, state };
  }

  #damagedFile(expected: string): LogUnavailable {
    return new LogUnavailable(
      'log_failed',
      `expected ${expected} in ${this.db.name}, found the file damaged there; verify --repair makes it again`,
    );
  }

  #damaged({ stream, version }: Pick<StateRow, 'stream' | 'version'>): EventUnreadable {
    return damagedState(stream, version, this.positionOf(stream, version));
  }
}

type Damaged = (error: EventUnreadable) => void;

function raise(error: EventUnreadable): void {
  throw error;
}

/** Throws if a damaged index led to an event of another stream. */
function ownOf(stream: StreamName, row: StoredEvent): StoredEvent {
  if (row.stream === stream) return row;
  throw new EventUnreadable(row.position, stream, `expected its own event here, found one of ${row.stream}`);
}

/** `found` and `expected` count positions or versions, both dense. */
function decodeAt(row: StoredEvent, found: number, expected: number): Recorded {
  if (found === expected) return codec.decode(row);
  throw new EventUnreadable(row.position, row.stream, `expected number ${expected} here, found ${found}`);
}
