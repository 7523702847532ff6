/**
 * How the tables of a database are defined. A file from elsewhere may have a view, a computed column or an index on an
 * expression in place of ours: to read it, or to check the file, runs the SQL of whoever made it, which may never end. So
 * what is read must be defined as this program defines it.
 */
import Database from 'better-sqlite3';
import { DataUnusable } from '../errors.ts';

/** The SQL of tables and indexes, by name. */
export type Definitions = ReadonlyMap<string, string>;

type Row = { readonly name: string; readonly sql: string };

// Triggers are left out, since readers set off none, and so is what SQLite makes by itself: it has no SQL.
const DEFINED = "SELECT name, sql FROM sqlite_schema WHERE type <> 'trigger' AND sql IS NOT NULL";
// What ANALYZE leaves behind.
const STATISTICS = /^CREATE TABLE sqlite_stat[14]\([a-z,]+\)$/;

/** What this SQL defines. */
export function definitionsIn(sql: string): Definitions {
  const db = new Database(':memory:');
  try {
    db.exec(sql);
    return new Map(rowsOf(db).map((row) => [row.name, row.sql]));
  } finally {
    db.close();
  }
}

/** Throws `DataUnusable` unless these tables exist and are ours. Others do not matter: they are not read. */
export function requireDefinitions(db: Database.Database, own: Definitions, tables: readonly string[]): void {
  const found = new Map(rowsOf(db).map((row) => [row.name, row.sql]));
  const other = tables.find((table) => found.get(table) !== own.get(table));
  if (other === undefined) return;
  const expected = `expected the table ${other} of switchyard in ${db.name}`;
  const what = found.has(other) ? 'another of that name' : 'none';
  throw new DataUnusable('data_foreign', `${expected}, found ${what}`);
}

/** The names of whatever else is defined. */
export function strangersIn(db: Database.Database, own: Definitions): readonly string[] {
  return rowsOf(db)
    .filter(({ name, sql }) => own.get(name) !== sql && !STATISTICS.test(sql))
    .map(({ name }) => name);
}

function rowsOf(db: Database.Database): readonly Row[] {
  return db.prepare<[], Row>(DEFINED).all();
}
