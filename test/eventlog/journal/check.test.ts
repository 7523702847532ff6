/** What of a journal is found to be otherwise than it was written: the blocks, and what they are found by. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, it } from 'vitest';
import {
  ByteWriter,
  JOURNAL_DIRECTORY,
  type OperationSource,
  openJournalReader,
  openSqliteLog,
  writeCheckpoint,
  writeName,
} from '../../../eventlog/index.ts';
import { NO_OPERATIONS } from '../../../eventlog/journal/operation-source.ts';
import { verifyAll } from '../../../src/history/files/portion.ts';
import { answerOf, roomOf, sourcesOf } from '../../../src/history/index.ts';
import { finished, JournalDesk, RUN, record } from './desk.ts';
import { temporaryDirectory } from './temporary-directory.ts';

const POOL = 4242;

/** Five operations once. */
function fiveOperations(): OperationSource {
  let left = 5;
  return {
    ...NO_OPERATIONS,
    take(into, pools) {
      if (left === 0) return 0;
      into.copy(new ByteWriter(new Uint8Array(20), 20).written());
      pools.addOperations(POOL, 1, 5, 5);
      left = 0;
      return 5;
    },
  };
}

/** A name and a gap; two blocks: requests, one of them of a peer, operations and a checkpoint; and a request. */
function written(): string {
  const directory = temporaryDirectory();
  const desk = new JournalDesk(directory, { operations: fiveOperations() });
  const ring = desk.producer();
  const writer = desk.writer();
  writeName(ring, POOL, 'web');
  for (let sequence = 0; sequence < 3; sequence++)
    record(ring, finished({ sequence, startedAtMs: RUN + sequence, peerId: sequence === 1 ? 'theirs' : '' }));
  writeCheckpoint(ring, POOL, 5, RUN, new Uint8Array([1, 2, 3]));
  writer.turn();
  record(ring, finished({ sequence: 3, startedAtMs: RUN + 3 }));
  writer.turn();
  writer.close();
  const later = new JournalDesk(directory, { run: RUN + 50_000 }).writer();
  later.turn();
  later.close();
  return directory;
}

function checked(directory: string): { readonly steps: unknown[]; readonly damage: readonly string[] } {
  const damage: string[] = [];
  const reader = openJournalReader(directory, {
    damaged: (_path, error) => damage.push((error as Error).message),
  });
  const steps = [...reader.check()];
  reader.close();
  return { steps, damage };
}

function tamper(directory: string, sql: string): void {
  const db = new Database(join(directory, JOURNAL_DIRECTORY, 'segment-00000001.db'));
  // Its schema, too.
  db.unsafeMode().exec(sql);
  db.close();
}

it('is nothing, as it was written', () => {
  expect(checked(written())).toEqual({
    steps: [
      { done: 1, of: 2 },
      { done: 2, of: 2 },
    ],
    damage: [],
  });
});

