/** A pool without enough backends: who waits is served in order by the one that comes, and the platform is told. */
import { type ChildProcess, spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { AdminClient, ledgerOf } from '../support/admin-client.ts';
import { ask } from '../support/ask.ts';
import { Backend } from '../support/backend.ts';
import { eventually } from '../support/eventually.ts';
import { eventsOf } from '../support/history.ts';
import { RawClient } from '../support/raw-client.ts';
import { startRouter } from '../support/router-process.ts';
import { ok, ScriptedBackend } from '../support/scripted-backend.ts';
import { tempDirectory } from '../support/temp-directory.ts';

const AUTOSCALER = resolve(import.meta.dirname, '../../examples/autoscaler.ts');

describe('a pool that wants more backends', () => {
  it('says so in its stream and in the metrics, and a platform that listens starts some', async () => {
    await using directory = await tempDirectory();
    await using slow = await Backend.start({ name: 'slow.1', limit: 1 });
    slow.behave = () => ({ type: 'answer', delayMs: 100 });
    const busy = { maxConcurrency: 1, backends: { 'slow.1': { address: slow.address } } };
    await using router = await startRouter({
      directory: directory.path,
      args: ['--workers', '2'],
      config: {
        pools: { none: { backends: {} }, busy },
        domains: { 'none.example': { pool: 'none' }, 'busy.example': { pool: 'busy' } },
      },
    });
    await using admin = new AdminClient(router.admin);
    await using platform = await startPlatform(router.admin);

    expect((await ask(router.port, 'none.example')).status).toBe(503);
    await eventually(() => platform.output().includes('none.auto1'), 'a backend for the empty pool');
    expect(await ask(router.port, 'none.example')).toMatchObject({ status: 200, backend: 'none.auto1' });

    const clients = await Promise.all(Array.from({ length: 8 }, () => RawClient.connect(router.port)));
    const askOnAndOn = async (client: RawClient) => {
      while (!platform.output().includes('busy.auto1'))
        expect((await client.request('GET / HTTP/1.1\r\nHost: busy.example\r\n\r\n')).status).toBe(200);
      client.close();
    };
    await Promise.all(clients.map(askOnAndOn));

    const wants = (await eventsOf(admin)).filter(({ type }) => type === 'CapacityWanted');
    const busyWant = { stream: 'pool-busy', data: { cause: 'saturated', up: 1, limit: 1, inFlight: 1 } };
    expect(wants).toMatchObject([
      { stream: 'pool-none', data: { cause: 'no_backends', backends: 0, refused: 1, limit: 0 } },
      // One, and another every ten seconds for which the platform was not given a processor.
      ...wants.slice(1).map(() => busyWant),
    ]);
    expect(wants.length).toBeGreaterThan(1);
    const { body } = await admin.get<string>('/metrics');
    expect(body).toContain(`switchyard_capacity_wanted_total{pool="busy"} ${wants.length - 1}`);
    expect(body).toMatch(/switchyard_pool_wait_seconds_count\{pool="busy"\} [1-9]/);
  });
});

describe('a pool that holds requests while its backends start', () => {
  it('serves them in order of arrival, whichever worker they came to, when one is up', async () => {
    await using directory = await tempDirectory();
    const seen: string[] = [];
    const backend = await ScriptedBackend.listen(({ target }) => {
      seen.push(target);
      return ok(target);
    });
    await using router = await startRouter({
      directory: directory.path,
      args: ['--workers', '2'],
      config: {
        pools: {
          web: {
            whenEmpty: 'hold',
            maxConcurrency: 1,
            backends: { 'web.1': { address: `127.0.0.1:${backend.port}`, state: 'starting' } },
          },
        },
        domains: { '*': { pool: 'web' } },
      },
    });
    await using admin = new AdminClient(router.admin);
    const clients: RawClient[] = [];
    for (let i = 0; i < 12; i++) {
      const client = await RawClient.connect(router.port);
      clients.push(client.send(`GET /${i} HTTP/1.1\r\nHost: a.example\r\n\r\n`));
      await expect.poll(() => waitingIn(admin, 'web'), { interval: 2 }).toBe(i + 1);
    }
    // One that goes in between moves nobody else.
    clients[5]!.close();
    await expect.poll(() => waitingIn(admin, 'web'), { interval: 2 }).toBe(11);
    await admin.must('PUT', '/v1/pools/web/backends/web.1', { address: `127.0.0.1:${backend.port}` });
    const stayed = clients.filter((_, i) => i !== 5);
    for (const client of stayed) expect((await client.response()).status).toBe(200);
    expect(seen).toEqual(['/0', '/1', '/2', '/3', '/4', '/6', '/7', '/8', '/9', '/10', '/11']);
    for (const client of stayed) client.close();
    await router.kill();
    await backend.close();
  });

  it('answers H20 when none was up in time, and at once where it does not hold', async () => {
    await using directory = await tempDirectory();
    const backends = { 'web.1': { address: '127.0.0.1:1', state: 'starting' } };
    await using router = await startRouter({
      directory: directory.path,
      args: ['--workers', '1'],
      config: {
        pools: {
          holds: { whenEmpty: 'hold', queue: { maxWaitMs: 500 }, backends },
          full: { whenEmpty: 'hold', queue: { maxWaitMs: 600_000, maxWaiting: 1 }, backends },
          refuses: { backends },
        },
        domains: {
          'holds.example': { pool: 'holds' },
          'full.example': { pool: 'full' },
          'refuses.example': { pool: 'refuses' },
        },
      },
    });
    const began = performance.now();
    expect((await ask(router.port, 'holds.example', '/waits')).status).toBe(503);
    expect(performance.now() - began).toBeGreaterThanOrEqual(499);
    await using admin = new AdminClient(router.admin);
    const held = await RawClient.connect(router.port);
    held.send('GET /held HTTP/1.1\r\nHost: full.example\r\n\r\n');
    await expect.poll(() => waitingIn(admin, 'full'), { interval: 2 }).toBe(1);
    expect((await ask(router.port, 'full.example', '/full')).status).toBe(503);
    held.close();
    expect((await ask(router.port, 'refuses.example', '/once')).status).toBe(503);
    const { output } = await router.stop();
    const codeOf = (path: string) =>
      / code=(H\d+) /.exec(output.split('\n').find((line) => line.includes(`path="${path}"`)) ?? '')?.[1];
    expect(['/waits', '/full', '/once'].map(codeOf)).toEqual(['H20', 'H11', 'H20']);
  });
});

const waitingIn = async (admin: AdminClient, pool: string) => (await ledgerOf(admin, pool)).waiting;

type Platform = AsyncDisposable & { output(): string };

async function startPlatform(admin: string): Promise<Platform> {
  const child: ChildProcess = spawn(process.execPath, [AUTOSCALER, admin]);
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (text) => {
      output += text;
    });
  await eventually(() => output.includes('follows'), 'the platform');
  return {
    output: () => output,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
    },
  };
}
