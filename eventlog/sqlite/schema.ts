/** The tables of a log in SQLite, and how a file is recognised as one. */
import type Database from 'better-sqlite3';
import { DataUnusable } from '../errors.ts';
import { type Definitions, definitionsIn, requireDefinitions, strangersIn } from './definitions.ts';
import { prepareUpkeep, UPKEEP } from './upkeep.ts';

/** `swyd` in ASCII, in the file's header: tells us and file(1) whose file it is. */
export const APPLICATION_ID = 0x73_77_79_64;
/**
 * The format of everything in a log: its tables, its events and settings, the states that they fold to, and what the
 * answers of commands tell a later start. Anything that a program of the previous format would misread or not know raises
 * this number, so that such a program refuses the file; `test/formats.test.ts` enforces it. `upgrade` converts a log of a
 * former format. If states get another shape, it drops the caches, which are rebuilt, and lays the base anew.
 *
 * 2: a log may begin after a base.
 */
export const SCHEMA_VERSION = 2;

// The chain of events and the answers to commands are history; current rows and snapshots are caches of it. With the dense
// triggers, SQLite itself refuses a gap, whatever program has the file open.
const TABLES = `
CREATE TABLE events (
  position       INTEGER PRIMARY KEY,
  stream         TEXT    NOT NULL,
  version        INTEGER NOT NULL,
  type           TEXT    NOT NULL,
  schema_version INTEGER NOT NULL,
  data           TEXT    NOT NULL,
  metadata       TEXT    NOT NULL,
  recorded_at_ms INTEGER NOT NULL,
  checksum       INTEGER NOT NULL,
  hash           BLOB    NOT NULL,
  UNIQUE (stream, version)
) STRICT;
CREATE TRIGGER events_are_never_updated BEFORE UPDATE ON events
BEGIN SELECT RAISE(ABORT, 'events are append-only'); END;
CREATE TRIGGER events_are_never_deleted BEFORE DELETE ON events
BEGIN SELECT RAISE(ABORT, 'events are append-only'); END;

CREATE TABLE commands (
  command_id TEXT    PRIMARY KEY,
  digest     TEXT    NOT NULL,
  position   INTEGER NOT NULL,
  answer     TEXT    NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TRIGGER commands_are_never_updated BEFORE UPDATE ON commands
BEGIN SELECT RAISE(ABORT, 'commands are append-only'); END;
CREATE TRIGGER commands_are_never_deleted BEFORE DELETE ON commands
BEGIN SELECT RAISE(ABORT, 'commands are append-only'); END;

CREATE TABLE currents (
  stream   TEXT    PRIMARY KEY,
  version  INTEGER NOT NULL,
  state    TEXT    NOT NULL,
  checksum INTEGER NOT NULL,
  pool     TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX domains_of_pool ON currents (pool, stream) WHERE pool IS NOT NULL;

CREATE TABLE snapshots (
  stream   TEXT    NOT NULL,
  version  INTEGER NOT NULL,
  position INTEGER NOT NULL,
  hash     BLOB    NOT NULL,
  state    TEXT    NOT NULL,
  checksum INTEGER NOT NULL,
  PRIMARY KEY (stream, version)
) STRICT, WITHOUT ROWID;
`;

// What an archived prefix of the log folds to: history too, in its shortest form. At most one base, complete or absent.
const BASE = `
CREATE TABLE base (
  position       INTEGER PRIMARY KEY,
  hash           BLOB    NOT NULL,
  recorded_at_ms INTEGER NOT NULL,
  digest         BLOB    NOT NULL
) STRICT;
CREATE TABLE base_states (
  stream   TEXT    PRIMARY KEY,
  version  INTEGER NOT NULL,
  state    TEXT    NOT NULL,
  checksum INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
`;
const BASE_TRIGGERS = `
CREATE TRIGGER base_is_one BEFORE INSERT ON base WHEN EXISTS (SELECT 1 FROM base) OR EXISTS (SELECT 1 FROM events)
BEGIN SELECT RAISE(ABORT, 'a base is laid once, before all events'); END;
CREATE TRIGGER base_states_come_first BEFORE INSERT ON base_states WHEN EXISTS (SELECT 1 FROM base)
BEGIN SELECT RAISE(ABORT, 'a base is append-only'); END;
${['base', 'base_states']
  .flatMap((table) =>
    ['UPDATE', 'DELETE'].map(
      (wish) => `CREATE TRIGGER ${table}_never_${wish.toLowerCase()} BEFORE ${wish} ON ${table}
