/** Nonsense from outside, at every door: a clear error that names the place, nothing half applied, others unaffected. */
import { spawnSync } from 'node:child_process';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AdminClient, type Method, type Wish } from '../support/admin-client.ts';
import { ask } from '../support/ask.ts';
import { Backend } from '../support/backend.ts';
import { pause } from '../support/eventually.ts';
import { eventsOf, foldNaively, stateOf } from '../support/history.ts';
import { RawClient } from '../support/raw-client.ts';
import {
  type Ended,
  NotReady,
  type RouterProcess,
  runCommand,
  startRouter,
} from '../support/router-process.ts';
import { type TempDirectory, tempDirectory } from '../support/temp-directory.ts';

async function refusal(directory: string, args: readonly string[] = []): Promise<Ended> {
  const started = await startRouter({ directory, args }).catch((error: unknown) => error);
  if (started instanceof NotReady) return started.ended;
  if (started instanceof Error) throw started;
  await (started as RouterProcess).kill();
  throw new Error('expected a refusal to start, found a router');
}

/** One or a few lines that say it; never a stack. */
function expectClear({ output }: Ended, ...said: RegExp[]): void {
  for (const pattern of said) expect(output).toMatch(pattern);
  expect(output).not.toMatch(/^\s+at .*\d+:\d+\)?$/m);
  expect(output.split('\n').length).toBeLessThan(12);
}

