import { readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, it } from 'vitest';
import { openSqliteLog } from '../../eventlog/index.ts';
import { LogAtHand } from '../../src/router/log-at-hand.ts';
import { createProcessLog } from '../../src/telemetry/process-log.ts';
import { append, domainCreated, domainOf, domainState, write } from '../eventlog/appends.ts';
import { tempDirectory } from '../support/temp-directory.ts';

it('says of how many owners it is while it is open, and nothing while it is not', async () => {
  await using directory = await tempDirectory();
  const processLog = createProcessLog({ level: 'silent', destination: { write() {} } });
  const atHand = new LogAtHand(directory.path, processLog);
  await atHand.openFirst();
  const log = atHand.open();
  expect(atHand.owners).toBe(0);
  // As after a crash, until it can be opened again.
  await log.close();
  expect(atHand.owners).toBe(undefined);
  const again = atHand.open();
  expect(atHand.owners).toBe(0);
  await again.close();
});

it('makes the index of domains again where it is damaged', async () => {
  await using directory = await tempDirectory();
  const said: string[] = [];
  const destination = { write: (line: string) => void said.push(line) };
  const before = openSqliteLog({ directory: directory.path, now: Date.now });
  const host = domainOf('a.example');
  await before.append(append([write(host, 0, [domainCreated()], domainState('web', 1))]));
  await before.close();
  const path = join(directory.path, 'events.db');
  const file = readFileSync(path);
  const entry = file.indexOf(`web${host}`);
  expect(entry).toBeGreaterThan(0);
  file[entry] = (file[entry] ?? 0) ^ 1;
  writeFileSync(path, file);
  const log = await new LogAtHand(
    directory.path,
    createProcessLog({ level: 'warn', destination }),
  ).openFirst();
  expect(await log.domainsOf('web', 1)).toEqual(['a.example']);
  expect(said.join()).toContain('the index of domains was damaged and is being rebuilt');
  await log.close();
});

it('lets its directory go where what is in it cannot be read', async () => {
  await using directory = await tempDirectory();
  const processLog = createProcessLog({ level: 'silent', destination: { write() {} } });
  await openSqliteLog({ directory: directory.path, now: Date.now }).close();
  const db = new Database(join(directory.path, 'events.db'));
  const page = db
    .prepare<[], number>("SELECT rootpage FROM sqlite_schema WHERE name = 'currents'")
    .pluck()
    .get()!;
  db.close();
  const path = join(directory.path, 'events.db');
  const file = readFileSync(path);
  // No kind of page there is.
  file[(page - 1) * 4096] = 77;
  writeFileSync(path, file);
  for (let times = 0; times < 2; times++)
    await expect(new LogAtHand(directory.path, processLog).openFirst()).rejects.toMatchObject({
      code: 'log_failed',
    });
});

it('names what an interrupted archive left, and not what is in use', async () => {
  await using directory = await tempDirectory();
  const said: string[] = [];
  const destination = { write: (line: string) => void said.push(line) };
  const start = async () =>
    (
      await new LogAtHand(directory.path, createProcessLog({ level: 'warn', destination })).openFirst()
    ).close();
  const at = (name: string) => join(directory.path, name);
  await start();
  // As after an archive: the log's file has a name of its own.
  renameSync(at('events.db'), at('events-5-abc.db'));
  symlinkSync('events-5-abc.db', at('events.db'));
  await start();
  expect(said).toEqual([]);
  const left = ['archiving.db', 'archiving.db.partial', 'events-1-abb.db', 'events.db-wal', 'events.db.next'];
  const others = ['events-damaged-after-3-abc.db', 'events-5-abc.db.gz', 'events.db.bak'];
  for (const name of [...left, ...others]) writeFileSync(at(name), '');
  await start();
  expect(said).toHaveLength(1);
  expect(JSON.parse(said[0]!).files.toSorted()).toEqual(left);
});
