import { once } from 'node:events';
import { copyFileSync, mkdirSync, readdirSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  LocalLog,
  openSqliteLog,
  openSqliteReader,
  swapLog,
  verify,
  WriteBack,
} from '../../../eventlog/index.ts';
import { prepareSchema } from '../../../eventlog/sqlite/schema.ts';
import { SqliteStore } from '../../../eventlog/sqlite/sqlite-store.ts';
import { copyLog } from '../../support/copy-log.ts';
import { type TempDirectory, tempDirectory } from '../../support/temp-directory.ts';
import { append, domainChanged, domainCreated, domainOf, domainState, write } from '../appends.ts';
import { projectionOf } from '../projections.ts';

const BESIDE = new URL('../../support/fixtures/written-back.ts', import.meta.url);
const READER = new URL('../../support/fixtures/currents-reader.ts', import.meta.url);
// 4096 pages, each with a head of 24 bytes, and what the writer himself lets come together.
const MANY_BYTES = 4096 * (4096 + 24) + 32;
const BACKSTOP_BYTES = 2 * MANY_BYTES;
const LEISURE_MS = 1000;

let directory: TempDirectory;
let nowMs: number;
let warnings: string[];
let beside: WriteBack;
const at = (name: string) => join(directory.path, name);

beforeEach(async () => {
  directory = await tempDirectory();
  nowMs = 1;
  warnings = [];
  beside = new WriteBack({
    directory: directory.path,
    now: () => nowMs,
    warn: (word) => warnings.push(word),
  });
});
afterEach(async () => {
  beside.close();
  await directory[Symbol.asyncDispose]();
});

/** The first turn sees the file, the second opens it and writes back. */
function turns(count = 2): void {
  for (let turn = 0; turn < count; turn++) beside.turn();
}

function open(): LocalLog {
  const log = openSqliteLog({ directory: directory.path, now: () => 1000 });
  log.writtenBackBeside(true);
  return log;
}

async function put(log: LocalLog, host: string, version = 0): Promise<void> {
  const pool = `p${version}`;
  const event = version === 0 ? domainCreated(pool) : domainChanged(pool);
  await log.append(append([write(domainOf(host), version, [event], domainState(pool, version + 1))]));
}

/** What is in the file alone, without what lies beside it. */
function positionInFile(): number {
  mkdirSync(at('alone'));
  copyFileSync(realpathSync(at('events.db')), at('alone/events.db'));
  const reader = openSqliteReader(at('alone'));
  try {
    return reader.position();
  } finally {
    reader.close();
    rmSync(at('alone'), { recursive: true });
  }
}

describe('the pages of a log', () => {
  it('are written back beside the writer, at most once a second where they are few', async () => {
    await using log = open();
    await put(log, 'a.example');
    turns();
    expect(beside.isAtWork).toBe(true);
    expect(positionInFile()).toBe(1);
    await put(log, 'b.example');
    nowMs += LEISURE_MS - 1;
    turns();
    expect(positionInFile()).toBe(1);
    nowMs += 1;
    turns();
    expect(positionInFile()).toBe(2);
    expect((await verify(log.reader, projectionOf)).findings).toEqual([]);
  });

  it('are written back at once where they are many', async () => {
    await using log = open();
    await put(log, 'a.example');
    turns();
    let version = 1;
    for (; statSync(at('events.db-wal')).size < MANY_BYTES; version++) await put(log, 'a.example', version);
    turns(1);
    expect(positionInFile()).toBe(version);
  });

  it('stay where they are while a reader needs the file as it was, and hinder neither', async () => {
    await using log = open();
    await put(log, 'a.example');
    turns();
    const reader = new Database(at('events.db'), { readonly: true });
    reader.exec('BEGIN; SELECT count(*) FROM events');
    await put(log, 'b.example');
    await put(log, 'c.example');
    nowMs += LEISURE_MS;
    turns();
    expect(positionInFile()).toBe(1);
    expect(reader.prepare('SELECT count(*) FROM events').pluck().get()).toBe(1);
    reader.close();
    nowMs += LEISURE_MS;
    turns();
    expect(positionInFile()).toBe(3);
    expect(warnings).toEqual([]);
  });

  it('leave nothing beside the file once all have closed it, whoever is last', async () => {
    for (const isFirst of [true, false]) {
      const log = open();
      await put(log, `${isFirst}.example`);
      turns(3);
      if (isFirst) beside.close();
      await log.close();
      beside.close();
      expect(readdirSync(directory.path).filter((name) => name.startsWith('events'))).toEqual(['events.db']);
    }
    await using log = open();
    expect(await log.position()).toBe(2);
  });
});