describe('the admin API', () => {
  let directory: TempDirectory;
  let web: Backend;
  let router: RouterProcess;
  let admin: AdminClient;

  beforeAll(async () => {
    directory = await tempDirectory();
    web = await Backend.start({ name: 'web' });
    router = await startRouter({ directory: directory.path, config: configOf(web) });
    admin = new AdminClient(router.admin);
  });
  afterAll(async () => {
    await admin[Symbol.asyncDispose]();
    await router.stop();
    await web[Symbol.asyncDispose]();
    await directory[Symbol.asyncDispose]();
  });

  type Case = {
    readonly title: string;
    readonly send: readonly [Method, string, (object | string | undefined)?, Wish?];
    readonly status: number;
    readonly type: string;
    /** In the detail: the place and what was wrong. */
    readonly says?: RegExp;
  };
  const longHost = `${'a'.repeat(63)}.${'b'.repeat(63)}.${'c'.repeat(63)}.${'d'.repeat(61)}`;
  const backend = '/v1/pools/web/backends/b';
  const cases: Case[] = [
    {
      title: 'a body that is no JSON',
      send: ['PUT', '/v1/domains/n.example', '{"pool": '],
      status: 400,
      type: 'malformed_json',
    },
    {
      title: 'a body that is a list',
      send: ['PUT', '/v1/domains/n.example', '[]'],
      status: 400,
      type: 'invalid_settings',
    },
    {
      title: 'an empty body',
      send: ['PUT', '/v1/domains/n.example', ''],
      status: 400,
      type: 'invalid_settings',
    },
    {
      title: 'an unknown key, naming the nearest',
      send: ['PUT', '/v1/pools/p', { maxConcurency: 1 }],
      status: 400,
      type: 'invalid_settings',
      says: /maxConcurency.*maxConcurrency/s,
    },
    {
      title: 'an unknown key far inside',
      send: ['PUT', '/v1/pools/p', { queue: { maxWait: 1 } }],
      status: 400,
      type: 'invalid_settings',
      says: /queue.*maxWait/s,
    },
    {
      title: 'a string for a number',
      send: ['PUT', '/v1/pools/p', { maxConcurrency: '1' }],
      status: 400,
      type: 'invalid_settings',
      says: /maxConcurrency/,
    },
    {
      title: 'a number out of bounds',
      send: ['PUT', backend, { address: '127.0.0.1:1', weight: 0 }],
      status: 400,
      type: 'invalid_settings',
      says: /weight/,
    },
    {
      title: 'a fraction for a count',
      send: ['PUT', backend, { address: '127.0.0.1:1', weight: 1.5 }],
      status: 400,
      type: 'invalid_settings',
      says: /weight/,
    },
    {
      title: 'an address without port',
      send: ['PUT', backend, { address: '127.0.0.1' }],
      status: 400,
      type: 'invalid_settings',
      says: /address/,
    },
    {
      title: 'a port past the last',
      send: ['PUT', backend, { address: '127.0.0.1:65536' }],
      status: 400,
      type: 'invalid_settings',
      says: /address/,
    },
    {
      title: 'an address that is missing',
      send: ['PUT', backend, { weight: 1 }],
      status: 400,
      type: 'invalid_settings',
      says: /address/,
    },
    {
      title: 'an unknown policy',
      send: ['PUT', '/v1/pools/p', { policy: 'best' }],
      status: 400,
      type: 'invalid_settings',
      says: /policy/,
    },
    {
      title: '__proto__ as a key',
      send: ['PUT', '/v1/pools/p', '{"__proto__": {"policy": "random"}}'],
      status: 400,
      type: 'invalid_settings',
    },
    {
      title: 'a host name of 254 characters',
      send: ['PUT', `/v1/domains/${longHost}.e`, { pool: 'web' }],
      status: 400,
      type: 'invalid_name',
    },
    {
      title: 'a host name with a port',
      send: ['PUT', '/v1/domains/a.example:80', { pool: 'web' }],
      status: 400,
      type: 'invalid_name',
    },
    {
      title: 'a host name with a space',
      send: ['PUT', '/v1/domains/a%20b', { pool: 'web' }],
      status: 400,
      type: 'invalid_name',
    },
    {
      title: 'a host name with NUL',
      send: ['PUT', '/v1/domains/a%00b', { pool: 'web' }],
      status: 400,
      type: 'invalid_name',
    },
    {
      title: 'a host name that is not ASCII, with what to write',
      send: ['PUT', '/v1/domains/b%C3%BCcher.example', { pool: 'web' }],
      status: 400,
      type: 'invalid_name',
      says: /xn--bcher-kva\.example/,
    },
    {
      title: 'a question about a host that no request can name',
      send: ['POST', '/v1/explain', { host: 'bücher.example' }],
      status: 400,
      type: 'invalid_query',
      says: /xn--bcher-kva\.example.*answered 400/,
    },
    {
      title: 'a question about a wildcard',
      send: ['POST', '/v1/explain', { host: '*.example.com' }],
      status: 400,
      type: 'invalid_query',
      says: /expected the name of one host/,
    },
    {
      title: 'a day that is in no calendar',
      send: ['GET', '/v1/state?at=2026-02-30T00:00:00Z'],
      status: 400,
      type: 'invalid_query',
      says: /at: expected a date and a time that exist/,
    },
    {
      title: 'a day in a query that is in no calendar',
      send: ['POST', '/v1/query', { sql: "SELECT 1 FROM v1_requests('2026-02-30T00:00:00Z')" }],
      status: 400,
      type: 'invalid_query',
      says: /since: expected a date and a time that exist/,
    },
    {
      title: 'a pool name that climbs',
      send: ['PUT', '/v1/pools/..%2Fetc', {}],
      status: 400,
      type: 'invalid_name',
    },
    {
      title: 'a pool name of 101 characters',
      send: ['PUT', `/v1/pools/${'p'.repeat(101)}`, {}],
      status: 400,
      type: 'invalid_name',
    },
    {
      title: 'a pool that does not exist',
      send: ['PUT', '/v1/domains/n.example', { pool: 'nowhere' }],
      status: 409,
      type: 'pool_unknown',
      says: /nowhere/,
    },
    {
      title: 'removal of a pool in use',
      send: ['DELETE', '/v1/pools/web'],
      status: 409,
      type: 'pool_in_use',
    },
    {
      title: 'removal of what is not there',
      send: ['DELETE', '/v1/domains/n.example'],
      status: 404,
      type: 'domain_not_found',
    },
    {
      title: 'a backend of a pool that does not exist',
      send: ['PUT', '/v1/pools/none/backends/b', { address: '127.0.0.1:1' }],
      status: 404,
      type: 'pool_not_found',
    },
    {
      title: 'a version that is not the present one',
      send: ['PUT', '/v1/domains/example.com', { pool: 'web' }, { ifMatch: 7 }],
      status: 412,
      type: 'version_mismatch',
      says: /7/,
    },
    {
      title: 'a condition that is no tag',
      send: ['PUT', '/v1/domains/example.com', { pool: 'web' }, { headers: { 'if-match': 'seven' } }],
      status: 400,
      type: 'invalid_header',
    },
    {
      title: 'an idempotency key with spaces',
      send: ['PUT', '/v1/domains/example.com', { pool: 'web' }, { key: 'a b' }],
      status: 400,
      type: 'invalid_header',
    },
    {
      title: 'a command that is no JSON by its type',
      send: ['PUT', '/v1/domains/n.example', '{"pool":"web"}', { headers: { 'content-type': 'text/plain' } }],
      status: 415,
      type: 'media_type_unsupported',
    },
    {
      title: 'another host',
      send: ['GET', '/v1/domains', undefined, { headers: { host: 'evil.example' } }],
      status: 421,
      type: 'host_unknown',
    },
    {
      title: 'another origin',
      send: ['PUT', '/v1/domains/n.example', { pool: 'web' }, { headers: { origin: 'http://evil.example' } }],
      status: 403,
      type: 'foreign_origin',
    },
    { title: 'a path that does not exist', send: ['GET', '/v2/domains'], status: 404, type: 'path_unknown' },
    {
      title: 'chaos without --chaos',
      send: ['POST', '/v1/chaos', { crash: 'log' }],
      status: 404,
      type: 'path_unknown',
    },
    {
      title: 'a limit that is no number',
      send: ['GET', '/v1/domains?limit=many'],
      status: 400,
      type: 'invalid_query',
    },
    {
      title: 'a body of 64 MiB and more',
      send: ['PUT', '/v1/pools/p', `{"x":"${'x'.repeat(65 * 1024 * 1024)}"}`],
      status: 413,
      type: 'body_too_large',
    },
    {
      title: 'a change of which one part is wrong',
      send: [
        'POST',
        '/v1/apply',
        {
          pools: { web: {}, good: {} },
          domains: { 'good.example': { pool: 'good' }, 'bad.example': { pool: 'nowhere' } },
        },
      ],
      status: 409,
      type: 'pool_unknown',
      says: /bad\.example/,
    },
    {
      title: 'a change that says nothing',
      send: ['POST', '/v1/apply', {}],
      status: 400,
      type: 'invalid_settings',
    },
  ];

  it('outlives a client that asks for a tunnel and resets', async () => {
    const client = await RawClient.connect(Number(router.admin.split(':')[1]));
    client.socket.write('CONNECT localhost:1 HTTP/1.1\r\nHost: localhost\r\n\r\n');
    expect((await client.response()).status).toBe(400);
    client.reset();
    await pause(50);
    expect((await admin.get('/healthz')).status).toBe(200);
  });

  it.each(cases)(
    'refuses $title, and nothing changes',
    async ({ send: [method, path, body, wish], status, type, says }) => {
      const before = await stateOf(admin);
      const reply = await admin.send<{ type: string; detail: string }>(method, path, body, wish);
      expect(reply.body, JSON.stringify(reply.body)).toMatchObject({ type, status });
      expect(reply.status).toBe(status);
      expect(reply.headers['content-type']).toMatch(/^application\/problem\+json/);
      if (says !== undefined) expect(JSON.stringify(reply.body)).toMatch(says);
      expect(await stateOf(admin)).toEqual(before);
      expect(await ask(router.port, 'example.com')).toMatchObject({ status: 200, backend: 'web' });
    },
  );

  it('refuses one of its own listeners as a backend', async () => {
    const reply = await admin.put(backend, { address: router.listeners[0] });
    expect(reply).toMatchObject({ status: 400, body: { type: 'invalid_settings' } });
  });

  it('accepts names up to their bounds', async () => {
    await admin.must('PUT', `/v1/pools/${'p'.repeat(100)}`, {});
    await admin.must('PUT', `/v1/domains/${longHost}`, { pool: 'p'.repeat(100) });
    expect((await ask(router.port, longHost)).status).toBe(503);
    await admin.must('DELETE', `/v1/domains/${longHost}`);
    await admin.must('DELETE', `/v1/pools/${'p'.repeat(100)}`);
  });

  it('tells a loser of a race which events won', async () => {
    const first = await admin.must('PUT', '/v1/pools/raced', {});
    await admin.must('PUT', '/v1/pools/raced', { maxConcurrency: 5 });
    const late = await admin.put('/v1/pools/raced', { maxConcurrency: 9 }, { ifMatch: first.version ?? 0 });
    expect(late).toMatchObject({
      status: 412,
      body: {
        expected: 1,
        found: 2,
        won: [{ type: 'PoolChanged', data: { settings: { maxConcurrency: 5 } } }],
      },
    });
  });

  it('answers a repeated command as the first time, and refuses its key for another', async () => {
    const first = await admin.put('/v1/pools/repeated', { maxConcurrency: 3 }, { key: 'once' });
    await admin.must('PUT', '/v1/pools/repeated', { maxConcurrency: 4 });
    const again = await admin.put('/v1/pools/repeated', { maxConcurrency: 3 }, { key: 'once' });
    expect({ status: again.status, body: again.body }).toEqual({ status: first.status, body: first.body });
    expect((await admin.get('/v1/pools/repeated')).body).toMatchObject({ maxConcurrency: 4 });
    const reused = await admin.put('/v1/pools/repeated', { maxConcurrency: 5 }, { key: 'once' });
    expect(reused).toMatchObject({ status: 422, body: { type: 'idempotency_key_reused' } });
  });
});

