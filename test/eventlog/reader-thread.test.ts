import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { expect, it } from 'vitest';
import { openSqliteLog } from '../../eventlog/index.ts';
import { tempDirectory } from '../support/temp-directory.ts';
import { append, domainCreated, domainOf, domainState, write } from './appends.ts';

const READER = new URL('../support/fixtures/currents-reader.ts', import.meta.url);

it('a thread beside the writer always reads the rows and the position of one moment', async () => {
  await using directory = await tempDirectory();
  await using log = openSqliteLog({ directory: directory.path, now: Date.now });
  const worker = new Worker(READER, { workerData: { directory: directory.path, readings: 500 } });
  const seen: (readonly [number, number])[] = [];
  worker.on('message', (reading: readonly [number, number]) => seen.push(reading));
  let done = false;
  const exited = once(worker, 'exit').then(() => {
    done = true;
  });
  // One domain an append: as many rows as positions, at any moment.
  let hosts = 0;
  for (; !done; hosts += 1) {
    const stream = domainOf(`h${hosts}.example`);
    await log.append(append([write(stream, 0, [domainCreated()], domainState('web', 1))]));
  }
  await exited;
  expect(seen.filter(([position, rows]) => position !== rows)).toEqual([]);
  expect(new Set(seen.map(([position]) => position)).size).toBeGreaterThan(1);
  // The thread's closing of the file took nothing from the writer in the same process.
  expect(await log.append(append([]))).toMatchObject({ type: 'appended', position: hosts });
  expect(() => openSqliteLog({ directory: directory.path, now: Date.now })).toThrow('held by');
});
