/** The tables of a log in SQLite, and how a file is recognised as one. */
import type Database from 'better-sqlite3';
import { DataUnusable } from '../errors.ts';
import { prepareUpkeep } from './upkeep.ts';

/** `swyd` in ASCII, in the file's header: says whose file it is to us and to file(1). */
export const APPLICATION_ID = 0x73_77_79_64;
/**
 * The format of all that a log says: its tables, the events and settings there are, the states they come to, and what answers of
 * commands tell a later start. Whatever a program of the former number would misread or not know raises it, so that such a
 * program refuses the file: `test/formats.test.ts` holds the two together. `upgrade` makes a log of a former format one of this;
 * where states have another shape it drops the caches, which are made again, and lays the base anew.
 *
 * 2: a log may begin after a base.
 */
export const SCHEMA_VERSION = 2;

// The chain of events and the answers given to commands are history; current rows and snapshots are caches of it.
// The dense triggers make SQLite itself refuse a gap, whatever program has the file open.
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

// What an archived prefix of the log folds to: history too, in its briefest form. At most one base, whole or not at all.
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

/** Makes the tables in an empty file; throws `DataUnusable` for a file that is not, or not yet, for us. */
export function prepareSchema(db: Database.Database): void {
  if (isEmpty(db)) {
    // WAL: readers beside the writer, and one fsync a commit. It cannot be set inside a transaction.
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

/** For readers of a log that no newer program has written to yet: an empty base that only they see. */
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

/** Throws `DataUnusable` for a file that somebody else, or a newer switchyard, has begun. */
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

/** Throws for a log of a former format, too. */
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
