/** What one thread routes by, over a log that comes and goes. */
import { renameSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { createArena } from '../../actors/index.ts';
import { type LocalLog, openSqliteLog, packNames, type Recorded } from '../../eventlog/index.ts';
import { Publisher } from '../../src/workers/index.ts';
import { RoutingThread } from '../../src/workers/routing-thread.ts';
import { append, domainCreated, domainOf, domainState, write } from '../eventlog/appends.ts';
import { eventually } from '../support/eventually.ts';
import { tempDirectory } from '../support/temp-directory.ts';

it('goes on with the log that it has where it was to open it anew and could not', async () => {
  await using directory = await tempDirectory();
  await using log = openSqliteLog({ directory: directory.path, now: Date.now });
  const stream = domainOf('a.test');
  await log.append(append([write(stream, 0, [domainCreated()], domainState('web', 1))]));
  const { routing, warned } = routingOver(directory.path, log);
  const { table } = routing;
  expect(table.lookup('a.test')).toBeDefined();
  const at = join(directory.path, 'events.db');
  renameSync(at, `${at}.away`);
  // Of a transaction that this log does not have.
  table.applyPacked(
    packNames([{ stream, position: 2, type: 'DomainChanged', data: {} } as unknown as Recorded]),
  );
  expect(warned).toHaveLength(1);
  renameSync(`${at}.away`, at);
  expect(table.lookup('a.test')).toMatchObject({ name: 'a.test', settings: { pool: 'web' } });
  routing.close();
});

it('goes on, and says so once, where a sweep fails by a mistake of ours', async () => {
  await using directory = await tempDirectory();
  await using log = openSqliteLog({ directory: directory.path, now: Date.now });
  const { routing, ledger, warned } = routingOver(directory.path, log);
  let sweeps = 0;
  ledger.forgetGone = () => {
    sweeps += 1;
    throw new Error('of this test');
  };
  await eventually(() => sweeps === 2, 'a second sweep');
  expect(warned).toEqual([expect.stringMatching(/^routing crashed, of no request: Error: of this test\n/)]);
  routing.close();
});

function routingOver(directory: string, log: LocalLog) {
  const { names } = new Publisher();
  names.load((visit) => log.reader.domainNames(visit));
  const warned: string[] = [];
  const ledger = createArena({ threads: 1, ring() {}, record: false });
  const routing = new RoutingThread({
    number: 0,
    directory,
    unreadable: [],
    names,
    ledger,
    journal: undefined,
    pseudonym: 'test',
    secret: 'test',
    listeners: [],
    mostToBackends: 0,
    accessLog: false,
    report() {},
    wake() {},
    warn: (message) => void warned.push(message),
    writeLog() {},
  });
  routing.load({ isLevel: () => true, pause() {} });
  return { routing, ledger, warned };
}