it.each([
  [
    'UPDATE contents SET requests = zeroblob(100) WHERE block = 1',
    /^block 1: expected requests with checksum /,
  ],
  [
    'UPDATE contents SET operations = zeroblob(9) WHERE block = 1',
    /^block 1: expected operations with checksum /,
  ],
  [
    'UPDATE contents SET checkpoints_sum = 7 WHERE block = 1',
    /^block 1: expected checkpoints with checksum 7, /,
  ],
  [
    'UPDATE blocks SET sealed_at_ms = -7 WHERE block = 1',
    /^block 1: expected the time of its end, found -7$/,
  ],
  ['UPDATE blocks SET requests = 0 WHERE block = 1', /^block 1: expected requestCount 3, found 0$/],
  ['UPDATE blocks SET operations = 4 WHERE block = 1', /^block 1: expected operationCount 5, found 4$/],
  ['UPDATE blocks SET checkpoints = 2 WHERE block = 1', /^block 1: expected checkpointCount 1, found 2$/],
  ['UPDATE blocks SET first_started_at_ms = 7 WHERE block = 2', /^block 2: expected firstStartedAtMs /],
  [
    'UPDATE blocks SET last_started_at_ms = NULL WHERE block = 2',
    /^block 2: expected lastStartedAtMs .* null$/,
  ],
  ['UPDATE contents SET filter = zeroblob(8) WHERE block = 2', /^block 2: .* request at byte 0 .* missing$/],
  ['UPDATE peers SET filter = zeroblob(8)', /^block 1: .* found it missing$/],
  ['DELETE FROM peers', /^block 1: .* found it missing$/],
  ["UPDATE contents SET pools = x'922105010401' WHERE block = 1", /^block 1: expected the pools of its ch/],
  ["UPDATE contents SET pools = x'92' WHERE block = 1", /^expected another byte/],
  ['DELETE FROM contents WHERE block = 1', /^block 1: expected its contents, found none$/],
  ['UPDATE blocks SET run = run + 1 WHERE block = 2', /^block 2: expected its row with checksum /],
  ['UPDATE blocks SET sealed_at_ms = 7 WHERE block = 2', /^block 2: expected its row with checksum /],
  [
    'UPDATE contents SET positions = zeroblob(9) WHERE block = 1',
    /^block 1: expected its index with checksum /,
  ],
  ["UPDATE peers SET filter = x'ffffffffffffffff'", /^block 1: expected its ids of peers with checksum /],
  ["UPDATE names SET name = 'wbe'", /^expected the name of 4242 with checksum /],
  ['UPDATE names SET key = 4243', /^expected the name of 4243 with checksum /],
  ["UPDATE gaps SET cause = 'overflow'", /^expected the gap from 1\d+ with checksum /],
  ['UPDATE gaps SET requests = 0', /^expected the gap from 1\d+ with checksum /],
  [
    "UPDATE about SET vocabulary = replace(vocabulary, 'respond', 'sespond')",
    /^expected the words of its rec.* with checks/,
  ],
  ['UPDATE about SET created_at_ms = 0', /^expected the words of its records with checksum /],
  ['DELETE FROM about', /^expected the words of its records, found none$/],
  [
    `PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = replace(sql, '(last_started', '(sealed') WHERE type = 'index';
     PRAGMA writable_schema = RESET; REINDEX blocks_by_start;
     PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = replace(sql, '(sealed', '(last_started') WHERE type = 'index'`,
    /^expected a sound file, found row 1 missing from index blocks_by_start$/,
  ],
  // To check either would compute it.
  [
    'CREATE INDEX lengths ON names (length(name))',
    /^expected a sound file, found lengths, which no switchyard made$/,
  ],
  [
    'CREATE TABLE others (name TEXT CHECK (length(name) < 7))',
    /^expected a sound file, found others, which no switchyard made$/,
  ],
])('is, after %s, the first of it in each block, and the other is checked too', (sql, expected) => {
  const directory = written();
  tamper(directory, sql);
  const { steps, damage } = checked(directory);
  expect(damage).toEqual([expect.stringMatching(expected)]);
  expect(steps).toHaveLength(2);
});

it.each([
  ['its first frame, with all tables', 32 + 100, 'frame 1'],
  ['the first of its last blocks but one', 32 + 12 * (24 + 8192) + 100, 'frame 13'],
])('is a write-ahead log that is damaged before its end, in %s', (_, at, where) => {
  const [directory, killed] = [temporaryDirectory(), temporaryDirectory()];
  const desk = new JournalDesk(directory);
  const ring = desk.producer();
  const writer = desk.writer();
  for (let sequence = 0; sequence < 9; sequence++) {
    record(ring, finished({ sequence, startedAtMs: RUN + sequence }));
    writer.turn();
  }
  const path = (place: string) => join(place, JOURNAL_DIRECTORY, 'segment-00000001.db');
  mkdirSync(join(killed, JOURNAL_DIRECTORY));
  for (const beside of ['', '-wal'])
    writeFileSync(path(killed) + beside, readFileSync(path(directory) + beside));
  writer.close();
  expect(checked(killed).damage).toEqual([]);
  const wal = readFileSync(`${path(killed)}-wal`);
  wal[at]! ^= 1;
  writeFileSync(`${path(killed)}-wal`, wal);
  const told = `${where} of its write-ahead log damaged, with changes behind it that were acknowledged`;
  expect(checked(killed).damage[0]).toContain(told);
});

it('is told by verify', async () => {
  const directory = written();
  await openSqliteLog({ directory, now: Date.now }).close();
  tamper(directory, 'UPDATE blocks SET requests = 0 WHERE block = 1');
  const { sources, close } = sourcesOf(directory, Date.now);
  const verified = await answerOf(verifyAll({}, roomOf(sources(), new AbortController().signal)));
  expect(verified).toMatchObject({
    ok: false,
    journal: { damaged: [expect.stringContaining('block 1: expected requestCount 3, found 0')] },
  });
  close();
});
