import { afterEach, expect, it } from 'vitest';
import { openSqliteLog } from '../../../eventlog/index.ts';
import { queryApart } from '../../../src/history/query/query-apart.ts';
import { tempDirectory } from '../../support/temp-directory.ts';

const runtime = process.execPath;

afterEach(() => {
  process.execPath = runtime;
});

it('is refused while no process can be started, as after the removal of the runtime, and answered afterwards', async () => {
  await using directory = await tempDirectory();
  await openSqliteLog({ directory: directory.path, now: Date.now }).close();
  const order = { place: directory.path, wish: { sql: 'SELECT 1', limit: 1 } };
  const asked = () => queryApart(order, 10_000, new AbortController().signal);
  process.execPath = `${directory.path}/removed`;
  await expect(asked()).rejects.toMatchObject({ name: 'Unanswerable', word: 'history_unavailable' });
  process.execPath = runtime;
  expect((await asked()).rows).toEqual([[1]]);
});