BEGIN SELECT RAISE(ABORT, 'a base is append-only'); END;`,
    ),
  )
  .join('\n')}
DROP TRIGGER IF EXISTS events_are_dense;
CREATE TRIGGER events_are_dense BEFORE INSERT ON events
WHEN NEW.position <> 1 + coalesce((SELECT max(position) FROM events), (SELECT position FROM base), 0)
  OR NEW.version <> 1 + coalesce((SELECT max(version) FROM events WHERE stream = NEW.stream),
                                 (SELECT version FROM base_states WHERE stream = NEW.stream), 0)
BEGIN SELECT RAISE(ABORT, 'events are dense'); END;
`;

/** The table that an export also has, for the segments of the journal that it carries. */
export const PIECES_TABLE =
  'CREATE TABLE journal_pieces (name TEXT NOT NULL, piece INTEGER NOT NULL, bytes BLOB NOT NULL, PRIMARY KEY (name, piece)) STRICT';

/** Makes the tables in an empty file. Throws `DataUnusable` for a file that is not ours, or of a newer format. */
export function prepareSchema(db: Database.Database): void {
  if (isEmpty(db)) {
    // WAL: readers beside the writer, and one fsync per commit. It cannot be set inside a transaction.
    db.pragma('journal_mode = WAL');
    db.transaction(() => {
      db.exec(TABLES + BASE + BASE_TRIGGERS);
      db.pragma(`application_id = ${APPLICATION_ID}`);
      db.pragma(`user_version = ${SCHEMA_VERSION}`);
    }).immediate();
  }
  requireSchema(db);
  db.pragma('journal_mode = WAL');
  upgrade(db);
  prepareUpkeep(db);
}

/** For readers of a log of format 1, to which no newer program has written yet: an empty base that only they see. */
export function supplyBase(db: Database.Database): void {
  if (numberOf(db, 'user_version') < 2) db.exec(BASE.replaceAll('CREATE TABLE', 'CREATE TEMP TABLE'));
}

function upgrade(db: Database.Database): void {
  if (numberOf(db, 'user_version') >= SCHEMA_VERSION) return;
  db.transaction(() => {
    db.exec(BASE + BASE_TRIGGERS);
    db.pragma(`user_version = ${SCHEMA_VERSION}`);
  }).immediate();
}

/** Throws `DataUnusable` for a file that another program or a newer switchyard has begun. */
export function requireOurs(db: Database.Database): void {
  if (!isEmpty(db)) requireSchema(db);
}

export function requireSchema(db: Database.Database): void {
  const id = numberOf(db, 'application_id');
  if (id !== APPLICATION_ID) {
    throw new DataUnusable(
      'data_foreign',
      `expected a log of switchyard in ${db.name}, found a database of another program (application id ${id})`,
    );
  }
  const version = numberOf(db, 'user_version');
  if (version <= SCHEMA_VERSION) return;
  throw new DataUnusable(
    'data_newer',
    `expected a log of format ${SCHEMA_VERSION} or older in ${db.name}, found format ${version}: a newer switchyard wrote it, and only such a one reads it`,
  );
}

const READ = ['events', 'commands', 'currents', 'snapshots'];
const BASE_READ = ['base', 'base_states'];
let ours: Definitions | undefined;

/** Throws `DataUnusable` for a log whose tables were defined by somebody else. */
export function requireOwnTables(db: Database.Database): void {
  // A log of format 1 has no base; readers supply their own.
  const tables = numberOf(db, 'user_version') < 2 ? READ : [...READ, ...BASE_READ];
  requireDefinitions(db, definitions(), tables);
}

/** The names of tables, views and indexes that neither a log has nor an export. */
export function strangersInLog(db: Database.Database): readonly string[] {
  return strangersIn(db, definitions());
}

function definitions(): Definitions {
  ours ??= definitionsIn(`${TABLES}${BASE}${UPKEEP}${PIECES_TABLE}`);
  return ours;
}

/** Also throws for a log of a former format. */
export function requireOwnSchema(db: Database.Database): void {
  requireSchema(db);
  const version = numberOf(db, 'user_version');
  if (version === SCHEMA_VERSION) return;
  throw new DataUnusable(
    'data_older',
    `expected a log of format ${SCHEMA_VERSION} in ${db.name}, found format ${version}, which only a start on its own makes one of ${SCHEMA_VERSION}`,
  );
}

function isEmpty(db: Database.Database): boolean {
  const tables = db.prepare<[], number>('SELECT count(*) FROM sqlite_schema').pluck().get();
  return tables === 0 && numberOf(db, 'application_id') === 0 && numberOf(db, 'user_version') === 0;
}

function numberOf(db: Database.Database, pragma: string): number {
  return db.pragma(pragma, { simple: true }) as number;
}
