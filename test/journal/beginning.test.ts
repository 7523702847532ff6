/** A segment at the moment when it is begun: what readers make of it, and that none is begun where one is. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import Database from 'better-sqlite3';
import { expect, it } from 'vitest';
import { JOURNAL_DIRECTORY, openJournalReader } from '../../eventlog/index.ts';
import {
  beginSegment,
  makeJournalDirectory,
  segmentFiles,
  segmentPath,
} from '../../eventlog/journal/segment-files.ts';
import { finished, idOf, JournalDesk, record, temporaryDirectory } from './desk.ts';

it('is not taken for a damaged one, nor is one that just went', { timeout: 60_000 }, async () => {
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

it('is not taken for a damaged one while its writer has it alone, and is read once it is let go', () => {
  const home = temporaryDirectory();
  const directory = join(home, JOURNAL_DIRECTORY);
  const desk = new JournalDesk(home);
  const request = finished();
  record(desk.producer(), request);
  const writer = desk.writer();
  writer.turn();
  writer.close();
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
