/** Everything that is read from a log in SQLite, by the writer and by readers beside it, through prepared statements. */
import type Database from 'better-sqlite3';
import { damagedState, isIntact, openState } from './cached-state.ts';
import { codec } from './codec.ts';
import { EventUnreadable } from './errors.ts';
import type { Current, Position, ReadOptions, Snapshot, Version } from './event-log.ts';
import type { Recorded } from './events.ts';
import type {
  Base,
  CurrentsPage,
  Kept,
  LogInspection,
  LogReader,
  StoredCommand,
  StoredCurrent,
  StoredOwner,
  StoredRow,
  StoredSnapshot,
  Tip,
} from './log-reader.ts';
import type { StreamName } from './names.ts';
import { type Range, rangeOf, requireWhole } from './read-range.ts';
import { isDamage, unavailable } from './sqlite-errors.ts';
import { type ReadStatements, readStatements, type StateNow, type StateRow } from './sqlite-statements.ts';
import type { ChainedEvent, StoredEvent } from './stored-event.ts';

// One broken page makes many complaints, and a few tell as much as all.
const MAX_STRUCTURAL = 5;
// Names of owners that are read as one text.
const NAMES = 5000;
const PASSING_KIB = 512;

export class SqliteReads implements LogReader, LogInspection {
  protected db: Database.Database;
  #statements: ReadStatements;
  #allCurrents: (visit: (current: Current) => void, damaged: Damaged) => Position;
  #allNames: (visit: (streams: string) => void) => Position;
  #owners: (streams: readonly string[], events: number) => readonly StoredOwner[];
  #depth = 0;

  constructor(db: Database.Database) {
    this.db = db;
    this.#statements = readStatements(db);
    this.#allCurrents = this.#allCurrentsOf(db);
    this.#allNames = this.#allNamesOf(db);
    this.#owners = this.#ownersOf(db);
  }

  /** Reads from another file from now on. */
  protected use(db: Database.Database): void {
    this.db = db;
    this.#statements = readStatements(db);
    this.#allCurrents = this.#allCurrentsOf(db);
    this.#allNames = this.#allNamesOf(db);
    this.#owners = this.#ownersOf(db);
  }

  /** Called before a reading: whoever follows a file that may be swapped looks whether it was. */
  protected follow(): void {}

  #allCurrentsOf(db: Database.Database) {
    // One read transaction: the position and the rows are of the same moment.
    return db.transaction((visit: (current: Current) => void, damaged: Damaged) => {
      const position = this.position();
      for (const row of this.#statements.allCurrents.iterate()) this.#visit(row, visit, damaged);
      return position;
    });
  }

