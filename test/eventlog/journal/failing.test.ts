import {
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import Database from 'better-sqlite3';
import { describe, expect, it, type TestContext } from 'vitest';
import {
  type FinishedRequest,
  JournalMemory,
  type JournalWriter,
  openJournalReader,
  openSqliteLog,
  WRITER_STATUS,
} from '../../../eventlog/index.ts';
import { type SegmentFile, segmentFiles } from '../../../eventlog/journal/segment/segment-files.ts';
import { SCHEMA_VERSION } from '../../../eventlog/journal/segment/segment-schema.ts';
import { verifyAll } from '../../../src/history/files/portion.ts';
import { sourcesOf } from '../../../src/history/files/sources.ts';
import { answerOf } from '../../../src/history/progress.ts';
import { roomOf } from '../../../src/history/room.ts';
import { fill, smallDisk } from '../../support/small-disk.ts';
import { finished, idOf, JournalDesk, OTHER, RUN, record } from './desk.ts';
import { temporaryDirectory } from './temporary-directory.ts';

function statusOf(journal: JournalDesk, index: number): number {
  return new JournalMemory(journal.shared).writerStatus[index]!;
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

function journalOnSmallDisk(test: TestContext) {
  const at = join(temporaryDirectory(), 'disk');
  const disk = smallDisk(at, 2);
  if (disk === undefined) test.skip('mounting a tmpfs takes privileges that this user lacks');
  const journal = new JournalDesk(join(at, 'data'));
  const unmount = () => disk[Symbol.dispose]();
  return { at, journal, ring: journal.producer(), writer: journal.writer(), [Symbol.dispose]: unmount };
}

/** A journal at rest, in one file: a block for every fifty requests. */
function journalOf(requests: readonly FinishedRequest[]): {
  readonly directory: string;
  readonly path: string;
} {
  const directory = temporaryDirectory();
  const journal = new JournalDesk(directory);
  const ring = journal.producer();
  const writer = journal.writer();
  for (let at = 0; at < requests.length; at += 50) {
    for (const request of requests.slice(at, at + 50)) expect(record(ring, request)).toBe(true);
    writer.turn();
  }
  writer.close();
  const [{ path }] = segmentFiles(join(directory, 'journal')) as [SegmentFile];
  return { directory, path };
}

function numbered(count: number, more: Partial<FinishedRequest> = {}): FinishedRequest[] {
  return Array.from({ length: count }, (_, sequence) => finished({ sequence, ...more }));
}

/** The next process writes one request, which is returned. */
function goOn(directory: string): FinishedRequest {
  const journal = new JournalDesk(directory, { run: RUN + 1000 });
  const later = finished({ sequence: 7, startedAtMs: journal.nowMs });
  record(journal.producer(), later);
  const writer = journal.writer();
  writer.turn();
  writer.close();
  return later;
}

/** What can be read of a journal, and what is said about the rest. */
function readingOf(directory: string) {
  const damaged: { readonly path: string; readonly error: unknown }[] = [];
  const reader = openJournalReader(directory, { damaged: (path, error) => damaged.push({ path, error }) });
  return { reader, requests: [...reader.requests()], damaged, [Symbol.dispose]: () => reader.close() };
}

describe('a journal that cannot be written', () => {
  it('warns once a minute, and records what it can when it can again, with a gap for the rest', () => {
    const directory = temporaryDirectory();
    const journal = new JournalDesk(directory);
    const ring = journal.producer();
    writeFileSync(join(directory, 'journal'), 'in the way');
    const writer = journal.writer();
    let lost = 0;
    for (let sequence = 0; sequence < 3000; sequence++) {
      if (!record(ring, finished({ sequence, startedAtMs: journal.nowMs }))) lost++;
      if (sequence % 100 === 0) expect(writer.turn()).toBe(false);
      journal.nowMs += 30;
    }
    expect(lost).toBeGreaterThan(0);
    // Ninety seconds of trying once a second: two minutes begun.
    expect(journal.warnings).toHaveLength(2);
    expect(journal.warnings[0]).toContain(join(directory, 'journal'));
    expect(statusOf(journal, WRITER_STATUS.failing)).toBe(1);
    expect(statusOf(journal, WRITER_STATUS.failures)).toBeGreaterThan(20);

    rmSync(join(directory, 'journal'));
    journal.nowMs += 1000;
    expect(writer.turn()).toBe(true);
    const reader = openJournalReader(directory);
    expect([...reader.requests()]).toHaveLength(3000 - lost);
    expect(reader.gaps()).toMatchObject([{ cause: 'overflow', requests: lost }]);
    expect(statusOf(journal, WRITER_STATUS.failing)).toBe(0);
    expect(statusOf(journal, WRITER_STATUS.lostRequests)).toBe(lost);
    reader.close();
    writer.close();
  });

  it('for want of room takes nothing back, and goes on when there is room', (test) => {
    using disk = journalOnSmallDisk(test);
    const { at, journal, ring, writer } = disk;
    const written: string[] = [];
    const put = (sequence: number) => {
      const request = finished({ sequence, target: `/${'x'.repeat(500)}` });
      if (record(ring, request)) written.push(idOf(request));
    };
    mkdirSync(journal.directory);
    for (let sequence = 0; sequence < 50; sequence++) put(sequence);
    writer.turn();
    fill(join(at, 'filler'));
    for (let sequence = 50; sequence < 2000; sequence++) {
      put(sequence);
      if (sequence % 20 === 0) writer.turn();
      journal.nowMs += 50;
    }
    expect(statusOf(journal, WRITER_STATUS.failing)).toBe(1);
    expect(journal.warnings.length).toBeGreaterThan(0);
    rmSync(join(at, 'filler'));
    journal.nowMs += 2000;
    for (let turns = 0; turns < 5; turns++) writer.turn();
    const reader = openJournalReader(journal.directory);
    expect([...reader.requests()].map(({ id }) => id)).toEqual(written);
    expect(reader.gaps().reduce((sum, { requests }) => sum + (requests ?? 0), 0)).toBe(2000 - written.length);
    reader.close();
    writer.close();
  });

  it('for want of room leaves no file for each attempt, nor one open', (test) => {
    using disk = journalOnSmallDisk(test);
    const { at, journal, ring, writer } = disk;
    mkdirSync(journal.directory);
    record(ring, finished({ sequence: 0 }));
    writer.turn();
    for (let sequence = 1; sequence < 20; sequence++) {
      fill(join(at, 'filler'));
      record(ring, finished({ sequence, target: `/${'x'.repeat(900)}` }));
      writer.turn();
      journal.nowMs += 2000;
    }
    expect(statusOf(journal, WRITER_STATUS.failing)).toBe(1);
    expect(segmentFiles(join(journal.directory, 'journal'))).toHaveLength(1);
    const descriptors = readdirSync('/proc/self/fd').map((fd) => linkOf(`/proc/self/fd/${fd}`));
    // The segment, what SQLite keeps beside it, and no more.
    expect(descriptors.filter((path) => path.startsWith(at)).length).toBeLessThan(4);
    writer.close();
  });

  it('for want of room that is its own goes on once it may keep less', (test) => {
    using disk = journalOnSmallDisk(test);
    const { at, journal, ring } = disk;
    mkdirSync(journal.directory);
    const writeSome = (writer: JournalWriter) => {
      for (let turn = 0; turn < 40; turn++) {
        for (let each = 0; each < 10; each++) record(ring, finished({ target: `/${'x'.repeat(5000)}` }));
        writer.turn();
        journal.nowMs += 1000;
      }
      return statusOf(journal, WRITER_STATUS.failing);
    };
    const roomy = journal.writer({ limits: { segmentBytes: 2 ** 18 } });
    expect(writeSome(roomy)).toBe(1);
    roomy.close();
    fill(join(at, 'filler'));
    const modest = journal.writer({ maxBytes: 2 ** 20 });
    expect(writeSome(modest)).toBe(0);
    modest.close();
  });

  it('whose file somebody else keeps from it goes on in another, and gives up nothing to the next writer', () => {
    const journal = new JournalDesk(temporaryDirectory());
    const ring = journal.producer();
    const segments = () => segmentFiles(join(journal.directory, 'journal'));
    mkdirSync(journal.directory, { recursive: true });
    record(ring, finished({ sequence: 0 }));
    journal.writer().turn();
    const other = new Database(segments()[0]!.path);
    other.exec('BEGIN IMMEDIATE');
    for (const sequence of [1, 2]) {
      record(ring, finished({ sequence }));
      const writer = journal.writer();
      for (let failures = 0; failures < 3; failures++) {
        expect(writer.turn()).toBe(false);
        journal.nowMs += 1000;
      }
      // The first dies here.
      if (sequence === 2) expect(writer.turn()).toBe(true);
    }
    expect(segments()).toHaveLength(2);
    other.close();
    const reader = openJournalReader(journal.directory);
    expect([...reader.requests()]).toHaveLength(3);
    expect(reader.gaps()).toEqual([]);
    reader.close();
  });

  it('with a file that nothing was written in yet is not damaged', () => {
    const { directory } = journalOf(numbered(1));
    writeFileSync(join(directory, 'journal', 'segment-00000002.db'), '');
    using found = readingOf(directory);
    expect(found.requests).toHaveLength(1);
    expect(found.damaged).toEqual([]);
  });

  it('whose file is damaged goes on in another, and the reader says which cannot be read', () => {
    const { directory, path } = journalOf(numbered(100));
    const bytes = readFileSync(path);
    bytes.fill(0x5a, 0, 4096);
    writeFileSync(path, bytes);
    const later = goOn(directory);
    using found = readingOf(directory);
    expect(found.reader.find(idOf(later))?.id).toBe(idOf(later));
    expect(found.damaged.map((each) => each.path)).toContain(path);
  });

  it.each([
    [
      'of a newer format',
      `PRAGMA user_version = ${SCHEMA_VERSION + 1}`,
      new RegExp(
        `format ${SCHEMA_VERSION} or older in .*, found format ${SCHEMA_VERSION + 1}: a newer switchyard`,
      ),
    ],
    [
      'from before the first release',
      'DROP TABLE peers',
      /format 1 to \d in .*, found one from before the first release/,
    ],
    [
      'with a view in place of a table',
      'DROP TABLE names; CREATE VIEW names AS SELECT 1 AS key, 2 AS name',
      /expected the table names of switchyard in .*, found another of that name/,
    ],
  ])('%s is left as it is, the reader says so, and the writer begins another', (_what, sql, says) => {
    const { directory, path } = journalOf(numbered(1));
    const db = new Database(path);
    db.exec(sql);
    db.close();
    const before = readFileSync(path);
    const later = goOn(directory);
    using found = readingOf(directory);
    expect(found.requests.map(({ id }) => id)).toEqual([idOf(later)]);
    expect(String(found.damaged[0]?.error)).toMatch(says);
    expect(readFileSync(path).equals(before)).toBe(true);
  });

  it('that could not be opened for a while is not remembered as damaged', async () => {
    const { directory, path } = journalOf(numbered(1));
    await openSqliteLog({ directory, now: Date.now }).close();
    const { sources, close } = sourcesOf(directory, Date.now);
    const verified = () => answerOf(verifyAll({}, roomOf(sources(), new AbortController().signal)));

    renameSync(path, `${path}.aside`);
    symlinkSync(path, path);
    expect((await verified()).journal.damaged).toEqual([expect.stringContaining(`${path}: ELOOP: `)]);
    rmSync(path);
    renameSync(`${path}.aside`, path);
    expect(await verified()).toMatchObject({ ok: true, journal: { damaged: [] } });
    close();
  });

  it('whose last file was lost under it takes nothing of before twice', () => {
    const directory = temporaryDirectory();
    const journal = new JournalDesk(directory, { limits: { segmentBytes: 1 } });
    const ring = journal.producer();
    const writer = journal.writer();
    for (let sequence = 0; sequence < 3; sequence++) {
      record(ring, finished({ sequence }));
      writer.turn();
      journal.nowMs += 1000;
      writer.turn();
    }
    const files = segmentFiles(join(directory, 'journal'));
    expect(files.length).toBeGreaterThan(2);
    writeFileSync(files.at(-1)!.path, Buffer.alloc(100_000, 'x'));
    rmSync(`${files.at(-1)!.path}-wal`, { force: true });
    const next = journal.writer();
    record(ring, finished({ sequence: 3 }));
    next.turn();
    const reader = openJournalReader(directory);
    const found = [...reader.requests()].map(({ id }) => Number.parseInt(id.slice(24), 16));
    expect(found).toEqual([0, 1, 3]);
    reader.close();
    next.close();
  });

  it('with one request that cannot be read, every other one is', () => {
    const named = (sequence: number) =>
      finished({ sequence, method: OTHER, methodName: `METHOD-${sequence}` });
    const { directory, path } = journalOf([0, 1, 2].map(named));
    // A name of 100 bytes in a frame that has not so many, in a block whose checksum is right.
    const db = new Database(path);
    const { block, bytes } = db
      .prepare<[], { block: number; bytes: Buffer }>(
        'SELECT block, requests AS bytes FROM contents WHERE length(requests) > 0',
      )
      .get()!;
    bytes[bytes.indexOf('METHOD-1') - 1] = 100;
    db.prepare('UPDATE contents SET requests = ?, requests_sum = ? WHERE block = ?').run(
      bytes,
      crc32(bytes),
      block,
    );
    db.close();
    using found = readingOf(directory);
    expect(found.requests.map(({ method }) => method)).toEqual(['METHOD-0', 'METHOD-2']);
    expect(found.reader.find(idOf(named(2)))?.method).toBe('METHOD-2');
    expect(found.damaged).toEqual([{ path, error: expect.any(RangeError) }]);
  });

  it('with a flipped byte in a block, every other block is read', () => {
    const target = `/${'x'.repeat(200)}`;
    const { directory, path } = journalOf(numbered(500, { target }));
    const bytes = readFileSync(path);
    // In the midst of the last block: an earlier place may be one that SQLite has left.
    bytes[bytes.lastIndexOf(Buffer.from(target)) + 100] = 0x79;
    writeFileSync(path, bytes);
    using found = readingOf(directory);
    expect(found.damaged.length).toBeGreaterThan(0);
    expect(found.requests.length).toBeGreaterThanOrEqual(450);
    expect(found.requests.length).toBeLessThan(500);
  });
});