describe('the write-ahead log', () => {
  it('stays within bounds through many small commits, however many read beside', async () => {
    const db = new Database(at('events.db'));
    prepareSchema(db);
    // Commits that wait for no disk: many times as many.
    db.pragma('synchronous = OFF');
    await using log = new LocalLog(new SqliteStore(db, () => {}), () => 1000);
    log.writtenBackBeside(true);
    const readings = 1_000_000;
    const readers = [1, 2].map(
      (restMs) => new Worker(READER, { workerData: { directory: directory.path, readings, restMs } }),
    );
    const thread = new Worker(BESIDE, { workerData: { directory: directory.path, everyMs: 20 } });
    thread.on('message', (warning: string) => warnings.push(warning));
    let most = 0;
    for (let commit = 0; commit < 8000; commit++) {
      await put(log, `h${commit % 200}.example`, Math.floor(commit / 200));
      if (commit % 100 === 0) most = Math.max(most, statSync(at('events.db-wal')).size);
    }
    for (const reader of readers) await reader.terminate();
    await stopped(thread);
    expect(most).toBeLessThan(3 * BACKSTOP_BYTES);
    expect(warnings).toEqual([]);
    expect((await verify(log.reader, projectionOf)).findings).toEqual([]);
  });
});

async function stopped(thread: Worker): Promise<void> {
  const gone = once(thread, 'exit');
  thread.postMessage('stop');
  await gone;
}

async function swapped(log: LocalLog): Promise<void> {
  const to = log.reader.position();
  const fresh = at('fresh.db');
  const breathe = async () => {};
  await copyLog({ source: log.reader, path: fresh, from: to, to, projectionOf, commands: 'all', breathe });
  await put(log, `during-${to}.example`);
  swapLog(log, directory.path, fresh, to);
}

describe('a log that goes on in another file', () => {
  it('is followed, and nothing of the former file stays', async () => {
    const log = open();
    await put(log, 'a.example');
    turns();
    await swapped(log);
    expect(positionInFile()).toBe(2);
    await put(log, 'b.example');
    nowMs += LEISURE_MS;
    turns();
    expect(positionInFile()).toBe(3);
    expect(readdirSync(directory.path).filter((name) => name.startsWith('events'))).toHaveLength(4);
    beside.close();
    await log.close();
    expect(readdirSync(directory.path).filter((name) => name.startsWith('events'))).toHaveLength(2);
    expect(warnings).toEqual([]);
  });

  it('loses nothing, file after file, while another thread writes back without rest', async () => {
    const log = open();
    const thread = new Worker(BESIDE, { workerData: { directory: directory.path } });
    thread.on('message', (warning: string) => warnings.push(warning));
    for (let round = 0; round < 25; round++) {
      for (let host = 0; host < 20; host++) await put(log, `h${round}-${host}.example`);
      await swapped(log);
    }
    const position = 25 * 21;
    expect(await log.position()).toBe(position);
    await stopped(thread);
    await log.close();
    expect(readdirSync(directory.path).filter((name) => name.startsWith('events'))).toHaveLength(2);
    await using again = open();
    expect(await again.position()).toBe(position);
    expect((await verify(again.reader, projectionOf)).findings).toEqual([]);
    expect(await again.version(domainOf('h0-0.example'))).toBe(1);
    // It looks again at once, not a turn of the journal later: while this thread is not given a processor, a file that it is about
    // to open is locked both times.
    expect(warnings.filter((warning) => !warning.includes('(SQLITE_BUSY'))).toEqual([]);
  });
});

describe('a file that cannot be written back', () => {
  it('is a warning a minute, and tried again', async () => {
    turns();
    expect([beside.isAtWork, warnings]).toEqual([false, []]);
    writeFileSync(at('events.db'), 'not a database, but as long as the header of one would be'.repeat(9));
    turns(4);
    expect(beside.isAtWork).toBe(false);
    expect(warnings).toEqual([expect.stringContaining(`the writer checkpoints by itself`)]);
    nowMs += 60_000;
    turns();
    expect(warnings).toHaveLength(2);
    rmSync(at('events.db'));
    await using log = open();
    await put(log, 'a.example');
    turns();
    expect(beside.isAtWork).toBe(true);
    expect(positionInFile()).toBe(1);
  });
});
