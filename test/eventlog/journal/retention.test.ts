import { readdirSync, rmSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openJournalReader, WRITER_STATUS } from '../../../eventlog/index.ts';
import { bytesOf, dropSegment, segmentFiles } from '../../../eventlog/journal/segment/segment-files.ts';
import { finished, idOf, JournalDesk, RUN, record } from './desk.ts';
import { temporaryDirectory } from './temporary-directory.ts';

const BATCH = 100;

/** Requests with paths of a kilobyte, a second between batches. */
function write(journal: JournalDesk, batches: number): string[] {
  const ring = journal.producer();
  const writer = journal.writer();
  const ids: string[] = [];
  for (let batch = 0; batch < batches; batch++) {
    for (let i = 0; i < BATCH; i++) {
      const request = finished({
        sequence: batch * BATCH + i,
        startedAtMs: journal.nowMs,
        target: `/${'x'.repeat(1000)}`,
      });
      if (record(ring, request)) ids.push(idOf(request));
    }
    writer.turn();
    journal.nowMs += 1000;
  }
  writer.close();
  return ids;
}

function heldBytes(directory: string): number {
  return segmentFiles(join(directory, 'journal')).reduce((sum, { path }) => sum + bytesOf(path), 0);
}

describe('retention', () => {
  it('drops the oldest segments whole when there are too many bytes, and keeps the newest requests', () => {
    const maxBytes = 2 ** 21;
    const journal = new JournalDesk(temporaryDirectory(), { ringBytes: 2 ** 18, maxBytes });
    const ids = write(journal, 60);
    const reader = openJournalReader(journal.directory);
    const kept = [...reader.requests()].map(({ id }) => id);
    expect(kept).toEqual(ids.slice(-kept.length));
    // One segment's worth is what may be gone too early, and what may be there too long until the house is next kept.
    const segment = maxBytes / 8;
    expect(heldBytes(journal.directory)).toBeLessThan(maxBytes + segment);
    expect(kept.length * 1000).toBeGreaterThan(maxBytes - 3 * segment);
    expect(reader.find(ids[0]!)).toBeUndefined();
    expect(reader.find(ids.at(-1)!)?.id).toBe(ids.at(-1));
    reader.close();
  });

  it('says which segment it writes from the first block of it on', () => {
    const journal = new JournalDesk(temporaryDirectory(), { ringBytes: 2 ** 18, maxBytes: 2 ** 21 });
    const ring = journal.producer();
    const writer = journal.writer();
    const newest = () => segmentFiles(join(journal.directory, 'journal')).at(-1)!.number;
    for (let turn = 0; turn < 40; turn++) {
      for (let each = 0; each < 20; each++) record(ring, finished({ target: `/${'x'.repeat(8000)}` }));
      writer.turn();
      expect(ring.writerStatus[WRITER_STATUS.segment]).toBe(newest());
      journal.nowMs += 300;
    }
    expect(newest()).toBeGreaterThan(5);
    writer.close();
  });

  it('takes nothing away from who is reading it', () => {
    const journal = new JournalDesk(temporaryDirectory(), { ringBytes: 2 ** 18, maxBytes: 2 ** 21 });
    const ids = write(journal, 10);
    const damaged: unknown[] = [];
    const reader = openJournalReader(journal.directory, { damaged: (_, error) => damaged.push(error) });
    const files = segmentFiles(join(journal.directory, 'journal'));
    expect(files.length).toBeGreaterThan(3);
    const read: string[] = [];
    for (const { id } of reader.requests()) {
      read.push(id);
      if (read.length > 1) continue;
      for (const { path } of files.slice(0, -1)) dropSegment(path);
      // It looks at all segments there are, as a name that is not known has it do.
      expect(reader.nameOf(1)).toBeUndefined();
    }
    expect([read, damaged]).toEqual([ids, []]);
    expect(reader.find(ids[0]!)).toBeUndefined();
    reader.close();
  });

  it('drops what is too old where the clock was a year ahead before', () => {
    const maxAgeMs = 16_000;
    const directory = temporaryDirectory();
    const more = { ringBytes: 2 ** 18, maxAgeMs };
    const ahead = write(new JournalDesk(directory, { ...more, run: RUN + 365 * 86_400_000 }), 20);
    const journal = new JournalDesk(directory, more);
    write(journal, 60);
    const reader = openJournalReader(directory);
    expect(reader.find(ahead.at(-1)!)).toBeUndefined();
    const [oldest] = reader.requests();
    expect(journal.nowMs - oldest!.startedAtMs).toBeLessThan(maxAgeMs + maxAgeMs / 8 + 3000);
    reader.close();
  });

  it('drops what is too old', () => {
    const maxAgeMs = 16_000;
    const journal = new JournalDesk(temporaryDirectory(), { ringBytes: 2 ** 18, maxAgeMs });
    const ids = write(journal, 60);
    const reader = openJournalReader(journal.directory);
    const kept = [...reader.requests()];
    const oldestMs = journal.nowMs - kept[0]!.startedAtMs;
    expect(oldestMs).toBeLessThan(maxAgeMs + maxAgeMs / 8 + 3000);
    expect(oldestMs).toBeGreaterThan(maxAgeMs - 3000);
    expect(kept.at(-1)?.id).toBe(ids.at(-1));
    reader.close();
  });

  it.each([
    { what: 'too old', maxAgeMs: 16_000, quietMs: 20_000, kept: 0 },
    { what: 'too much', maxBytes: 2 ** 20, quietMs: 3000, kept: 2 ** 20 },
  ])('drops what is $what though no more requests come', ({ quietMs, kept, what: _, ...more }) => {
    const journal = new JournalDesk(temporaryDirectory(), { ringBytes: 2 ** 22, ...more });
    const ring = journal.producer();
    const writer = journal.writer();
    const write = (sequence: number) => {
      const request = finished({ sequence, startedAtMs: journal.nowMs, target: `/${'x'.repeat(1000)}` });
      record(ring, request);
      return idOf(request);
    };
    for (let sequence = 0; sequence < 3000; sequence++) write(sequence);
    writer.turn();
    for (let ms = 0; ms < quietMs; ms += 1000) {
      journal.nowMs += 1000;
      writer.turn();
    }
    const reader = openJournalReader(journal.directory);
    const held = [...reader.requests()].length * 1000;
    expect(held).toBeLessThanOrEqual(kept);
    expect(heldBytes(journal.directory)).toBeLessThan(2 ** 20);
    expect(ring.writerStatus[WRITER_STATUS.segment]).toBe(
      segmentFiles(join(journal.directory, 'journal')).at(-1)!.number,
    );
    const later = write(3000);
    writer.turn();
    expect(reader.find(later)?.id).toBe(later);
    reader.close();
    writer.close();
  });

  it('drops what is too much as it comes, however much comes within a second', () => {
    const maxBytes = 2 ** 20;
    const journal = new JournalDesk(temporaryDirectory(), { ringBytes: 2 ** 22, maxBytes });
    const ring = journal.producer();
    const writer = journal.writer();
    for (let turn = 0; turn < 10; turn++) {
      for (let each = 0; each < 300; each++) record(ring, finished({ target: `/${'x'.repeat(8000)}` }));
      writer.turn();
      journal.nowMs += 70;
      expect(heldBytes(journal.directory)).toBeLessThan(2 * maxBytes);
    }
    writer.close();
  });

  it('leaves a reader what it has open, and shows it what comes', () => {
    const journal = new JournalDesk(temporaryDirectory(), { ringBytes: 2 ** 18, maxBytes: 2 ** 20 });
    const ring = journal.producer();
    const writer = journal.writer();
    const reader = openJournalReader(journal.directory);
    for (let sequence = 0; sequence < 3000; sequence++) {
      const request = finished({ sequence, startedAtMs: journal.nowMs, target: `/${'x'.repeat(1000)}` });
      record(ring, request);
      if (sequence % 100 !== 99) continue;
      writer.turn();
      journal.nowMs += 1000;
      expect(reader.find(idOf(request))?.id).toBe(idOf(request));
    }
    expect(readdirSync(join(journal.directory, 'journal')).length).toBeLessThan(40);
    writer.close();
    reader.close();
  });

  it.each(['removed', 'cut off'])(
    'a segment that somebody has %s costs what was in it, and no more',
    (how) => {
      const journal = new JournalDesk(temporaryDirectory());
      const ring = journal.producer();
      const writer = journal.writer();
      record(ring, finished({ sequence: 1 }));
      writer.turn();
      journal.nowMs += 1000;
      writer.turn();
      const directory = join(journal.directory, 'journal');
      if (how === 'removed') rmSync(directory, { recursive: true });
      else for (const { path } of segmentFiles(directory)) truncateSync(path);
      journal.nowMs += 1000;
      writer.turn();
      const later = finished({ sequence: 2, startedAtMs: RUN + 1000 });
      record(ring, later);
      for (let i = 0; i < 3; i++) {
        journal.nowMs += 1000;
        writer.turn();
      }
      const reader = openJournalReader(journal.directory);
      expect(reader.find(idOf(later))?.id).toBe(idOf(later));
      expect(journal.warnings.length).toBeLessThan(2);
      reader.close();
      writer.close();
    },
  );

  it('goes on with the segment of the last run, with words of its own in one of its own', () => {
    const directory = temporaryDirectory();
    write(new JournalDesk(directory, { ringBytes: 2 ** 18 }), 1);
    write(new JournalDesk(directory, { ringBytes: 2 ** 18, run: RUN + 60_000 }), 1);
    expect(segmentFiles(join(directory, 'journal'))).toHaveLength(1);
    const vocabulary = { methods: ['POST', 'GET'], outcomes: ['other', 'responded'], phases: [], ends: [] };
    write(new JournalDesk(directory, { ringBytes: 2 ** 18, run: RUN + 120_000, vocabulary }), 1);
    expect(segmentFiles(join(directory, 'journal'))).toHaveLength(2);
    const reader = openJournalReader(directory);
    const words = [...reader.requests()].map(({ method, outcome, phase }) => `${method} ${outcome} ${phase}`);
    expect(new Set(words)).toEqual(new Set(['GET responded respond', 'POST other code 0']));
    expect(reader.gaps().map(({ cause }) => cause)).toEqual(['stopped', 'stopped']);
    reader.close();
  });
});
