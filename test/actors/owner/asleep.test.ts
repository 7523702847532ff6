/** Owners asleep, read many at a time. */
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, it } from 'vitest';
import { asleepOver, type Command } from '../../../actors/index.ts';
import { createMemoryLog, openSqliteLog, type PoolName } from '../../../eventlog/index.ts';
import { append, backendAdded, poolCreated, poolOf, write } from '../../eventlog/appends.ts';
import { tempDirectory } from '../../support/temp-directory.ts';

it('gives others their turn between pages of them', async () => {
  await using log = createMemoryLog({ now: Date.now });
  const commands = Array.from(
    { length: 4500 },
    (_, n): Command => ({ type: 'PutPool', pool: `p${n}` as PoolName, settings: {} }),
  );
  let turns = 0;
  const count = () => {
    turns += 1;
    handle = setImmediate(count);
  };
  let handle = setImmediate(count);
  const proposals = await asleepOver(log).decideAll(commands);
  clearImmediate(handle);
  expect(proposals).toHaveLength(commands.length);
  expect(turns).toBeGreaterThanOrEqual(4);
});

it('of whom a row is damaged is what its events tell; where those are too, it is told, and nobody else is lost', async () => {
  await using directory = await tempDirectory();
  await using log = openSqliteLog({ directory: directory.path, now: Date.now });
  const streams = ['a', 'b', 'c'].map((name) => poolOf(name));
  const events = [poolCreated(), backendAdded('b.1')];
  const sound = { backends: {}, settings: {}, version: 2 };
  await log.append(append(streams.map((stream) => write(stream, 0, events, sound))));
  const db = new Database(join(directory.path, 'events.db'));
  db.exec('DROP TRIGGER events_are_never_updated');
  db.exec("UPDATE currents SET checksum = 1 WHERE stream <> 'pool-a'");
  const owners = asleepOver(log);
  const of = (name: string): Command => ({ type: 'RemovePool', pool: name as PoolName });
  const proposals = await owners.decideAll(['a', 'b', 'none'].map(of));
  expect(proposals).toMatchObject([
    { version: 2, state: { backends: {} } },
    { version: 2, state: { backends: { 'b.1': { version: 2 } } } },
    { version: 0, state: null, decision: { type: 'rejected' } },
  ]);
  expect(await owners.state(streams[1]!)).toMatchObject({ version: 2, state: { backends: { 'b.1': {} } } });
  db.exec("UPDATE events SET checksum = 1 WHERE stream = 'pool-c'");
  db.close();
  expect(await owners.decide(streams[0]!, of('a'))).toMatchObject({ version: 2 });
  await expect(owners.decideAll([of('a'), of('c')])).rejects.toMatchObject({
    name: 'OwnerUnavailable',
    message: expect.stringContaining('the owner of pool-c cannot be read'),
  });
});
