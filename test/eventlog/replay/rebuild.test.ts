/** Current rows and snapshots made anew: what was beside the events is there again, and nothing else. */
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { type LocalLog, openSqliteLog, type StreamName, swapLog, verify } from '../../../eventlog/index.ts';
import { projectionOf } from '../../../src/projection.ts';
import { Past } from '../../history/past.ts';
import { copyLog } from '../../support/copy-log.ts';
import { tamper } from '../../support/tamper.ts';
import { tempDirectory } from '../../support/temp-directory.ts';
import { contentsOf } from '../contents.ts';

const open = (directory: string) => openSqliteLog({ directory, now: () => 1_700_000_000_000 });
const breathe = async () => {};
const added = (pool: string, id: number) =>
  [pool, { type: 'BackendAdded', data: { id: `b${id}`, backend: { address: `h${id}:80` } } }] as never;
const domain = (host: string, type: 'DomainCreated' | 'DomainChanged', pool: string) =>
  [`domain-${host}`, { type, data: { settings: { pool } } }] as never;

/** More owners than are made anew together, one of them by a write of more events than are read together, and one that went. */
async function fill(log: LocalLog): Promise<Past> {
  const past = new Past(log);
  const backends = Array.from({ length: 1250 }, (_, id) => added('pool-large', id));
  await past.happen(['pool-large', { type: 'PoolCreated', data: { settings: {} } }], ...backends);
  await past.happen(added('pool-large', 1250));
  for (let index = 0; index < 230; index++)
    await past.happen(domain(`d${index}.example`, 'DomainCreated', 'large'));
  await past.happen(['domain-d0.example', { type: 'DomainRemoved', data: {} }]);
  return past;
}

it('all is as it was written, and rows of owners that never were are gone', async () => {
  await using directory = await tempDirectory();
  await using log = open(directory.path);
  await log.together(() => fill(log));
  const contents = contentsOf(log.reader);
  expect(contents.snapshots).toMatchObject([{ stream: 'pool-large', version: 1251 }]);
  tamper(
    directory.path,
    `DELETE FROM currents; UPDATE snapshots SET state = '{}';
     WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 1500)
     INSERT INTO currents SELECT 'domain-never' || i || '.example', 1, '{}', 0, NULL FROM n`,
  );
  expect(await log.rebuildCurrents(projectionOf)).toEqual({ streams: 231, unreadable: [] });
  expect(contentsOf(log.reader)).toEqual(contents);
});

it('what is appended between two steps is not lost', async () => {
  await using directory = await tempDirectory();
  await using log = open(directory.path);
  const past = await log.together(() => fill(log));
  tamper(directory.path, 'DELETE FROM currents; DELETE FROM snapshots');
  const done: number[] = [];
  const hosts = ['d1.example', 'd99.example', 'z.example'];
  for await (const streams of log.rebuildingCurrents(projectionOf)) {
    done.push(streams);
    for (const host of hosts) {
      const type = past.state(`domain-${host}`) === null ? 'DomainCreated' : 'DomainChanged';
      await past.happen(domain(host, type, `p${streams}`));
    }
  }
  expect(done).toEqual([100, 200, 232]);
  expect(await verify(log.reader, projectionOf)).toMatchObject({ ok: true, streams: 232 });
});

it('an owner whose events are archived, all or some, is as it was', async () => {
  await using directory = await tempDirectory();
  await using log = open(directory.path);
  const past = new Past(log);
  for (const name of ['a', 'b'])
    await past.happen([`pool-${name}`, { type: 'PoolCreated', data: { settings: {} } }]);
  await past.happen(domain('x.example', 'DomainCreated', 'a'));
  await past.happen(['domain-x.example', { type: 'DomainRemoved', data: {} }]);
  await past.happen(added('pool-a', 1));
  const path = join(directory.path, 'fresh.db');
  await copyLog({ source: log.reader, path, from: 5, to: 5, projectionOf, commands: 'all', breathe });
  swapLog(log, directory.path, path, 5);
  const contents = contentsOf(log.reader);
  expect(contents.rows).toMatchObject([
    { stream: 'pool-a', version: 2 },
    { stream: 'pool-b', version: 1 },
  ]);
  tamper(directory.path, 'DELETE FROM currents');
  expect(log.reader.streamsOutOfDate().toSorted()).toEqual(['pool-a', 'pool-b']);
  expect(await log.rebuildCurrents(projectionOf)).toEqual({ streams: 3, unreadable: [] });
  expect(contentsOf(log.reader)).toEqual(contents);
  expect(log.reader.streamsOutOfDate()).toEqual([]);
});

it('of an owner whose events cannot be read a sound row stays, and a damaged one goes with its snapshots', async () => {
  await using directory = await tempDirectory();
  await using log = open(directory.path);
  await log.together(() => fill(log));
  const [sound, damaged] = ['domain-d7.example', 'pool-large'] as StreamName[];
  const before = await log.current(sound!);
  tamper(
    directory.path,
    `UPDATE events SET checksum = 0 WHERE stream IN ('${sound}', '${damaged}') AND version = 1;
     UPDATE currents SET checksum = 0 WHERE stream = '${damaged}'`,
  );
  const { unreadable } = await log.rebuildCurrents(projectionOf);
  expect(unreadable.map(({ stream, position }) => [stream, position])).toEqual([
    [sound, 1260],
    [damaged, 1],
  ]);
  expect(await log.current(sound!)).toEqual(before);
  expect(await log.current(damaged!)).toBeUndefined();
  expect(log.reader.storedSnapshots(damaged!, 0, 10)).toEqual([]);
});

it('an owner whose events seem to end before its row is left as it was, but where all are verified', async () => {
  await using directory = await tempDirectory();
  await using log = open(directory.path);
  const past = new Past(log);
  await past.happen(['pool-a', { type: 'PoolCreated', data: { settings: {} } }], added('pool-a', 1));
  await past.happen(added('pool-a', 2));
  const before = await log.current('pool-a' as StreamName);
  // As where the index that leads to it is damaged.
  tamper(
    directory.path,
    'DROP TRIGGER IF EXISTS events_are_never_deleted; DELETE FROM events WHERE position = 3',
  );
  expect(await log.rebuildCurrents(projectionOf, ['pool-a' as StreamName])).toMatchObject({
    unreadable: [{ stream: 'pool-a', message: expect.stringContaining('expected version 3') }],
  });
  expect(await log.current('pool-a' as StreamName)).toEqual(before);
  expect(await log.rebuildCurrents(projectionOf)).toEqual({ streams: 1, unreadable: [] });
  expect(await log.current('pool-a' as StreamName)).toMatchObject({ version: 2 });
});
