import { copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  DataUnusable,
  EventUnreadable,
  type LogInspection,
  type LogReader,
  LogUnavailable,
  openSqliteLog,
  openSqliteReader,
  type Recorded,
  type StreamName,
  verify,
} from '../../eventlog/index.ts';
import { HarmedLog } from '../../test/eventlog/harmed-log.ts';
import { histories, play } from '../../test/eventlog/histories.ts';
import { HarmedJournal } from '../../test/eventlog/journal/harmed-journal.ts';
import { projectionOf } from '../../test/eventlog/projections.ts';
import { type TempDirectory, tempDirectory } from '../../test/support/temp-directory.ts';

type Reader = LogReader & LogInspection;
type Original = {
  readonly events: readonly Recorded[];
  readonly currents: ReadonlyMap<string, unknown>;
  readonly domains: readonly string[];
};

const FILE = 'events.db';

describe('whichever byte of the file is flipped', () => {
  let directory: TempDirectory;
  let copy: TempDirectory;
  let original: Original;
  let size: number;

  beforeAll(async () => {
    directory = await tempDirectory();
    copy = await tempDirectory();
    const log = openSqliteLog({ directory: directory.path, now: () => 1_700_000_000_000 });
    const [steps] = fc.sample(fc.array(histories(30), { minLength: 12, maxLength: 12 }), {
      numRuns: 1,
      seed: 7,
    });
    for (const [index, part] of (steps ?? []).entries()) await play(log, part, `part${index}`);
    const currents = new Map<string, unknown>();
    log.reader.snapshotOfCurrents((current) => currents.set(current.stream, current));
    original = { events: await log.read({ limit: 10_000 }), currents, domains: domainsIn(log.reader) };
    await log.close();
    size = readFileSync(join(directory.path, FILE)).length;
  });
  afterAll(async () => {
    await directory[Symbol.asyncDispose]();
    await copy[Symbol.asyncDispose]();
  });

  it('nothing is read that was not written, and verify knows of whatever is missing', async () => {
    expect(original.events.length).toBeGreaterThan(80);
    const everywhere = fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 }));
    await fc.assert(
      fc.asyncProperty(everywhere, async ([at, mask]) => {
        const path = join(copy.path, FILE);
        for (const left of ['-wal', '-shm']) rmSync(`${path}${left}`, { force: true });
        copyFileSync(join(directory.path, FILE), path);
        const file = readFileSync(path);
        file[at % size] = (file[at % size] ?? 0) ^ mask;
        writeFileSync(path, file);
        const reader = orDamage(() => openSqliteReader(copy.path));
        if (reader === 'damaged') return;
        try {
          const whole = readsAsWritten(reader, original);
          const verification = await verify(reader, projectionOf);
          if (!whole) expect(verification.findings).not.toEqual([]);
        } finally {
          reader.close();
        }
      }),
      { numRuns: 250 },
    );
  });
});

describe('whichever byte is flipped, and wherever a file is cut', () => {
  const flips = fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 }));
  // Of a file that is empty, or of one byte, nobody can say that there was more: it is as one that was lost.
  const within = (at: number, bytes: number) => 2 + (at % (bytes - 2));

  it.each(['file', 'wal'] as const)('a log goes on with all of it, or it is told: its %s', async (kind) => {
    await using log = await HarmedLog.make(kind);
    const end = kind === 'wal' ? log.lastChangeAt : log.bytes;
    const flipped = fc.asyncProperty(flips, ([at, mask]) => log.with(flip(at % end, mask)));
    await fc.assert(flipped, { numRuns: 60 });
    // Of a write-ahead log that ends early nobody knows how much there was; what there is belongs together.
    const cut = fc.asyncProperty(fc.nat(), (at) =>
      log.with((bytes) => bytes.subarray(0, within(at, log.bytes)), kind === 'file'),
    );
    await fc.assert(cut, { numRuns: 30 });
  });

  it.each(['file', 'wal'] as const)(
    'a journal is read as written, or it is told: the %s of a segment',
    (kind) => {
      using journal = new HarmedJournal(kind);
      const end = kind === 'wal' ? journal.lastChangeAt : journal.bytes;
      const flipped = fc.property(flips, ([at, mask]) => journal.with(flip(at % end, mask)));
      fc.assert(flipped, { numRuns: 40 });
      const cut = fc.property(fc.nat(), (at) =>
        journal.with((bytes) => bytes.subarray(0, within(at, journal.bytes)), kind === 'file'),
      );
      fc.assert(cut, { numRuns: 20 });
    },
  );
});

function flip(at: number, mask: number): (bytes: Buffer) => Buffer {
  return (bytes) => {
    bytes[at]! ^= mask;
    return bytes;
  };
}

/** False where something could not be read or is missing; fails the test where something else was read. */
function readsAsWritten(reader: Reader, { events, currents, domains }: Original): boolean {
  let whole = true;
  const found = orDamage(() => domainsIn(reader));
  if (found === 'damaged' || found.join() !== domains.join()) whole = false;
  const read = orDamage(() => reader.read({ limit: 10_000 }));
  if (read === 'damaged' || read.length !== events.length) whole = false;
  if (read !== 'damaged') expect(read).toEqual(events.slice(0, read.length));
  for (const stream of new Set(events.map((event) => event.stream))) {
    const own = events.filter((event) => event.stream === stream);
    const found = orDamage(() => reader.readStream(stream, { limit: 10_000 }));
    if (found === 'damaged' || found.length !== own.length) whole = false;
    if (found !== 'damaged') expect(found).toEqual(own.slice(0, found.length));
    const current = orDamage(() => reader.current(stream as StreamName));
    if (current === 'damaged') whole = false;
    else if (current === undefined) whole &&= !currents.has(stream);
    else expect(current).toEqual(currents.get(stream));
  }
  return whole;
}

/** As their index has them, which no checksum seals. */
function domainsIn(reader: Reader): readonly string[] {
  const pages: string[] = [];
  reader.domainNames((streams) => void pages.push(streams));
  return pages;
}

function orDamage<T>(work: () => T): T | 'damaged' {
  try {
    return work();
  } catch (error) {
    // Our own words for it, always: an error of SQLite's or a TypeError would fail the test.
    if (error instanceof EventUnreadable) expect(error.message).toMatch(/^event \d+ of /);
    else if (!(error instanceof LogUnavailable || error instanceof DataUnusable)) throw error;
    return 'damaged';
  }
}
