import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { openSqliteLog, type SqliteLogOptions } from '../../eventlog/index.ts';
import { LocalLog } from '../../eventlog/local-log.ts';
import { prepareSchema } from '../../eventlog/sqlite/schema.ts';
import { SqliteStore } from '../../eventlog/sqlite/sqlite-store.ts';
import { tempDirectory } from '../support/temp-directory.ts';
import { append, backendAdded, domainCreated, EXAMPLE, poolCreated, WEB, write } from './appends.ts';

const now = () => 1_700_000_000_000;
const open = (directory: string, parts: Partial<SqliteLogOptions> = {}) =>
  openSqliteLog({ directory, now, ...parts });

describe('appends together', () => {
  const position = (db: Database.Database) =>
    db.prepare('SELECT coalesce(max(position), 0) FROM events').pluck().get();

  it('are in the file at once, at their end, and listeners hear of them as of one', async () => {
    await using directory = await tempDirectory();
    await using log = open(directory.path);
    const heard: number[][] = [];
    log.onAppended(({ events }) => heard.push(events.map((event) => event.position)));
    const other = new Database(join(directory.path, 'events.db'), { readonly: true });
    const answers = await log.together(async () => {
      const found = [];
      for (const wish of [
        append([write(WEB, 0, [poolCreated(), backendAdded('a')])]),
        append([write(WEB, 0, [poolCreated()])]),
        append([write(WEB, 2, [backendAdded('b')])]),
      ])
        found.push((await log.append(wish)).type);
      // Whoever appends sees what he wrote, and nobody else does.
      expect([await log.version(WEB), position(other)]).toEqual([3, 0]);
      expect(heard).toEqual([]);
      return found;
    });
    expect(answers).toEqual(['appended', 'conflict', 'appended']);
    expect(position(other)).toBe(3);
    expect(heard).toEqual([[1, 2, 3]]);
    other.close();
  });

  it('are nothing if one of them fails or their work does, and the log goes on', async () => {
    await using directory = await tempDirectory();
    await using log = open(directory.path, { maxBytes: 200_000 });
    const heard: number[] = [];
    log.onAppended(({ size }) => heard.push(size));
    const big = { filler: 'x'.repeat(400_000) };
    const late = log.together(async () => {
      await log.append(append([write(WEB, 0, [poolCreated()])]));
      // Whoever appends may overlook it.
      await log.append(append([write(WEB, 1, [backendAdded('a')], big)])).catch(() => {});
      await log.append(append([write(EXAMPLE, 0, [domainCreated()])])).catch(() => {});
    });
    await expect(late).rejects.toMatchObject({ name: 'LogUnavailable', code: 'log_full' });
    const broken = log.together(async () => {
      await log.append(append([write(WEB, 0, [poolCreated()])]));
      throw new Error('as a bug would');
    });
    await expect(broken).rejects.toThrow('as a bug would');
    expect([await log.position(), heard]).toEqual([0, []]);
    await log.together(async () => void (await log.append(append([write(WEB, 0, [poolCreated()])]))));
    expect(await log.append(append([write(WEB, 1, [backendAdded('a')])]))).toMatchObject({ position: 2 });
    expect(heard).toEqual([1, 1]);
  });

  it('are those of one work at a time, and a second one takes nothing from the first', async () => {
    await using directory = await tempDirectory();
    await using log = open(directory.path);
    await log.together(async () => {
      await log.append(append([write(WEB, 0, [poolCreated()])]));
      await expect(log.together(async () => {})).rejects.toThrow('expected one work at a time');
      await log.append(append([write(WEB, 1, [backendAdded('a')])]));
    });
    expect(await log.version(WEB)).toBe(2);
  });

  it('are apart from what was asked for before them', async () => {
    await using directory = await tempDirectory();
    await using log = open(directory.path);
    const before = log.append(append([write(WEB, 0, [poolCreated()])]));
    const broken = log.together(async () => {
      await log.append(append([write(EXAMPLE, 0, [domainCreated()])]));
      // Until whatever waits for the end of this turn of the loop has had it.
      await new Promise((resolve) => setTimeout(resolve, 1));
      throw new Error('as a bug would');
    });
    await expect(broken).rejects.toThrow('as a bug would');
    expect(await before).toMatchObject({ type: 'appended', position: 1 });
    expect([await log.version(WEB), await log.version(EXAMPLE)]).toEqual([1, 0]);
  });

  it.each(['their work', 'the commit'])(
    'are taken back by a log that is opened anew where %s failed and it cannot',
    async (what) => {
      await using directory = await tempDirectory();
      const path = join(directory.path, 'events.db');
      const db = new Database(path);
      prepareSchema(db);
      const log = new LocalLog(new SqliteStore(db, () => {}), now);
      await log.append(append([write(WEB, 0, [poolCreated()])]));
      const rows = db.prepare('SELECT 1 UNION SELECT 2');
      let reading: IterableIterator<unknown> | undefined;
      const broken = log.together(async () => {
        await log.append(append([write(WEB, 1, [backendAdded('a')])]));
        // No statement of this connection runs before its end, and no ROLLBACK either.
        reading = rows.iterate();
        if (what === 'their work') throw new Error('as a bug would');
      });
      await expect(broken).rejects.toThrow(
        what === 'their work' ? 'as a bug would' : 'busy executing a query',
      );
      reading?.return?.();
      expect(db.inTransaction).toBe(true);
      const refusal = {
        name: 'LogUnavailable',
        code: 'log_failed',
        message: expect.stringContaining('busy'),
      };
      const single = append([write(EXAMPLE, 0, [domainCreated()])]);
      await expect(log.append(single)).rejects.toMatchObject(refusal);
      await expect(log.together(async () => {})).rejects.toMatchObject(refusal);
      await expect(log.version(WEB)).rejects.toMatchObject(refusal);
      await log.close();
      await expect(log.version(WEB)).rejects.toMatchObject({ code: 'log_closed' });
      await using anew = open(directory.path);
      expect([await anew.position(), await anew.version(WEB)]).toEqual([1, 1]);
      expect(await anew.append(single)).toMatchObject({ type: 'appended', position: 2 });
    },
  );
});
