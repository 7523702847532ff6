import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openSqliteLog } from '../../eventlog/index.ts';
import { tempDirectory } from '../support/temp-directory.ts';

const PROGRAM = join(import.meta.dirname, '../../src/history/query/query-process.ts');
// SQLite counts a million times a million rows by itself.
const ENDLESS = `WITH t(x) AS (VALUES ${Array(1000).fill('(1)').join(',')}) SELECT count(*) FROM t, t a, t b, t c`;

const isAlive = (pid: number) => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

it('a query whose router was killed does not outlive it, though SQLite has no end', async () => {
  await using directory = await tempDirectory();
  await openSqliteLog({ directory: directory.path, now: Date.now }).close();
  const order = { place: directory.path, wish: { sql: ENDLESS, limit: 1, timeoutMs: 86_400_000 } };
  const asking = `
    const child = require('node:child_process').fork(${JSON.stringify(PROGRAM)}, { execArgv: [] });
    child.on('message', () => console.log(child.pid));
    child.send(${JSON.stringify(order)});`;
  const router = spawn(process.execPath, ['-e', asking], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [said] = await once(router.stdout, 'data');
  const pid = Number(String(said));
  try {
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(isAlive(pid)).toBe(true);
    router.kill('SIGKILL');
    await expect.poll(() => isAlive(pid)).toBe(false);
  } finally {
    if (isAlive(pid)) process.kill(pid, 'SIGKILL');
  }
});
