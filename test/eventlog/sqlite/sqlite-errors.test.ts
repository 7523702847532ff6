import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { unusable } from '../../../eventlog/sqlite/sqlite-errors.ts';
import { tempDirectory } from '../../support/temp-directory.ts';

const cannotOpen = () => new Database.SqliteError('unable to open database file', 'SQLITE_CANTOPEN');

describe('a file that cannot be opened', () => {
  it('for want of a permission is reported with the user who lacks it', () => {
    const denied = Object.assign(new Error("EACCES: permission denied, stat '/x/events.db'"), {
      code: 'EACCES',
      errno: -13,
    });
    expect(unusable(denied, '/x/events.db')).toMatchObject({
      code: 'data_unreadable',
      message: `expected to open /x/events.db, found that user ${process.getuid?.()} may not (${denied.message})`,
      cause: denied,
    });
  });

  it('is reported with what the system says, not only SQLite', async () => {
    await using directory = await tempDirectory();
    // Not for want of a permission: root lacks none.
    const path = join(directory.path, 'x'.repeat(300));
    const error = unusable(cannotOpen(), path) as Error;
    expect(error.message).toMatch(/^expected to open .*x: ENAMETOOLONG: /);
  });

  it('is reported in the words of SQLite if the system lets this user', async () => {
    await using directory = await tempDirectory();
    expect(unusable(cannotOpen(), directory.path)).toMatchObject({
      message: `expected to open ${directory.path}: unable to open database file (SQLITE_CANTOPEN)`,
    });
  });
});
