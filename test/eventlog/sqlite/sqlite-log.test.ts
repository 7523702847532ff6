import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { openSqliteLog } from '../../../eventlog/index.ts';
import { eventLogContract } from '../../contracts/event-log.ts';

const root = mkdtempSync(join(tmpdir(), 'switchyard-contract-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

let opened = 0;
eventLogContract('the log in SQLite', ({ now }) => {
  opened += 1;
  return openSqliteLog({ directory: join(root, String(opened)), now });
});
