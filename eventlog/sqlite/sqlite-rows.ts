/**
 * The stored rows of a log in SQLite, through prepared statements: for its writer, for readers beside it, and for
 * verification. Nothing is decoded here; a damaged row is reported as such.
 */
import type Database from 'better-sqlite3';
import type { ChainedEvent } from '../events/stored-event.ts';
import type {
  Base,
  Kept,
  LogInspection,
  StoredCommand,
  StoredCurrent,
  StoredOwner,
  StoredRow,
  StoredSnapshot,
  StreamPlace,
  StreamsPage,
  Tip,
} from '../log-reader.ts';
import type { StreamName } from '../names.ts';
import type { Position, Version } from '../position.ts';
import { takeCharacters } from '../read-range.ts';
import { isIntact } from '../replay/cached-state.ts';
import { strangersInLog } from './schema.ts';
import { isDamage, unavailable } from './sqlite-errors.ts';
import { type ReadStatements, readStatements, type StateRow } from './sqlite-statements.ts';
import { writeAheadDamage } from './write-ahead-damage.ts';

// One broken page causes many complaints, and a few tell as much as all.
const MAX_STRUCTURAL = 5;
// The file as a whole, and whether the indexes of these tables agree with them; the index of events is checked with the
// events.
const STRUCTURAL = [
  `quick_check(${MAX_STRUCTURAL})`,
  'integrity_check(currents)',
  'integrity_check(commands)',
];
const PASSING_KIB = 512;

export class SqliteRows implements LogInspection {
  protected db: Database.Database;
  protected statements: ReadStatements;
  #owners: (streams: readonly string[], events: number) => readonly StoredOwner[];
  #depth = 0;

  constructor(db: Database.Database) {
    this.db = db;
    this.statements = readStatements(db);
    this.#owners = this.#ownersOf(db);
  }

  /** From now on reads from another file. */
  protected use(db: Database.Database): void {
    this.db = db;
    this.statements = readStatements(db);
    this.#owners = this.#ownersOf(db);
  }

  /** Called before a read: a subclass whose file may be swapped checks whether it was. */
  protected follow(): void {}

  streamsOutOfDate(): readonly StreamName[] {
    return this.guarded(() => this.statements.outOfDate.all());
  }

  structuralDamage(): readonly string[] {
    return this.guarded(() => {
      const unread = this.db.memory ? undefined : writeAheadDamage(this.db.name);
      const complaints = this.#structural();
      const said = new Set(unread === undefined ? complaints : [unread, ...complaints]);
      return [...said].slice(0, MAX_STRUCTURAL);
    });
  }

