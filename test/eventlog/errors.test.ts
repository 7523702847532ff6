import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { DataUnusable, LogUnavailable, mayPass, openSqliteLog } from '../../eventlog/index.ts';
import { tempDirectory } from '../support/temp-directory.ts';

it('passes: whatever hinders the log, also as the cause of another error', () => {
  expect(mayPass(new LogUnavailable('log_full', 'no room'))).toBe(true);
  expect(mayPass(new DataUnusable('data_held', 'another has it'))).toBe(true);
  expect(
    mayPass(new Error('did not start', { cause: new DataUnusable('data_unreadable', 'not there') })),
  ).toBe(true);
});

it('does not pass: a mistake of ours, another program’s file, or a newer one', () => {
  expect(mayPass(new TypeError('undefined is not a function'))).toBe(false);
  expect(mayPass(undefined)).toBe(false);
  expect(mayPass(new DataUnusable('data_foreign', 'a database of another'))).toBe(false);
  expect(mayPass(new DataUnusable('data_newer', 'format 9'))).toBe(false);
});

it('does not pass: damage', async () => {
  await using directory = await tempDirectory();
  const file = join(directory.path, 'events.db');
  await openSqliteLog({ directory: directory.path, now: Date.now }).close();
  // Its header is sound, and what tells of its tables is not.
  const bytes = readFileSync(file);
  writeFileSync(file, bytes.fill('x', 100, 4096));
  const open = () => openSqliteLog({ directory: directory.path, now: Date.now });
  expect(open).toThrow(/SQLITE_CORRUPT/);
  expect(failureOf(open)).toBe(false);
});

it('passes: no file left to open for a thread', () => {
  const script = `
    const { openSync } = require('node:fs');
    const { Worker } = require('node:worker_threads');
    for (;;) try { openSync('/dev/null'); } catch { break; }
    new Worker('', { eval: true }).on('error', ({ code }) => process.stdout.write(code));
  `;
  const { stdout } = spawnSync('sh', ['-c', 'ulimit -n 64; exec "$0" -e "$1"', process.execPath, script]);
  const code = stdout.toString();
  expect(code).not.toBe('');
  expect(mayPass(Object.assign(new Error('no thread'), { code }))).toBe(true);
});

function failureOf(work: () => unknown): boolean | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    return mayPass(error);
  }
}
