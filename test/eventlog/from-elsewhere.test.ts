/** A data directory that somebody else has made, to be looked into. */
import { execFileSync } from 'node:child_process';
import { closeSync, constants, openSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { openPoints, openSqliteLog, openSqliteReader } from '../../eventlog/index.ts';
import { type TempDirectory, tempDirectory } from '../support/temp-directory.ts';

async function withLog(): Promise<TempDirectory> {
  const directory = await tempDirectory();
  await openSqliteLog({ directory: directory.path, now: Date.now }).close();
  return directory;
}

function change(file: string, sql: string): void {
  const db = new Database(file);
  db.exec(sql);
  db.close();
}

/** Makes a pipe and holds its other end, so that whoever opens it does not wait. */
function pipeAt(path: string): () => void {
  execFileSync('mkfifo', [path]);
  const other = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  return () => closeSync(other);
}

describe('the log of somebody else', () => {
  it.each(['', '-journal', '-wal', '-shm'])('with a pipe at events.db%s is refused', async (suffix) => {
    await using directory = await withLog();
    const path = join(directory.path, `events.db${suffix}`);
    rmSync(path, { force: true });
    const close = pipeAt(path);
    expect(() => openSqliteReader(directory.path)).toThrow(
      `expected a file at ${path}, found something else`,
    );
    close();
  });

  it.each(['events', 'commands', 'currents', 'snapshots', 'base', 'base_states'])(
    'with a view in place of %s, which might never end, is refused',
    async (table) => {
      await using directory = await withLog();
      const file = join(directory.path, 'events.db');
      change(
        file,
        `ALTER TABLE ${table} RENAME TO former; CREATE VIEW ${table} AS SELECT * FROM former WHERE 1 = 1`,
      );
      expect(() => openSqliteReader(directory.path)).toThrow(
        expect.objectContaining({
          code: 'data_foreign',
          message: `expected the table ${table} of switchyard in ${file}, found another of that name`,
        }),
      );
    },
  );

  it('with a computed column is refused', async () => {
    await using directory = await withLog();
    change(
      join(directory.path, 'events.db'),
      'ALTER TABLE currents ADD COLUMN more INTEGER AS (length(state))',
    );
    expect(() => openSqliteReader(directory.path)).toThrow(expect.objectContaining({ code: 'data_foreign' }));
  });

  it.each([
    ['CREATE TABLE more (name TEXT CHECK (length(name) < 7))'],
    ['CREATE TABLE more (name TEXT, long AS (length(name)))'],
    ['CREATE INDEX more ON currents (length(state))'],
    ['CREATE VIEW more AS SELECT 1'],
  ])('that has also a %s is read, but is not what was written', async (sql) => {
    await using directory = await withLog();
    change(join(directory.path, 'events.db'), sql);
    const reader = openSqliteReader(directory.path);
    expect(reader.position()).toBe(0);
    expect(reader.structuralDamage()).toEqual(['more: no switchyard made it']);
    reader.close();
  });

  it('that was analysed is as it was written', async () => {
    await using directory = await withLog();
    change(join(directory.path, 'events.db'), 'ANALYZE');
    const reader = openSqliteReader(directory.path);
    expect(reader.structuralDamage()).toEqual([]);
    reader.close();
  });
});

describe('the cache of the past of somebody else', () => {
  it.each(['a database', 'nothing'])('is not made where a link leads, to %s', async (what) => {
    await using directory = await tempDirectory();
    await using outside = await tempDirectory();
    const target = join(outside.path, 'precious.db');
    if (what === 'a database') change(target, 'CREATE TABLE songs (title TEXT)');
    const before = what === 'a database' ? readFileSync(target) : undefined;
    symlinkSync(target, join(directory.path, 'history.db'));
    expect(openPoints(directory.path)).toBeUndefined();
    if (before !== undefined) expect(readFileSync(target)).toEqual(before);
    else expect(() => readFileSync(target)).toThrow('ENOENT');
  });

  it('is done without where a pipe is', async () => {
    await using directory = await tempDirectory();
    const close = pipeAt(join(directory.path, 'history.db'));
    expect(openPoints(directory.path)).toBeUndefined();
    close();
  });

  it.each([
    'CREATE VIEW points AS SELECT 1 AS position',
    'CREATE TABLE points (position INTEGER PRIMARY KEY, hash, is_full, digest, content AS (zeroblob(1)))',
  ])('is made anew where it is %s', async (sql) => {
    await using directory = await tempDirectory();
    const file = join(directory.path, 'history.db');
    change(file, sql);
    expect(openPoints(directory.path)).toBeUndefined();
    openPoints(directory.path)?.close();
    const db = new Database(file, { readonly: true });
    expect(db.prepare("SELECT type FROM sqlite_schema WHERE name = 'points'").pluck().get()).toBe('table');
    db.close();
  });

  it('is made anew where something else is set off by what is written to it', async () => {
    await using directory = await tempDirectory();
    openPoints(directory.path)?.close();
    const file = join(directory.path, 'history.db');
    change(file, 'CREATE TRIGGER more AFTER INSERT ON points BEGIN DELETE FROM points; END');
    expect(openPoints(directory.path)).toBeUndefined();
    openPoints(directory.path)?.close();
    const db = new Database(file, { readonly: true });
    expect(db.prepare('SELECT name FROM sqlite_schema').pluck().all()).toEqual(['points']);
    db.close();
  });
});