describe('a config file', () => {
  const cases: { title: string; name: string; text: string; says: RegExp[] }[] = [
    {
      title: 'that is broken JSON',
      name: 'c.json',
      text: '{\n  "pools": {,}\n}',
      says: [/c\.json/, /\b2\b/],
    },
    { title: 'that is broken YAML', name: 'c.yaml', text: 'pools:\n  web: [unclosed\n', says: [/c\.yaml/] },
    { title: 'with an unknown key', name: 'c.json', text: '{"domians": {}}', says: [/domians/, /domains/] },
    {
      title: 'with a wrong type',
      name: 'c.json',
      text: '{"pools": {"web": {"maxConcurrency": "ten"}}}',
      says: [/pools\.web\.maxConcurrency/],
    },
    {
      title: 'with a domain of an unknown pool',
      name: 'c.yaml',
      text: 'domains:\n  a.example: { pool: nowhere }\n',
      says: [/a\.example/, /nowhere/],
    },
    {
      title: 'with a bad host name',
      name: 'c.json',
      text: '{"pools":{"web":{}},"domains":{"a b":{"pool":"web"}}}',
      says: [/a b/],
    },
    { title: 'that is not there', name: 'absent.json', text: '', says: [/absent\.json/] },
    {
      title: 'with an admin address beyond loopback and no token',
      name: 'c.json',
      text: '{"admin":{"address":"0.0.0.0:0"}}',
      says: [/token/],
    },
  ];

  it.each(cases)(
    '$title is refused at start with its place, and nothing is made',
    async ({ name, text, says }) => {
      await using directory = await tempDirectory();
      const file = join(directory.path, name);
      if (text !== '') await writeFile(file, text);
      const data = join(directory.path, 'data');
      const ended = await runCommand(['serve', '--config', file, '--data', data, '--listen', '127.0.0.1:0']);
      expect([1, 2]).toContain(ended.code);
      expectClear(ended, ...says);
      expect(() => new Database(join(data, 'events.db'), { fileMustExist: true })).toThrow();
    },
  );
});