  /** SQLite's own checks would compute whatever a stranger's table or index asks for. */
  #structural(): readonly string[] {
    const strangers = this.complaintsOf(() =>
      strangersInLog(this.db).map((name) => `${name}: no switchyard made it`),
    );
    return strangers.length > 0 ? strangers : STRUCTURAL.flatMap((check) => this.complaints(check));
  }

  storedEvents(from: number, limit: number, characters?: number): readonly ChainedEvent[] {
    const { chainedEvents } = this.statements;
    return this.guarded(() =>
      characters === undefined
        ? chainedEvents.all(from, limit)
        : [...takeCharacters(chainedEvents.iterate(from, limit), characters, ({ data }) => data)],
    );
  }

  storedEventsOf(stream: string, from: Version, limit: number): readonly ChainedEvent[] {
    return this.guarded(() => this.statements.chainedEventsOf.all(stream, from, limit));
  }

  storedEventsByStream(
    { stream, version }: StreamPlace,
    { to, limit, characters }: StreamsPage,
  ): readonly ChainedEvent[] {
    return this.guarded(() => {
      const rows = this.statements.chainedEventsByStream.iterate(stream, version, to, limit);
      return [...takeCharacters(rows, characters, ({ data }) => data)];
    });
  }

  positionOf(stream: string, version: Version): Position {
    // A damaged index may give impossible numbers.
    return this.guarded(() => Math.max(0, this.statements.positionOf.get(stream, version) ?? 0));
  }

  indexedAt(from: number, limit: number): readonly Position[] {
    return this.guarded(() =>
      this.statements.indexedAt.all(from, limit).map((position) => Math.max(0, position ?? 0)),
    );
  }

  streamsAt(from: number, limit: number): readonly string[] {
    return this.guarded(() => this.statements.streamsAt.all(from, limit));
  }

  streams(after: string, limit: number): readonly string[] {
    // A damaged name may come as a blob.
    return this.guarded(() => this.statements.streams.all({ after, limit }).map(String));
  }

  storedCurrent(stream: string): Kept<StoredCurrent> | undefined {
    const row = this.guarded(() => this.statements.current.get(stream));
    return row && kept(row);
  }

  sizeOfCurrents(most: number): { readonly rows: number; readonly bytes: number } {
    return this.guarded(() => this.statements.sizeOfCurrents.get(most)!);
  }

  storedSnapshots(stream: string, after: Version, limit: number): readonly Kept<StoredSnapshot>[] {
    return this.guarded(() => this.statements.storedSnapshots.all(stream, after, limit).map(kept));
  }

  storedOwners(streams: readonly string[], events: number): readonly StoredOwner[] {
    return this.guarded(() => this.#owners(streams, events));
  }

  rowsOf(after: string, limit: number): readonly StoredRow[] {
    const rows = this.guarded(() => this.statements.rowsOf.all(after, limit));
    return rows.map(({ isKnown, ...row }) => ({ ...row, isKnown: isKnown === 1 }));
  }

  base(): Base | undefined {
    return this.guarded(() => this.statements.base.get());
  }

  baseState(stream: string): Kept<StoredCurrent> | undefined {
    const row = this.guarded(() => this.statements.baseState.get(stream));
    return row && kept(row);
  }

  baseStates(after: string, limit: number, characters: number): readonly Kept<StoredCurrent>[] {
    return this.guarded(() => {
      const rows = this.statements.baseStates.iterate(after, limit);
      return [...takeCharacters(rows, characters, ({ state }) => state)].map(kept);
    });
  }

  tip(): Tip | undefined {
    return this.guarded(() => this.statements.tip.get() ?? this.statements.base.get());
  }

  storedCommand(commandId: string): StoredCommand | undefined {
    return this.command(commandId);
  }

  storedCommands(prefix: string, after: string, limit: number): readonly StoredCommand[] {
    // No id contains this last character, so it bounds the ids with this prefix.
    return this.guarded(() => this.statements.commands.all(prefix, `${prefix}\u{10ffff}`, after, limit));
  }

  command(commandId: string): StoredCommand | undefined {
    return this.guarded(() => this.statements.command.get(commandId));
  }

  close(): void {
    this.db.close();
  }

  /** For work that reads a lot once: none of its pages is worth keeping in memory. */
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

  /** What one of SQLite's own checks reports, or the damage that stopped it. */
  protected complaints(check: string): readonly string[] {
    return this.complaintsOf(() => {
      const lines = this.db.pragma(check) as readonly object[];
      return lines.flatMap((line) => Object.values(line).map(String)).filter((line) => line !== 'ok');
    });
  }

  protected complaintsOf(check: () => readonly string[]): readonly string[] {
    try {
      return check();
    } catch (error) {
      if (!isDamage(error)) throw error;
      return [(error as Error).message];
    }
  }

  #ownersOf(db: Database.Database) {
    // One read transaction: a row and the events that it folds are of the same moment.
    return db.transaction((streams: readonly string[], events: number) => {
      const { eventsOfOwners, basesOfOwners, currentsOfOwners, snapshotsOfOwners } = this.statements;
      const rows = eventsOfOwners.all(textOf(streams), events);
      // If the limit was reached, the last stream may have more events.
      const whole = rows.length < events ? streams.length : Math.ceil(rows.at(-1)?.asked ?? 0);
      const found = streams.slice(0, whole).map((stream) => new FoundOwner(stream));
      for (const row of rows) found[row.asked]?.events.push(row);
      // Nothing else is read of a stream with very many events: the snapshots of a large pool alone may be gigabytes.
      const taken = textOf(streams.slice(0, whole));
      for (const row of basesOfOwners.all(taken)) found[row.asked]?.keep('base', row);
      for (const row of currentsOfOwners.all(taken)) found[row.asked]?.keep('current', row);
      for (const { asked, ...row } of snapshotsOfOwners.all(taken)) found[asked]?.snapshots.push(kept(row));
      return found;
    });
  }
}

function textOf(streams: readonly string[]): string {
  return JSON.stringify(streams.flatMap((stream) => ['', stream]));
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

function kept<Row extends StateRow>({ checksum, ...row }: Row): Omit<Row, 'checksum'> & { intact: boolean } {
  return { ...row, intact: isIntact(row.stream, row.version, row.state, checksum) };
}