  #allNamesOf(db: Database.Database) {
    return db.transaction((visit: (streams: string) => void) => {
      for (let pool = '', last = ''; ; ) {
        const page = this.#statements.domainNames.get(pool, last, NAMES)!;
        if (page.streams === null) return this.position();
        visit(page.streams);
        pool = page.pool;
        last = page.streams.slice(page.streams.lastIndexOf('\n') + 1);
      }
    });
  }

  #ownersOf(db: Database.Database) {
    // One read transaction: a row and the events that it folds are of the same moment.
    return db.transaction((streams: readonly string[], events: number) => {
      const { eventsOfOwners, basesOfOwners, currentsOfOwners, snapshotsOfOwners } = this.#statements;
      const text = JSON.stringify(streams.flatMap((stream) => ['', stream]));
      const rows = eventsOfOwners.all(text, events);
      // Where the limit was met, the last of them may have more.
      const whole = rows.length < events ? streams.length : Math.ceil(rows.at(-1)?.asked ?? 0);
      const found = streams.slice(0, whole).map((stream) => new FoundOwner(stream));
      for (const row of rows) found[row.asked]?.events.push(row);
      for (const row of basesOfOwners.all(text)) found[row.asked]?.keep('base', row);
      for (const row of currentsOfOwners.all(text)) found[row.asked]?.keep('current', row);
      for (const { asked, ...row } of snapshotsOfOwners.all(text)) found[asked]?.snapshots.push(kept(row));
      return found;
    });
  }

  position(): Position {
    return this.guarded(() => this.#statements.position.get() ?? 0);
  }

  version(stream: StreamName): Version {
    return this.guarded(() => this.#statements.version.get({ stream }) ?? 0);
  }

  read(options?: ReadOptions): readonly Recorded[] {
    const range = rangeOf(options);
    return this.guarded(() => {
      const { to, limit } = range;
      // What is archived is in another file: a reading begins with what is here.
      const from = Math.max(range.from, (this.#statements.base.get()?.position ?? 0) + 1);
      const rows = this.#rows(this.#statements.events, [from, to, limit], (read) => from + read);
      return rows.map((row, index) => decodeAt(row, row.position, from + index));
    });
  }

  readStream(stream: StreamName, options?: ReadOptions): readonly Recorded[] {
    const asked = rangeOf(options);
    return this.guarded(() => {
      const archived = this.#statements.baseState.get(stream)?.version ?? 0;
      const range = { ...asked, from: Math.max(asked.from, archived + 1) };
      const rows = this.#streamRows(stream, range);
      return rows.map((row, index) => decodeAt(row, row.version, range.from + index));
    });
  }

  snapshot(stream: StreamName, atMost: Version = Number.MAX_SAFE_INTEGER): Snapshot | undefined {
    return this.guarded(() => {
      for (const row of this.#statements.snapshots.iterate(stream, atMost)) {
        const { version, position, hash, state: text, checksum } = row;
        const state = openState(stream, version, text, checksum);
        // A damaged snapshot is a cache to do without: an older one, or the whole stream, gives the same state.
        if (state !== undefined) return { stream, version, position, hash, state };
      }
      return this.#baseSnapshot(stream, atMost);
    });
  }

  current(stream: StreamName): Current | undefined {
    return this.guarded(() => {
      const row = this.#statements.current.get(stream);
      return row === undefined ? undefined : this.#open(row);
    });
  }

  statesOf(streams: readonly StreamName[]): readonly Current[] {
    return this.guarded(() => {
      const rows = this.#statements.statesOf.all(JSON.stringify(streams));
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
      this.#statements.versionsOf.all(JSON.stringify(streams)).map((version) => version ?? 0),
    );
  }

  absentAmong(streams: readonly StreamName[]): readonly StreamName[] {
    return this.guarded(() => this.#statements.absentAmong.all(JSON.stringify(streams)));
  }

  activate(stream: StreamName): Current & { readonly position: Position } {
    return this.guarded(() => {
      const row = this.#statements.activation.get({ stream })!;
      return { ...this.#stateIn(stream, row), position: row.position };
    });
  }

  domainNames(visit: (streams: string) => void): Position {
    return this.inPassing(() => this.#allNames(visit));
  }

  currents({ kind, after = '', limit }: CurrentsPage): readonly Current[] {
    requireWhole('limit', limit, 1, Number.MAX_SAFE_INTEGER);
    // '.' follows '-' in ASCII: between the two lie exactly the streams of a kind.
    const from = after > `${kind}-` ? after : `${kind}-`;
    return this.guarded(() =>
      this.#statements.currents.all(from, `${kind}.`, limit).map((row) => this.#open(row)),
    );
  }

  domainsOf(pool: string, limit: number): readonly string[] {
    requireWhole('limit', limit, 1, Number.MAX_SAFE_INTEGER);
    const streams = this.guarded(() => this.#statements.domainsOf.all({ pool, limit }));
    return streams.map((stream) => stream.slice('domain-'.length));
  }

  snapshotOfCurrents(visit: (current: Current) => void, damaged: Damaged = raise): Position {
    return this.guarded(() => this.#allCurrents(visit, damaged));
  }

  streamsOutOfDate(): readonly StreamName[] {
    return this.guarded(() => this.#statements.outOfDate.all());
  }

  structuralDamage(): readonly string[] {
    return this.guarded(() => {
      const lines = this.db.pragma(`quick_check(${MAX_STRUCTURAL})`, { simple: false }) as readonly object[];
      return lines.flatMap((line) => Object.values(line).map(String)).filter((line) => line !== 'ok');
    });
  }

  storedEvents(from: number, limit: number): readonly ChainedEvent[] {
    return this.guarded(() => this.#statements.chainedEvents.all(from, limit));
  }

  storedEventsOf(stream: string, from: Version, limit: number): readonly ChainedEvent[] {
    return this.guarded(() => this.#statements.chainedEventsOf.all(stream, from, limit));
  }

  positionOf(stream: string, version: Version): Position {
    // A damaged index says what cannot be.
    return this.guarded(() => Math.max(0, this.#statements.positionOf.get(stream, version) ?? 0));
  }

  indexedAt(from: number, limit: number): readonly Position[] {
    return this.guarded(() =>
      this.#statements.indexedAt.all(from, limit).map((position) => Math.max(0, position ?? 0)),
    );
  }

  streams(after: string, limit: number): readonly string[] {
    // A damaged name may come as a blob.
    return this.guarded(() => this.#statements.streams.all({ after, limit }).map(String));
  }

  storedCurrents(after: string, limit: number): readonly Kept<StoredCurrent>[] {
    return this.guarded(() => this.#statements.storedCurrents.all(after, limit).map(kept));
  }

  storedCurrent(stream: string): Kept<StoredCurrent> | undefined {
    const row = this.guarded(() => this.#statements.current.get(stream));
    return row && kept(row);
  }

  storedSnapshots(stream: string): readonly Kept<StoredSnapshot>[] {
    return this.guarded(() => this.#statements.storedSnapshots.all(stream).map(kept));
  }

  storedOwners(streams: readonly string[], events: number): readonly StoredOwner[] {
    return this.guarded(() => this.#owners(streams, events));
  }

  rowsOf(after: string, limit: number): readonly StoredRow[] {
    const rows = this.guarded(() => this.#statements.rowsOf.all(after, limit));
    return rows.map(({ isKnown, ...row }) => ({ ...row, isKnown: isKnown === 1 }));
  }

  base(): Base | undefined {
    return this.guarded(() => this.#statements.base.get());
  }

  baseState(stream: string): Kept<StoredCurrent> | undefined {
    const row = this.guarded(() => this.#statements.baseState.get(stream));
    return row && kept(row);
  }

  baseStates(after: string, limit: number): readonly Kept<StoredCurrent>[] {
    return this.guarded(() => this.#statements.baseStates.all(after, limit).map(kept));
  }

  tip(): Tip | undefined {
    return this.guarded(() => this.#statements.tip.get() ?? this.#statements.base.get());
  }

  storedCommand(commandId: string): StoredCommand | undefined {
    return this.command(commandId);
  }

  storedCommands(prefix: string, after: string, limit: number): readonly StoredCommand[] {
    // No id holds a character beyond: it is the end of those that begin so.
    return this.guarded(() => this.#statements.commands.all(prefix, `${prefix}\u{10ffff}`, after, limit));
  }

  command(commandId: string): StoredCommand | undefined {
    return this.guarded(() => this.#statements.command.get(commandId));
  }

  close(): void {
    this.db.close();
  }

  /** Reads much once: no page of it is worth the memory. */
  protected inPassing<T>(work: () => T): T {
    return this.guarded(() => {
      const kept = this.db.pragma('cache_size', { simple: true }) as number;
      this.db.pragma(`cache_size = -${PASSING_KIB}`);
      try {
        return work();
      } finally {
        this.db.pragma(`cache_size = ${kept}`);
      }
    });
  }

  protected guarded<T>(work: () => T): T {
    this.#depth += 1;
    try {
      if (this.#depth === 1) this.follow();
      return work();
    } catch (error) {
      throw unavailable(error, this.db.name);
    } finally {
      this.#depth -= 1;
    }
  }

  /** What the base says of a stream is as good as a snapshot, and cannot be done without. */
  #baseSnapshot(stream: StreamName, atMost: Version): Snapshot | undefined {
    const row = this.#statements.baseState.get(stream);
    const base = this.#statements.base.get();
    if (row === undefined || base === undefined || row.version > atMost) return undefined;
    return {
      stream,
      version: row.version,
      position: base.position,
      hash: base.hash,
      state: this.#open(row).state,
    };
  }

  #streamRows(stream: StreamName, { from, to, limit }: Range): readonly StoredEvent[] {
    const positionAt = (read: number) => this.positionOf(stream, from + read);
    return this.#rows(this.#statements.eventsOf, [stream, from, to, limit], positionAt, stream);
  }

  /** All at once, which is the quickest; where a page of the file is damaged, again by steps, to name the place. */
  #rows<P extends unknown[]>(
    statement: Database.Statement<P, StoredEvent>,
    parameters: P,
    positionAfter: (read: number) => Position,
    stream?: StreamName,
  ): readonly StoredEvent[] {
    try {
      return statement.all(...parameters);
    } catch (error) {
      if (!isDamage(error)) throw error;
    }
    const rows: StoredEvent[] = [];
    try {
      for (const row of statement.iterate(...parameters)) rows.push(row);
    } catch (error) {
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
    const state = openState(row.stream, row.version, row.state, row.checksum);
    if (state === undefined) damaged(this.#damaged(row));
    else visit({ stream: row.stream as StreamName, version: row.version, state });
  }

  #open(row: StateRow): Current {
    const state = openState(row.stream, row.version, row.state, row.checksum);
    if (state === undefined) throw this.#damaged(row);
    return { stream: row.stream as StreamName, version: row.version, state };
  }

  #damaged({ stream, version }: Pick<StateRow, 'stream' | 'version'>): EventUnreadable {
    return damagedState(stream, version, this.positionOf(stream, version));
  }
}

class FoundOwner implements StoredOwner {
  readonly stream: string;
  readonly events: ChainedEvent[] = [];
  readonly snapshots: Kept<StoredSnapshot>[] = [];
  base: Kept<StoredCurrent> | undefined = undefined;
  current: Kept<StoredCurrent> | undefined = undefined;

  constructor(stream: string) {
    this.stream = stream;
  }

  keep(what: 'base' | 'current', { stream, version, state, checksum }: StateRow): void {
    this[what] = { stream, version, state, intact: isIntact(stream, version, state, checksum) };
  }
}

type Damaged = (error: EventUnreadable) => void;

function raise(error: EventUnreadable): void {
  throw error;
}

function kept<Row extends StateRow>({ checksum, ...row }: Row): Omit<Row, 'checksum'> & { intact: boolean } {
  return { ...row, intact: isIntact(row.stream, row.version, row.state, checksum) };
}

/** `found` and `expected` count positions or versions, both dense. */
function decodeAt(row: StoredEvent, found: number, expected: number): Recorded {
  if (found === expected) return codec.decode(row);
  throw new EventUnreadable(row.position, row.stream, `expected number ${expected} here, found ${found}`);
}