describe('a data directory', () => {
  it('that cannot be made is refused', async () => {
    await using directory = await tempDirectory();
    await writeFile(join(directory.path, 'data'), 'a file where a directory is expected');
    const ended = await refusal(directory.path);
    expect(ended.code).toBe(1);
    expectClear(ended, /data/);
  });

  it('that a file system has no place for is refused, and not tried for ever', async () => {
    const data = '/proc/switchyard/data';
    const ended = await runCommand(['serve', '--data', data, '--listen', '127.0.0.1:0']);
    expect(ended.code).toBe(1);
    expectClear(ended, /expected to make or use the data directory \/proc\/switchyard\/data: ENOENT/);
  });

  it('that cannot be written is refused', async () => {
    // procfs takes no files from anyone, root included.
    const ended = await runCommand([
      'serve',
      '--data',
      '/proc/self',
      '--listen',
      '127.0.0.1:0',
      '--admin',
      '127.0.0.1:0',
    ]);
    expect(ended.code).toBe(1);
    expectClear(ended, /\/proc\/self/);
  });

  it.each([
    {
      title: 'of another program',
      make: (db: Database.Database) => db.exec('CREATE TABLE notes (text)'),
      says: /another program/,
    },
    {
      title: 'of a newer format',
      make: (db: Database.Database) =>
        db.pragma('application_id = 1937210724; ') && db.pragma('user_version = 99'),
      says: /newer|another/,
    },
  ])('with a database $title is refused and left as it was', async ({ make, says }) => {
    await using directory = await tempDirectory();
    const file = join(directory.path, 'data', 'events.db');
    await mkdir(join(directory.path, 'data'));
    const db = new Database(file);
    make(db);
    db.close();
    const before = await readFile(file);
    const ended = await refusal(directory.path);
    expect(ended.code).toBe(1);
    expectClear(ended, says, /events\.db/);
    expect((await readFile(file)).equals(before)).toBe(true);
  });

  it('with a file that is no database is refused and left as it was', async () => {
    await using directory = await tempDirectory();
    await mkdir(join(directory.path, 'data'));
    const file = join(directory.path, 'data', 'events.db');
    await writeFile(file, 'dear diary '.repeat(1000));
    const ended = await refusal(directory.path);
    expect(ended.code).toBe(1);
    expectClear(ended, /events\.db/);
    expect(await readFile(file, 'utf8')).toBe('dear diary '.repeat(1000));
  });
});

