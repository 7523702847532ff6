import { mkdirSync, renameSync, rmSync, statSync, symlinkSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { openSqliteLog, openSqliteReader } from '../../../eventlog/index.ts';
import { tempDirectory } from '../../support/temp-directory.ts';
import { append, poolCreated, WEB, write } from '../appends.ts';

const now = () => 1_700_000_000_000;
const wish = (version = 0) =>
  append([write(WEB, version, [poolCreated()], { settings: {}, version: version + 1 })]);
const lost = { name: 'LogUnavailable', code: 'log_failed' };

describe('a log whose file is not where it was', () => {
  it('takes nothing that nobody would find again, and goes on when it is back', async () => {
    await using root = await tempDirectory();
    const at = join(root.path, 'data');
    await using log = openSqliteLog({ directory: at, now });
    renameSync(at, join(root.path, 'elsewhere'));
    await expect(log.append(wish())).rejects.toMatchObject(lost);
    await expect(log.together(() => log.append(wish()))).rejects.toMatchObject(lost);
    expect(await log.position()).toBe(0);
    renameSync(join(root.path, 'elsewhere'), at);
    expect(await log.append(wish())).toMatchObject({ type: 'appended', position: 1 });
  });

  it('takes nothing where another is in its place, or what was not written back yet is gone', async () => {
    await using root = await tempDirectory();
    const at = join(root.path, 'data');
    await using log = openSqliteLog({ directory: at, now });
    expect(await log.append(wish())).toMatchObject({ type: 'appended' });
    rmSync(join(at, 'events.db-wal'));
    await expect(log.append(wish(1))).rejects.toMatchObject(lost);
    rmSync(at, { recursive: true });
    mkdirSync(at);
    await using other = openSqliteLog({ directory: at, now });
    await expect(log.append(wish(1))).rejects.toMatchObject(lost);
    expect(await other.append(wish())).toMatchObject({ type: 'appended', position: 1 });
  });

  it.each(['events.db', 'events.db-wal'])(
    'takes nothing where %s was cut short, which SQLite would not see',
    async (name) => {
      await using root = await tempDirectory();
      await using log = openSqliteLog({ directory: root.path, now });
      for (const version of [0, 1]) await log.append(wish(version));
      truncateSync(join(root.path, name), 0);
      const cut = new RegExp(`expected at least \\d+ bytes in .*${name}, found 0: it was cut short`);
      await expect(log.append(wish(2))).rejects.toMatchObject({
        ...lost,
        message: expect.stringMatching(cut),
      });
      expect(statSync(join(root.path, name)).size).toBe(0);
    },
  );

  it.each([
    ['PRAGMA wal_checkpoint(TRUNCATE)', 'events.db-wal'],
    // Its pages are in the write-ahead log until a checkpoint makes the file itself shorter.
    ['VACUUM; PRAGMA wal_checkpoint(TRUNCATE)', 'events.db'],
  ])('takes what comes after %s, by which somebody made %s shorter', async (sql, name) => {
    await using root = await tempDirectory();
    await using log = openSqliteLog({ directory: root.path, now });
    for (let version = 0; version < 300; version++) await log.append(wish(version));
    const size = () => statSync(join(root.path, name)).size;
    const other = new Database(join(root.path, 'events.db'));
    other.exec('CREATE TABLE large (text); INSERT INTO large VALUES (zeroblob(1000000)); DROP TABLE large');
    other.pragma('wal_checkpoint(PASSIVE)');
    await log.append(wish(300));
    const before = size();
    other.exec(sql);
    expect(size()).toBeLessThan(before);
    for (const version of [301, 302])
      expect(await log.append(wish(version))).toMatchObject({ type: 'appended', position: version + 1 });
    truncateSync(join(root.path, name), 0);
    await expect(log.append(wish(303))).rejects.toMatchObject(lost);
    other.close();
  });

  it('is not begun anew by who had it before', async () => {
    await using root = await tempDirectory();
    const open = () => openSqliteLog({ directory: join(root.path, 'data'), now, mustExist: true });
    expect(open).toThrow(/expected the log that was at .*events\.db, found none/);
  });

  it('is told as one where nobody may look for it, and read on by who has it open', async () => {
    await using root = await tempDirectory();
    const at = join(root.path, 'data');
    const away = join(root.path, 'elsewhere');
    const open = () => openSqliteLog({ directory: at, now, mustExist: true });
    await using log = openSqliteLog({ directory: at, now });
    const reader = openSqliteReader(at);
    renameSync(at, away);
    // It leads round in a circle, which no permission lets anybody see behind.
    symlinkSync(at, at);
    await expect(log.append(wish())).rejects.toMatchObject(lost);
    expect(reader.position()).toBe(0);
    const openReader = () => openSqliteReader(at);
    expect(openReader).toThrow(expect.objectContaining({ code: 'data_unreadable' }));
    expect(openReader).toThrow(/symbolic links/);
    // What it held is let go of all the same.
    await log.close();
    expect(open).toThrow(expect.objectContaining({ code: 'data_unreadable' }));
    rmSync(at);
    renameSync(away, at);
    await using again = open();
    expect(await again.append(wish())).toMatchObject({ type: 'appended', position: 1 });
    reader.close();
  });
});
