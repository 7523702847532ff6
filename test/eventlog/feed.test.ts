import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import {
  createMemoryLog,
  feed,
  LocalLog,
  openSqliteLog,
  type Recorded,
  swapLog,
} from '../../eventlog/index.ts';
import { projectionOf } from '../../src/projection.ts';
import { copyLog } from '../support/copy-log.ts';
import { tempDirectory } from '../support/temp-directory.ts';
import { append, domainChanged, domainCreated, EXAMPLE, write } from './appends.ts';

function memoryLog(): LocalLog {
  return createMemoryLog({ now: () => 1_700_000_000_000 });
}

async function add(log: LocalLog, count: number): Promise<void> {
  const version = await log.version(EXAMPLE);
  const events = Array.from({ length: count }, (_, index) =>
    version + index === 0 ? domainCreated() : domainChanged(`pool${version + index}`),
  );
  await log.append(append([write(EXAMPLE, version, events)]));
}

const upTo = (last: number, from = 1) => Array.from({ length: last - from + 1 }, (_, index) => from + index);

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await nextTurn();
}

describe('a feed', () => {
  it('gives what is there, then what comes, each once and in order', async () => {
    const log = memoryLog();
    await add(log, 1200);
    const seen: number[] = [];
    const subscription = feed(log).subscribe(({ position }) => seen.push(position));
    // Some while it catches up, some after it did.
    for (let turn = 0; turn < 20; turn += 1) await add(log, 7);
    await until(() => seen.length >= 1340);
    await add(log, 3);
    expect(seen).toEqual(upTo(1343));
    subscription.unsubscribe();
  });

  it('is live in the turn in which the append resolves', async () => {
    const log = memoryLog();
    const seen: Recorded[] = [];
    const subscription = feed(log).subscribe((event) => seen.push(event));
    await nextTurn();
    await add(log, 2);
    expect(seen).toEqual(await log.read());
    subscription.unsubscribe();
  });

  it('begins at the position asked for, also at one that is not there yet', async () => {
    const log = memoryLog();
    await add(log, 5);
    const late: number[] = [];
    const future: number[] = [];
    feed(log, 4).subscribe(({ position }) => late.push(position));
    feed(log, 8).subscribe(({ position }) => future.push(position));
    await until(() => late.length === 2);
    await add(log, 5);
    expect(late).toEqual(upTo(10, 4));
    expect(future).toEqual([8, 9, 10]);
  });

  it('of a log whose events are all archived waits for the next one, and reads nothing meanwhile', async () => {
    await using directory = await tempDirectory();
    const log = openSqliteLog({ directory: directory.path, now: () => 1_700_000_000_000 });
    await add(log, 3);
    const path = join(directory.path, 'fresh.db');
    const rest = { source: log.reader, path, from: 4, to: 3, commands: 'all' } as const;
    await copyLog({ ...rest, projectionOf, breathe: async () => {} });
    swapLog(log, directory.path, path, 3);
    let reads = 0;
    log.read = (options) => {
      reads += 1;
      return LocalLog.prototype.read.call(log, options);
    };
    const seen: number[] = [];
    const subscription = feed(log).subscribe(({ position }) => seen.push(position));
    for (let turn = 0; turn < 20; turn += 1) await nextTurn();
    expect(reads).toBe(1);
    await add(log, 2);
    await until(() => seen.length >= 2);
    expect(seen).toEqual([4, 5]);
    subscription.unsubscribe();
    await log.close();
  });

  it('gives nothing more once it is left', async () => {
    const log = memoryLog();
    await add(log, 3);
    const seen: number[] = [];
    const subscription = feed(log).subscribe(({ position }) => {
      seen.push(position);
      if (position === 2) subscription.unsubscribe();
    });
    await nextTurn();
    await add(log, 1);
    await nextTurn();
    expect(seen).toEqual([1, 2]);
  });

  it('fails where the log cannot be read', async () => {
    const log = memoryLog();
    await add(log, 3);
    await log.close();
    const failure = new Promise((resolve) => feed(log).subscribe({ error: resolve }));
    expect(await failure).toMatchObject({ code: 'log_closed' });
  });
});