/** A file system of its own size; undefined where mounting is not permitted. */
function mountSmall(path: string, megabytes: number): boolean {
  return spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', path]).status === 0;
}

describe('a full disk', () => {
  it('refuses commands with 507 and routes on; with room again, commands are taken again', async (test) => {
    await using directory = await tempDirectory();
    const data = join(directory.path, 'data');
    await mkdir(data);
    if (!mountSmall(data, 8)) return test.skip('mounting a tmpfs is not permitted here');
    try {
      await using web = await Backend.start({ name: 'web' });
      await using router = await startRouter({ directory: directory.path, config: configOf(web) });
      await using admin = new AdminClient(router.admin);
      const ballast = join(data, 'ballast');
      spawnSync('dd', ['if=/dev/zero', `of=${ballast}`, 'bs=64k', 'count=200']);
      const refused = await putUntilRefused(admin);
      expect(refused).toMatchObject({ status: 507, body: { type: 'log_full' } });
      expect(await ask(router.port, 'example.com')).toMatchObject({ status: 200, backend: 'web' });
      expect((await admin.get('/healthz')).status).toBe(200);
      await rm(ballast);
      expect((await admin.put('/v1/domains/later.example', { pool: 'web' })).status).toBe(201);
      expect(await ask(router.port, 'later.example')).toMatchObject({ status: 200, backend: 'web' });
      expect(await stateOf(admin)).toEqual(foldNaively(await eventsOf(admin)));
      expect((await admin.post('/v1/verify')).body).toMatchObject({ ok: true });
      expect(await router.stop()).toMatchObject({ code: 0 });
    } finally {
      spawnSync('umount', ['-l', data]);
    }
  });
});

