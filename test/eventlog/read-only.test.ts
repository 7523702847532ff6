import { chmodSync } from 'node:fs';
import { expect, it } from 'vitest';
import { openLogFile, openPoints, openSqliteLog, openSqliteReader } from '../../eventlog/index.ts';
import { tempDirectory } from '../support/temp-directory.ts';

// Root may write everywhere; this file has a process of its own, which goes on as nobody.
if (process.getuid?.() === 0) process.setuid?.(65_534);

it.each([
  ['a reader', openSqliteReader],
  ['a question', openLogFile],
])('where no file can be made beside the log, %s is told so, and what to do', async (_, read) => {
  await using directory = await tempDirectory();
  await openSqliteLog({ directory: directory.path, now: Date.now }).close();
  chmodSync(directory.path, 0o500);
  try {
    expect(() => read(directory.path)).toThrow(
      expect.objectContaining({
        name: 'DataUnusable',
        code: 'data_unreadable',
        message: expect.stringMatching(
          /^expected to read .*events\.db, for which .* beside it, found EACCES: .*; copy .*, or mount it writable$/,
        ),
      }),
    );
  } finally {
    chmodSync(directory.path, 0o700);
  }
});

it('where no cache of the past can be made, there is none', async () => {
  await using directory = await tempDirectory();
  chmodSync(directory.path, 0o500);
  expect(openPoints(directory.path)).toBeUndefined();
  chmodSync(directory.path, 0o700);
  const points = openPoints(directory.path);
  expect(points).toBeDefined();
  points?.close();
});
