/** What a router with few files to open does when clients would take them all. */
import { execFile } from 'node:child_process';
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { AdminClient } from '../support/admin-client.ts';
import { ask } from '../support/ask.ts';
import { Backend } from '../support/backend.ts';
import { RawClient } from '../support/raw-client.ts';
import { COMMAND, NotReady, startRouter } from '../support/router-process.ts';
import { tempDirectory } from '../support/temp-directory.ts';

const FILES = 200;
const WAIT = { timeout: 20_000 };
const GET = 'GET / HTTP/1.1\r\nHost: app.example\r\n\r\n';

it('lets in as many clients as it can serve, answers commands meanwhile, and all others again when they have left', async () => {
  await using directory = await tempDirectory();
  await using backend = await Backend.start({ name: 'web.1' });
  const command = await commandWith(FILES, directory.path);
  const config = {
    pools: { web: { backends: { 'web.1': { address: backend.address } } } },
    domains: { 'app.example': { pool: 'web' } },
  };
  const args = ['--workers', '2'];
  await using router = await startRouter({ directory: directory.path, config, command, args });
  await using admin = new AdminClient(router.admin);

  const clients = await Promise.all(Array.from({ length: FILES }, () => RawClient.connect(router.port)));
  await expect.poll(() => clients.filter(isRefused).length, WAIT).toBeGreaterThan(FILES / 2);
  await expect.poll(() => router.output(), WAIT).toContain('refuses connections');
  const open = await letIn(admin, clients);
  expect(open.length).toBeGreaterThan(10);
  for (const client of open) client.socket.write(GET);
  for (const client of open) expect((await client.response()).status).toBe(200);
  expect((await admin.put('/v1/domains/other.example', { pool: 'web' })).status).toBe(201);

  for (const client of clients) client.socket.destroy();
  await expect
    .poll(async () => {
      const client = await RawClient.connect(router.port);
      client.socket.write(GET);
      const status = await client.response().then(
        (response) => response.status,
        () => 0,
      );
      client.socket.destroy();
      return status;
    }, WAIT)
    .toBe(200);
  const metrics = (await admin.get<string>('/metrics')).body;
  expect(metrics).toMatch(/^switchyard_journal_failures_total 0$/m);
});

it('serves those it lets in, however many are connected to its admin and ask nothing', async () => {
  await using directory = await tempDirectory();
  await using backend = await Backend.start({ name: 'web.1' });
  await using router = await startRouter({
    directory: directory.path,
    config: {
      pools: { web: { backends: { 'web.1': { address: backend.address } } } },
      domains: { 'app.example': { pool: 'web' } },
    },
    command: await commandWith(FILES, directory.path),
    args: ['--workers', '2'],
  });
  await using admin = new AdminClient(router.admin);
  const port = Number(router.admin.split(':')[1]);
  const idle = await Promise.all(Array.from({ length: FILES }, () => RawClient.connect(port)));
  const clients = await Promise.all(Array.from({ length: FILES }, () => RawClient.connect(router.port)));
  await expect.poll(() => clients.filter(isRefused).length, WAIT).toBeGreaterThan(FILES / 2);
  const open = await letIn(admin, clients);
  expect(open.length).toBeGreaterThan(10);
  for (const client of open) client.socket.write(GET);
  for (const client of open) expect((await client.response()).status).toBe(200);
  expect((await admin.put('/v1/domains/other.example', { pool: 'web' })).status).toBe(201);
  for (const client of [...idle, ...clients]) client.close();
});

it('keeps no idle connection that another backend, or an operator, needs', async () => {
  await using directory = await tempDirectory();
  await using backend = await Backend.start({ name: 'web.1' });
  const { address } = backend;
  const backends = Object.fromEntries(Array.from({ length: FILES }, (_, i) => [`web.${i}`, { address }]));
  const timeouts = { upstreamKeepAliveMs: 60_000 };
  await using router = await startRouter({
    directory: directory.path,
    config: {
      pools: { web: { policy: 'round-robin', timeouts, backends } },
      domains: { 'app.example': { pool: 'web' } },
    },
    command: await commandWith(FILES, directory.path),
    args: ['--workers', '2'],
  });
  await using admin = new AdminClient(router.admin);
  const client = await RawClient.connect(router.port);
  for (let i = 0; i < FILES; i++) expect((await client.request(GET)).status).toBe(200);
  expect((await admin.put('/v1/domains/other.example', { pool: 'web' })).status).toBe(201);
  client.close();
});

it('starts with the least that it asks for, and with one less says so in a line', async () => {
  await using directory = await tempDirectory();
  const args = ['--workers', '2'];
  const few = await commandWith(67, directory.path);
  const refused = await startRouter({ directory: directory.path, command: few, args }).catch(
    (error) => error,
  );
  expect(refused).toBeInstanceOf(NotReady);
  expect((refused as NotReady).ended).toMatchObject({
    code: 1,
    output: 'switchyard: expected that at least 68 files may be open with 2 workers (ulimit -n), found 67\n',
  });
  const command = await commandWith(68, directory.path);
  await using router = await startRouter({ directory: directory.path, command, args });
  await using admin = new AdminClient(router.admin);
  expect((await admin.put('/v1/pools/web', {})).status).toBe(201);
});

it.runIf(process.platform === 'linux')(
  'closes no backend for a probe that finds no file left to open',
  async () => {
    await using directory = await tempDirectory();
    await using backend = await Backend.start({ name: 'web.1' });
    const active = { path: '/', intervalMs: 300, unhealthyAfter: 1 };
    const pools = { web: { health: { active }, backends: { 'web.1': { address: backend.address } } } };
    await using router = await startRouter({
      directory: directory.path,
      config: { pools, domains: { 'app.example': { pool: 'web' } } },
      args: ['--workers', '1'],
    });
    const allow = (files: number) =>
      promisify(execFile)('prlimit', ['--pid', `${router.pid}`, `--nofile=${files}:`]);
    await allow(10);
    await expect.poll(() => router.output(), WAIT).toContain('health checks cannot be made');
    await allow(FILES);
    const status = async () => (await ask(router.port, 'app.example').catch(() => undefined))?.status;
    await expect.poll(status, WAIT).toBe(200);
    expect(router.output()).not.toContain('fails its health checks');
  },
);

/** Those that are let in, once there is nobody of whom that is yet to be said. */
async function letIn(admin: AdminClient, clients: readonly RawClient[]): Promise<RawClient[]> {
  const open = () => clients.filter((client) => !isRefused(client));
  const undecided = async () => {
    const { body } = await admin.get<string>('/metrics');
    // Before the clients are counted: while nobody leaves, more may be let in meanwhile, and never fewer.
    const connections = Number(/^switchyard_client_connections (\d+)$/m.exec(body)?.[1]);
    return open().length - connections;
  };
  await expect.poll(undecided, WAIT).toBe(0);
  return open();
}

function isRefused({ ended, closed }: RawClient): boolean {
  return ended || closed;
}

async function commandWith(files: number, directory: string): Promise<string> {
  const command = join(directory, `files-${files}`);
  await writeFile(command, `#!/bin/sh\nulimit -n ${files}\nexec ${COMMAND} "$@"\n`);
  await chmod(command, 0o755);
  return command;
}
