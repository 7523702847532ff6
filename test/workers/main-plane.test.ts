/** Routing in the main thread, as its supervisor starts it. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { expect, it } from 'vitest';
import { createArena, systemClock } from '../../actors/index.ts';
import { openSqliteLog } from '../../eventlog/index.ts';
import { parseConfig } from '../../src/config/index.ts';
import { MainPlane, Publisher } from '../../src/workers/index.ts';
import { deadPort } from '../support/routed.ts';
import { tempDirectory } from '../support/temp-directory.ts';

it('leaves nothing behind where it cannot listen on all its addresses', async () => {
  await using data = await tempDirectory();
  await openSqliteLog({ directory: data.path, now: Date.now }).close();
  await using taken = createServer();
  await once(taken.listen(0, '127.0.0.1'), 'listening');
  const ports = [await deadPort(), (taken.address() as AddressInfo).port];
  const config = parseConfig({ listeners: ports.map((port) => ({ address: `127.0.0.1:${port}` })) });
  if (!config.ok) throw new Error('expected a config');
  const child = new MainPlane({
    ledger: createArena({ threads: 1, ring() {}, record: false }),
    publisher: new Publisher(),
    journal: undefined,
    directory: data.path,
    unreadable: [],
    pseudonym: 'test',
    secret: 'test',
    listeners: config.value.listeners,
    mostToBackends: 0,
    accessLog: false,
    drainMs: 0,
    now: systemClock.now,
    report() {},
    wake: async () => false,
    warn() {},
    writeLog() {},
  }).childSpec();
  const context = { id: child.id, kind: child.kind, signal: new AbortController().signal, exited() {} };
  await expect(child.start(context)).rejects.toThrow('EADDRINUSE');
  await expect(once(connect(ports[0]!, '127.0.0.1'), 'connect')).rejects.toThrow('ECONNREFUSED');
});
