/** A segment at the moment when it is begun: what readers make of it, and that none is begun where one is. */
import { copyFileSync, existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import Database from 'better-sqlite3';
import { expect, it } from 'vitest';
import { JOURNAL_DIRECTORY, openJournalReader } from '../../../eventlog/index.ts';
import {
  beginSegment,
  makeJournalDirectory,
  segmentFiles,
  segmentPath,
} from '../../../eventlog/journal/segment/segment-files.ts';
import { finished, idOf, JournalDesk, record } from './desk.ts';
import { temporaryDirectory } from './temporary-directory.ts';

it('is not taken for a damaged one, nor is one that just went', async () => {
  const home = temporaryDirectory();
  const workerData = { directory: join(home, JOURNAL_DIRECTORY), count: 300 };
  const thread = new Worker(new URL('./beginning-thread.ts', import.meta.url), { workerData });
  let isOver = false;
  thread.on('exit', () => {
    isOver = true;
  });
  const damage: string[] = [];
  while (!isOver) {
    const reader = openJournalReader(home, {
      damaged: (path, error) => damage.push(`${path}: ${(error as Error).message}`),
    });
    reader.span();
    reader.gaps();
    reader.close();
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(segmentFiles(workerData.directory).at(-1)?.number).toBe(workerData.count);
  expect(damage).toEqual([]);
});

it('is not begun in the place of another', () => {
  const directory = join(temporaryDirectory(), JOURNAL_DIRECTORY);
  makeJournalDirectory(directory);
  const path = segmentPath(directory, 1);
  writeFileSync(path, 'requests of before');
  expect(() => beginSegment(path)).toThrow(/EEXIST/);
  expect(readFileSync(path, 'utf8')).toBe('requests of before');
});

it('is for its owner alone', () => {
  const directory = join(temporaryDirectory(), JOURNAL_DIRECTORY);
  makeJournalDirectory(directory);
  beginSegment(segmentPath(directory, 1));
  expect(statSync(segmentPath(directory, 1)).mode & 0o777).toBe(0o600);
});

it('is not taken for a damaged one while its writer has it alone, and is read once it is let go', () => {
  const home = temporaryDirectory();
  const directory = join(home, JOURNAL_DIRECTORY);
  const request = written(home);
  const alone = new Database(segmentPath(directory, 1));
  alone.exec('BEGIN EXCLUSIVE');
  const damage: unknown[] = [];
  const reader = openJournalReader(home, { damaged: (_path, error) => damage.push(error) });
  expect(reader.span()).toBeUndefined();
  alone.exec('COMMIT');
  alone.close();
  expect(reader.find(idOf(request))?.id).toBe(idOf(request));
  expect(damage).toEqual([]);
  reader.close();
});

it('that was half done when its writer was stopped is undone by whoever reads it next', () => {
  const home = temporaryDirectory();
  const directory = join(home, JOURNAL_DIRECTORY);
  const request = written(home);
  // As a writer leaves it that is killed: pages of a change that is not over, and beside them what was there before.
  const path = segmentPath(directory, 1);
  const killed = new Database(path);
  killed.pragma('cache_size = 1');
  const numbers = 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100)';
  killed.exec(`BEGIN; ${numbers} INSERT INTO names SELECT i, hex(zeroblob(4000)), 0 FROM n`);
  for (const beside of ['', '-journal']) copyFileSync(path + beside, segmentPath(directory, 2) + beside);
  killed.close();
  rmSync(path);
  const damage: unknown[] = [];
  const reader = openJournalReader(home, { damaged: (_path, error) => damage.push(error) });
  expect(reader.find(idOf(request))?.id).toBe(idOf(request));
  expect(damage).toEqual([]);
  expect(existsSync(`${segmentPath(directory, 2)}-journal`)).toBe(false);
  reader.close();
});

/** A request in a segment that its writer has ended. */
function written(home: string) {
  const desk = new JournalDesk(home);
  const request = finished();
  record(desk.producer(), request);
  const writer = desk.writer();
  writer.turn();
  writer.close();
  return request;
}
