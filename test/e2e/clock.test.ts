/** A wall clock that is set while a router runs: what lasts a time lasts as long as it would have. */
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { AdminClient } from '../support/admin-client.ts';
import { eventually, pause } from '../support/eventually.ts';
import { RawClient } from '../support/raw-client.ts';
import { startRouter } from '../support/router-process.ts';
import { ok, ScriptedBackend } from '../support/scripted-backend.ts';
import { tempDirectory } from '../support/temp-directory.ts';

const STEPPED = join(import.meta.dirname, '../support/fixtures/stepped-clock.mjs');

it('a drain cuts nobody before its time where the clock was set back', async () => {
  await using directory = await tempDirectory();
  const late = Promise.withResolvers<string>();
  const backend = await ScriptedBackend.listen(() => late.promise);
  const pools = { web: { backends: { 'web.1': { address: `127.0.0.1:${backend.port}` } } } };
  const config = { pools, domains: { 'a.test': { pool: 'web' } } };
  await using router = await startRouter({
    directory: directory.path,
    config,
    env: { NODE_OPTIONS: `--import=${STEPPED}` },
  });
  await using admin = new AdminClient(router.admin);
  const client = await RawClient.connect(router.port);
  client.send('GET / HTTP/1.1\r\nHost: a.test\r\n\r\n');
  await eventually(() => backend.requests.length === 1, 'the request');
  router.signal('SIGUSR2');
  await eventually(() => router.output().includes('"the wall clock is 3600 s behind'), 'the clock set back');
  const web1 = '/v1/pools/web/backends/web.1';
  const drained = admin.post(`${web1}/drain`, { timeoutMs: 30_000 }, { prefer: 'wait' });
  const state = async () => (await admin.get<{ state: string }>(web1)).body.state;
  await expect.poll(state, { interval: 10 }).toBe('draining');
  await pause(500);
  late.resolve(ok('late'));
  expect((await drained).body).toMatchObject({ drained: true, finished: 1, cut: 0 });
  await client.until(() => client.received.includes('late'), 'its answer');
  client.socket.destroy();
  await backend.close();
});

it('is told of, and a Date is by the new one', async () => {
  await using directory = await tempDirectory();
  await using router = await startRouter({
    directory: directory.path,
    args: ['--workers', '0'],
    env: { NODE_OPTIONS: `--import=${STEPPED}` },
  });
  const dateMs = async () => {
    const client = await RawClient.connect(router.port);
    client.send('GET / HTTP/1.1\r\nHost: nobody.test\r\nConnection: close\r\n\r\n');
    await client.until(() => client.ended, 'an answer');
    return Date.parse(/^Date: (.*)$/m.exec(client.received)?.[1] ?? '');
  };
  expect(Math.abs((await dateMs()) - Date.now())).toBeLessThan(60_000);
  router.signal('SIGUSR2');
  await eventually(
    () => router.output().includes('"the wall clock is 3600 s behind the clock of this process'),
    'a word',
  );
  // It is made once a second.
  await expect
    .poll(async () => Math.abs((await dateMs()) + 3_600_000 - Date.now()), { timeout: 10_000 })
    .toBeLessThan(60_000);
});
