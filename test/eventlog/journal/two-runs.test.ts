/** A journal that two processes write at a time, since one takes the other's place. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openJournalReader } from '../../../eventlog/index.ts';
import { segmentFiles } from '../../../eventlog/journal/segment/segment-files.ts';
import { finished, JournalDesk, RUN, record } from './desk.ts';
import { temporaryDirectory } from './temporary-directory.ts';

const LATER = RUN + 10_000;
// Each block fills a segment.
const limits = { segmentBytes: 1 };

/** Requests are told apart by their paths. */
function note(journal: JournalDesk, path: string): void {
  expect(record(journal.producer(), finished({ startedAtMs: journal.nowMs, target: path }))).toBe(true);
}

/** Of all requests, in the order in which they are read. */
function paths(directory: string): string[] {
  const reader = openJournalReader(directory);
  const found = [...reader.requests()].map(({ path }) => path);
  reader.close();
  return found;
}

function gapsIn(directory: string) {
  const reader = openJournalReader(directory);
  const gaps = reader.gaps();
  reader.close();
  return gaps;
}

const numbers = (directory: string) => segmentFiles(join(directory, 'journal')).map(({ number }) => number);

describe('a run beside another', () => {
  it('has segments of its own, and is read after all that the other writes, though that goes on', () => {
    const directory = temporaryDirectory();
    const old = new JournalDesk(directory, { limits });
    const fresh = new JournalDesk(directory, { limits, run: LATER, isBeside: true });
    const writers = [old.writer(), fresh.writer()] as const;
    for (let turn = 0; turn < 3; turn++) {
      note(old, `/old/${turn}`);
      writers[0].turn();
      note(fresh, `/new/${turn}`);
      writers[1].turn();
      old.nowMs += 2000;
      fresh.nowMs += 2000;
    }
    expect(paths(directory)).toEqual(['/old/0', '/old/1', '/old/2', '/new/0', '/new/1', '/new/2']);
    expect(numbers(directory).length).toBeGreaterThanOrEqual(6);
    expect(gapsIn(directory)).toEqual([]);
    for (const writer of writers) writer.close();
  });

  it('goes on in its own segment when its writer dies, and so does the other; nothing is written twice', () => {
    const directory = temporaryDirectory();
    const old = new JournalDesk(directory);
    const fresh = new JournalDesk(directory, { run: LATER, isBeside: true });
    for (let life = 0; life < 3; life++)
      for (const [journal, name] of [
        [old, 'old'],
        [fresh, 'new'],
      ] as const) {
        note(journal, `/${name}/${life}`);
        // Its process may have died just there, and the file is left with its write-ahead log.
        expect(journal.writer().turn()).toBe(true);
      }
    expect(paths(directory)).toEqual(['/old/0', '/old/1', '/old/2', '/new/0', '/new/1', '/new/2']);
    expect(numbers(directory)).toEqual([1, 2]);
    expect(gapsIn(directory)).toEqual([]);
  });

  it('is followed by a run that goes on where it ended, and says since when nothing ran', () => {
    const directory = temporaryDirectory();
    const old = new JournalDesk(directory, { limits });
    const fresh = new JournalDesk(directory, { run: LATER, isBeside: true });
    const [oldWriter, freshWriter] = [old.writer(), fresh.writer()];
    for (const turn of [0, 1]) {
      note(old, `/old/${turn}`);
      oldWriter.turn();
      old.nowMs += 2000;
      if (turn === 0) note(fresh, '/new/0');
      freshWriter.turn();
    }
    oldWriter.close();
    freshWriter.close();
    const before = numbers(directory);
    const third = new JournalDesk(directory, { run: LATER + 60_000 });
    note(third, '/third');
    const writer = third.writer();
    writer.turn();
    writer.close();
    expect(numbers(directory)).toEqual(before);
    expect(paths(directory)).toEqual(['/old/0', '/old/1', '/new/0', '/third']);
    expect(gapsIn(directory)).toMatchObject([{ cause: 'stopped', fromMs: LATER, run: LATER + 60_000 }]);
  });

  it('keeps what the other one writes for as long as its last block says', () => {
    const directory = temporaryDirectory();
    const maxAgeMs = 8000;
    const old = new JournalDesk(directory, { maxAgeMs, limits: { segmentAgeMs: 60_000 } });
    const fresh = new JournalDesk(directory, { run: LATER, isBeside: true, maxAgeMs });
    const [oldWriter, freshWriter] = [old.writer(), fresh.writer()];
    old.nowMs = LATER;
    for (let second = 0; second < 12; second++) {
      note(old, `/old/${second}`);
      oldWriter.turn();
      note(fresh, `/new/${second}`);
      freshWriter.turn();
      old.nowMs += 1000;
      fresh.nowMs += 1000;
    }
    expect(existsSync(join(directory, 'journal', 'segment-00000001.db'))).toBe(true);
    expect(paths(directory).filter((path) => path.startsWith('/old'))).toHaveLength(12);
    oldWriter.close();
    freshWriter.close();
  });
});
