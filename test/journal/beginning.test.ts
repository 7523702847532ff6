/** A segment at the moment when it is begun: what readers make of it, and that none is begun where one is. */
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { expect, it } from 'vitest';
import { JOURNAL_DIRECTORY, openJournalReader } from '../../eventlog/index.ts';
import { beginSegment, makeJournalDirectory, segmentPath } from '../../eventlog/journal/segment-files.ts';
import { temporaryDirectory } from './desk.ts';

it('is not taken for a damaged one, nor is one that just went', { timeout: 30_000 }, async () => {
  const home = temporaryDirectory();
  const directory = join(home, JOURNAL_DIRECTORY);
  const thread = new Worker(new URL('./beginning-thread.ts', import.meta.url), { workerData: { directory } });
  const damage: string[] = [];
  const until = Date.now() + 2000;
  while (Date.now() < until) {
    const reader = openJournalReader(home, {
      damaged: (path, error) => damage.push(`${path}: ${(error as Error).message}`),
    });
    reader.span();
    reader.gaps();
    reader.close();
    await new Promise((resolve) => setImmediate(resolve));
  }
  const told = once(thread, 'message');
  thread.postMessage('stop');
  const [begun] = (await told) as [number];
  expect(begun).toBeGreaterThan(20);
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