async function putUntilRefused(admin: AdminClient) {
  for (let count = 0; count < 20_000; count++) {
    const reply = await admin.put(`/v1/domains/fill-${count}.example`, { pool: 'web' });
    if (reply.status >= 300) return reply;
  }
  throw new Error('expected a refusal from a full disk, found none in 20 000 commands');
}

describe('a damaged log', () => {
  it('is found out by verify with position and stream; all go on that are not concerned', async () => {
    await using directory = await tempDirectory();
    await using web = await Backend.start({ name: 'web' });
    await prepareDamage(directory.path, web);
    await flipByte(join(directory.path, 'data', 'events.db'), 'the-damaged-author');

    const atRest = await runCommand(['verify', '--data', join(directory.path, 'data')]);
    expect(atRest.code).toBe(1);
    expect(atRest.output).toMatch(/domain-damaged\.example/);

    await using router = await startRouter({ directory: directory.path });
    await using admin = new AdminClient(router.admin);
    expect((await admin.post('/v1/verify')).body).toMatchObject({ ok: false });
    expect(await ask(router.port, 'example.com')).toMatchObject({ status: 200, backend: 'web' });
    expect((await admin.put('/v1/domains/example.com', { pool: 'other' })).status).toBe(200);
    expect((await ask(router.port, 'example.com')).status).toBe(503);
    expect((await admin.put('/v1/domains/new.example', { pool: 'web' })).status).toBe(201);
  });

  it('without the caches stops only the domain whose event is damaged', async () => {
    await using directory = await tempDirectory();
    await using web = await Backend.start({ name: 'web' });
    await prepareDamage(directory.path, web);
    const file = join(directory.path, 'data', 'events.db');
    await flipByte(file, 'the-damaged-author');
    const db = new Database(file);
    db.exec('DELETE FROM currents; DELETE FROM snapshots');
    db.close();

    await using router = await startRouter({ directory: directory.path });
    await using admin = new AdminClient(router.admin);
    expect(await ask(router.port, 'example.com')).toMatchObject({ status: 200, backend: 'web' });
    // It is known to exist and cannot be read: not 404, which would say that nobody serves it.
    expect((await ask(router.port, 'damaged.example')).status).toBe(503);
    expect((await admin.put('/v1/domains/damaged.example', { pool: 'other' })).status).toBe(503);
    expect((await admin.put('/v1/domains/new.example', { pool: 'web' })).status).toBe(201);
    expect((await ask(router.port, 'new.example')).status).toBe(200);
  });
});

async function prepareDamage(directory: string, web: Backend): Promise<void> {
  await using router = await startRouter({ directory, config: configOf(web) });
  await using author = new AdminClient(router.admin, { author: 'the-damaged-author' });
  await author.must('PUT', '/v1/domains/damaged.example', { pool: 'web' });
  await router.stop();
}

/** One bit of one byte, within text that stands in the file once. */
async function flipByte(file: string, text: string): Promise<void> {
  const bytes = await readFile(file);
  const at = bytes.indexOf(text);
  if (at < 0) throw new Error(`expected ${text} in ${file}, found it nowhere`);
  bytes[at + 4] = (bytes[at + 4] ?? 0) ^ 1;
  await writeFile(file, bytes);
}

function configOf(web: Backend): object {
  return {
    pools: { web: { backends: { 'web.1': { address: web.address } } }, other: {} },
    domains: { 'example.com': { pool: 'web' } },
  };
}
