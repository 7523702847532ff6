import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import {
  type LocalLog,
  openSqliteLog,
  openSqliteReader,
  type StreamName,
  verify,
} from '../../eventlog/index.ts';
import { projectionOf } from '../../test/eventlog/projections.ts';
import { tempDirectory } from '../../test/support/temp-directory.ts';

const APPENDER = fileURLToPath(new URL('../../test/support/fixtures/appender.ts', import.meta.url));

/** Lets the appender live until it has acknowledged so many and some time has passed; all it acknowledged. */
async function killedAfter(
  directory: string,
  from: number,
  least: number,
  thenMs: number,
): Promise<number[]> {
  const child = spawn(process.execPath, [APPENDER, directory, String(from)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const acknowledged: number[] = [];
  const lines = createInterface({ input: child.stdout });
  lines.on('line', (line) => {
    acknowledged.push(Number(line.slice('ack '.length)));
    if (acknowledged.length === least) setTimeout(() => child.kill('SIGKILL'), thenMs);
  });
  const read = once(lines, 'close');
  const [, signal] = await once(child, 'exit');
  await read;
  expect(signal).toBe('SIGKILL');
  return acknowledged;
}

async function expectWhole(log: LocalLog, acknowledged: readonly number[]): Promise<void> {
  for (const number of acknowledged) {
    expect(await log.answered(`append-${number}`)).toMatchObject({ digest: String(number), answer: number });
  }
  // Each append wrote one event to a domain and one to a pool: no half of one is there.
  for (const owner of [0, 1, 2]) {
    const domain = await log.version(`domain-host${owner}.example` as StreamName);
    expect(await log.version(`pool-pool${owner}` as StreamName)).toBe(domain);
  }
  expect((await verify(log.reader, projectionOf)).findings).toEqual([]);
}

describe('a writer killed with kill -9 in mid-append', () => {
  it('has written all it acknowledged and nothing by halves, each time, however often', async () => {
    await using directory = await tempDirectory();
    const acknowledged: number[] = [];
    let from = 0;
    for (const [least, thenMs] of [
      [1, 0],
      [40, 3],
      [200, 7],
      [90, 1],
      [500, 11],
      [16, 0],
    ] as const) {
      acknowledged.push(...(await killedAfter(directory.path, from, least, thenMs)));
      // A reader needs no writer to have tidied up.
      const reader = openSqliteReader(directory.path);
      const position = reader.position();
      reader.close();
      await using log = openSqliteLog({ directory: directory.path, now: Date.now });
      expect(await log.position()).toBe(position);
      await expectWhole(log, acknowledged);
      from = position / 2;
    }
    // As many as were waited for; on a slow disk none may have come in the milliseconds after.
    expect(acknowledged.length).toBeGreaterThanOrEqual(847);
  });

  it('held its directory until then, and no longer', async () => {
    await using directory = await tempDirectory();
    const child = spawn(process.execPath, [APPENDER, directory.path], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const exited = once(child, 'exit');
    await once(child.stdout, 'data');
    child.stdout.resume();
    const open = () => openSqliteLog({ directory: directory.path, now: Date.now });
    expect(open).toThrow(
      expect.objectContaining({
        code: 'data_held',
        message: expect.stringContaining(`process ${child.pid} since`),
      }),
    );
    const reader = openSqliteReader(directory.path);
    expect(reader.position()).toBeGreaterThan(0);
    reader.close();
    child.kill('SIGKILL');
    await exited;
    await open().close();
  });
});
