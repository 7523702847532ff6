import { mkdirSync, renameSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import {
  openSqliteLog,
  openSqliteReader,
  type StreamName,
  type SwitchyardEvent,
} from '../../eventlog/index.ts';
import { Publisher, Table, type TableSource } from '../../src/workers/index.ts';
import { NameIndex } from '../../src/workers/table/name-index.ts';
import { pool } from '../support/system.ts';
import { tempDirectory } from '../support/temp-directory.ts';

const created: SwitchyardEvent = { type: 'DomainCreated', data: { settings: { pool: pool('web') } } };

it('an owner whose log cannot be read just now is lost for a second, told of, and not mistaken for another', async () => {
  await using directory = await tempDirectory();
  await using log = openSqliteLog({ directory: directory.path, now: Date.now });
  for (const host of ['a.test', '*.test']) {
    const write = { stream: `domain-${host}` as StreamName, expected: 0, events: [created] };
    const current = { settings: { pool: 'web' } };
    await log.append({
      commandId: host,
      digest: 'd',
      author: 'test',
      answer: null,
      writes: [{ ...write, current }],
    });
  }
  const { names } = new Publisher();
  names.load((visit) => log.reader.domainNames(visit));
  const warned: string[] = [];
  const table = new Table();
  const reader = openSqliteReader(directory.path);
  const source: TableSource = {
    names: new NameIndex(names.shared),
    reader,
    isLevel: () => true,
    pause: () => {},
    warn: (error) => void warned.push(error.message),
    isBusy: () => false,
    passivated: () => {},
    reopened: () => source,
  };
  table.loadFrom(source);
  const at = join(directory.path, 'events.db');
  renameSync(at, `${at}.away`);
  // Something else is in its place, and cannot be opened.
  mkdirSync(at);
  for (let requests = 0; requests < 100; requests++)
    expect(table.lookup('a.test')).toMatchObject({ name: 'a.test', pool: { unavailable: true } });
  expect(warned).toHaveLength(1);
  expect(warned[0]).toMatch(/expected .*events\.db/);
  rmdirSync(at);
  renameSync(`${at}.away`, at);
  expect(table.lookup('a.test')?.pool).toMatchObject({ unavailable: true });
  table.sweep();
  expect(table.lookup('a.test')).toMatchObject({ name: 'a.test', settings: { pool: 'web' } });
  expect(table.lookup('a.test')?.pool).toBe(undefined);
  const held = table.lookup('a.test');
  table.sweep();
  expect(table.lookup('a.test')).toBe(held);
  reader.close();
});
