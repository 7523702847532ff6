/** A write-ahead log that is damaged: never is a log taken for whole that ends before what was acknowledged. */
import { copyFileSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { beforeEach, describe, expect, it } from 'vitest';
import { openSqliteLog, openSqliteReader, verify } from '../../../eventlog/index.ts';
import { writeAheadDamage } from '../../../eventlog/sqlite/write-ahead-damage.ts';
import { projectionOf } from '../../../src/projection.ts';
import { Past } from '../../history/past.ts';
import { tempDirectory } from '../../support/temp-directory.ts';

const HEADER = 32;
const FRAME = 24 + 4096;

/** As a kill leaves it: a log that was begun before, and five changes, each of which writes some pages. */
async function killed(directory: string): Promise<void> {
  await using at = await tempDirectory();
  await openSqliteLog({ directory: at.path, now: () => 1_700_000_000_000 }).close();
  await using log = openSqliteLog({ directory: at.path, now: () => 1_700_000_000_000 });
  const past = new Past(log);
  for (let number = 0; number < 5; number++)
    await past.happen([`pool-p${number}`, { type: 'PoolCreated', data: { settings: {} } }] as never);
  for (const name of ['events.db', 'events.db-wal']) copyFileSync(join(at.path, name), join(directory, name));
}

describe('a write-ahead log', () => {
  let directory: Awaited<ReturnType<typeof tempDirectory>>;
  let path: string;
  let frames: number;
  beforeEach(async () => {
    directory = await tempDirectory();
    path = join(directory.path, 'events.db');
    await killed(directory.path);
    frames = (readFileSync(`${path}-wal`).length - HEADER) / FRAME;
    return () => directory[Symbol.asyncDispose]();
  });

  function flip(at: number): void {
    const file = readFileSync(`${path}-wal`);
    file[at]! ^= 4;
    writeFileSync(`${path}-wal`, file);
  }

  /** The last frame of each transaction says how many pages the file has then. */
  function commits(): number[] {
    const file = readFileSync(`${path}-wal`);
    return Array.from({ length: frames }, (_, frame) => frame).filter(
      (frame) => file.readUInt32BE(HEADER + frame * FRAME + 4) > 0,
    );
  }

  it('as it was written, cut off anywhere, or damaged in its last transaction is none that is damaged', () => {
    expect(writeAheadDamage(path)).toBeUndefined();
    const lastBegins = commits().at(-2)! + 1;
    flip(HEADER + lastBegins * FRAME + 100);
    expect(writeAheadDamage(path)).toBeUndefined();
    for (const bytes of [HEADER + 3 * FRAME + 7, HEADER + FRAME, HEADER, HEADER - 1, 0]) {
      truncateSync(`${path}-wal`, bytes);
      expect(writeAheadDamage(path)).toBeUndefined();
    }
  });

  it.each([
    ['the header', 8, 'the header'],
    ['the salt of all frames', 17, 'the header'],
    ['the page of a frame', HEADER + 2, 'frame 1'],
    ['a page', HEADER + FRAME + 4000, 'frame 2'],
    ['the salt of a frame', HEADER + 2 * FRAME + 9, 'frame 3'],
  ])('damaged in %s is told by verify, and no log is begun behind it', async (_, at, where) => {
    flip(at);
    const told = `${where} of its write-ahead log damaged, with changes behind it that were acknowledged`;
    expect(writeAheadDamage(path)).toBe(told);
    expect(() => openSqliteLog({ directory: directory.path, now: Date.now })).toThrow(
      expect.objectContaining({ code: 'data_unreadable', message: expect.stringContaining(told) }),
    );
    const reader = openSqliteReader(directory.path);
    try {
      const { findings } = await verify(reader, projectionOf);
      expect(findings[0]).toMatchObject({ type: 'file_damaged', found: told });
    } finally {
      reader.close();
    }
  });

  it('damaged before the last transaction is found, in whichever frame', () => {
    const lastBegins = commits().at(-2)! + 1;
    for (let frame = 0; frame < lastBegins; frame++) {
      const at = HEADER + frame * FRAME + ((frame * 977) % FRAME);
      flip(at);
      expect(writeAheadDamage(path)).toContain(`frame ${frame + 1} of`);
      flip(at);
    }
  });
});

it('a write-ahead log that began anew has frames of before behind its own, and is none that is damaged', async () => {
  await using directory = await tempDirectory();
  const path = join(directory.path, 'a.db');
  const db = new Database(path);
  try {
    db.pragma('journal_mode = WAL');
    db.exec('CREATE TABLE t (text TEXT)');
    const insert = db.prepare('INSERT INTO t VALUES (?)');
    for (let row = 0; row < 20; row++) insert.run('x'.repeat(3000));
    db.pragma('wal_checkpoint(PASSIVE)');
    for (let row = 0; row < 5; row++) insert.run('y'.repeat(3000));
    expect(writeAheadDamage(path)).toBeUndefined();
    // Pages of a transaction that is taken back are in it too, since they did not fit in memory.
    db.pragma('cache_size = 10');
    db.exec('BEGIN');
    for (let row = 0; row < 100; row++) insert.run('z'.repeat(3000));
    db.exec('ROLLBACK');
    insert.run('x');
    expect(writeAheadDamage(path)).toBeUndefined();
  } finally {
    db.close();
  }
});
