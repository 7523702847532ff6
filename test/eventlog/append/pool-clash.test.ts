import { expect, it } from 'vitest';
import { type LocalLog, openSqliteLog, type StreamName } from '../../../eventlog/index.ts';
import { openSqliteLogBeside } from '../../../eventlog/sqlite/sqlite-log.ts';
import { tempDirectory } from '../../support/temp-directory.ts';
import { append, poolCreated, write } from '../appends.ts';

// Two names of one key.
const [ONE, OTHER] = ['pool-pool-y187tc', 'pool-pool-qrh34d'] as [StreamName, StreamName];
const now = () => 1_700_000_000_000;
const made = (log: LocalLog, stream: StreamName) =>
  log.append(append([write(stream, 0, [poolCreated()], { kept: true })]));
const clash = { type: 'clash', pool: 'pool-qrh34d', other: 'pool-y187tc' };

it('a pool of the key of one that another connection made is not made', async () => {
  await using directory = await tempDirectory();
  const options = { directory: directory.path, now };
  await using log = openSqliteLog(options);
  await made(log, 'pool-first' as StreamName);
  const beside = openSqliteLogBeside(options);
  expect((await made(beside.log, ONE)).type).toBe('appended');
  await beside.log.close();
  expect(await made(log, OTHER)).toEqual(clash);
});

it('a pool of the key of one that another connection removed is made', async () => {
  await using directory = await tempDirectory();
  const options = { directory: directory.path, now };
  await using log = openSqliteLog(options);
  await made(log, ONE);
  expect(await made(log, OTHER)).toEqual(clash);
  const beside = openSqliteLogBeside(options);
  await beside.log.append(append([write(ONE, 1, [{ type: 'PoolRemoved', data: {} }], { kept: true })]));
  await beside.log.close();
  expect((await made(log, OTHER)).type).toBe('appended');
});

it('a pool of the key of one whose making was taken back is made', async () => {
  await using directory = await tempDirectory();
  await using log = openSqliteLog({ directory: directory.path, now });
  await made(log, 'pool-first' as StreamName);
  const work = async () => {
    await made(log, ONE);
    expect(await made(log, OTHER)).toEqual(clash);
    throw new Error('no after all');
  };
  await expect(log.together(work)).rejects.toThrow('no after all');
  expect((await made(log, OTHER)).type).toBe('appended');
});

it('two of one key are not made together', async () => {
  await using directory = await tempDirectory();
  await using log = openSqliteLog({ directory: directory.path, now });
  const both = [ONE, OTHER].map((stream) => write(stream, 0, [poolCreated()], { kept: true }));
  expect(await log.append(append(both))).toEqual(clash);
  expect(await log.position()).toBe(0);
});
