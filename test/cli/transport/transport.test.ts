/** When the other side is not there, is something else, is slow to recover, or wants a token. */
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { scene } from '../../admin/scene.ts';
import { holdPort } from '../../support/held-port.ts';
import { command } from '../command.ts';

const run = (line: string, address: string) => command([...line.split(' '), '--admin', address]);

/** Stands where an admin API might: what it does, the real one does only in rare moments. */
async function standIn(listener: RequestListener): Promise<AsyncDisposable & { readonly address: string }> {
  const server = createServer(listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

const RECEIPT = JSON.stringify({ version: 1, position: 1, changed: 1 });

describe('an address', () => {
  it('at which nothing answers is told, with how to start a router', async () => {
    await using held = await holdPort();
    const address = `127.0.0.1:${held.port}`;
    expect(await run('domain list', address)).toEqual({
      code: 1,
      out: '',
      err: [
        `switchyard: nothing answers at ${address} (connection refused)`,
        `switchyard: start a router with: switchyard serve --admin ${address}`,
        'switchyard: or say where one is with --admin HOST:PORT',
        '',
      ].join('\n'),
    });
    expect(JSON.parse((await run('domain list --json', address)).out).error).toContain('nothing answers');
    expect((await run('events --follow', address)).err).toContain('nothing answers');
  });

  it('may be the URL that it is seen as elsewhere', async () => {
    await using s = await scene();
    for (const url of [`http://${s.address}`, `http://${s.address}/`])
      expect(await run('pool list', url)).toMatchObject({
        code: 0,
        err: `switchyard: none (${s.address})\n`,
      });
    for (const other of [`https://${s.address}`, `http://${s.address}/v1`])
      expect((await run('pool list', other)).err).toContain('--admin: expected HOST:PORT, found');
  });

  it('that speaks something else is told apart', async () => {
    const server = createTcpServer((socket) => socket.end('SSH-2.0-x\r\n')).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    const { code, err } = await run('domain list', address);
    server.close();
    expect(code).toBe(1);
    expect(err).toBe(
      `switchyard: expected switchyard's admin API at ${address}, found something that is not HTTP\n`,
    );
  });

  it.each([
    [200, 'text/html', '<html>'],
    [200, 'application/json', '{"items": 5}'],
    [404, 'text/plain', 'not here'],
    [502, 'application/json', '{"error": "x"}'],
  ])('of another program that answers %i %s is told apart', async (status, type, body) => {
    await using other = await standIn((_request, response) => {
      response.writeHead(status, { 'content-type': type }).end(body);
    });
    const file = join(tmpdir(), `switchyard-foreign-${process.pid}.sy`);
    for (const line of ['domain list', 'events', 'verify', `export ${file}`])
      expect(await run(line, other.address)).toEqual({
        code: 1,
        out: '',
        err: `switchyard: expected switchyard's admin API at ${other.address}, found another answer (status ${status})\n`,
      });
    expect(existsSync(file)).toBe(false);
  });
});

describe('a command', () => {
  it('whose answer was lost is asked again under the same key', async () => {
    const keys: unknown[] = [];
    await using flaky = await standIn((request, response) => {
      keys.push(request.headers['idempotency-key']);
      if (keys.length === 1) request.socket.destroy();
      else response.writeHead(200, { 'content-type': 'application/json' }).end(RECEIPT);
    });
    expect(await run('backend drain web web.1', flaky.address)).toMatchObject({ code: 0 });
    expect(keys).toHaveLength(2);
    expect(keys[0]).toMatch(/^[0-9a-f-]{36}$/);
    expect(keys[1]).toBe(keys[0]);
  });

  it('gives up after the third lost answer', async () => {
    let asked = 0;
    await using dead = await standIn((request) => {
      asked += 1;
      request.socket.destroy();
    });
    expect(await run('backend drain web web.1', dead.address)).toMatchObject({
      code: 1,
      err: `switchyard: no answer from ${dead.address}: the connection ended before all of it came\n`,
    });
    expect(asked).toBe(3);
  });

  it('to an owner that is being restarted waits for it, as long as it is told to', async () => {
    const askedAtMs: number[] = [];
    await using restarting = await standIn((_request, response) => {
      askedAtMs.push(performance.now());
      if (askedAtMs.length < 3) {
        const problem = { type: 'owner_unavailable', detail: 'pool web is being restarted' };
        const again = askedAtMs.length === 1 ? '1' : '0';
        response.writeHead(503, { 'content-type': 'application/problem+json', 'retry-after': again });
        response.end(JSON.stringify(problem));
      } else response.writeHead(200, { 'content-type': 'application/json' }).end(RECEIPT);
    });
    expect(await run('backend drain web web.1', restarting.address)).toMatchObject({ code: 0 });
    const [first = 0, second = 0, third] = askedAtMs;
    expect(second - first).toBeGreaterThanOrEqual(999);
    expect(third).toBeDefined();
  });

  it('that is refused for another reason is not asked again', async () => {
    let asked = 0;
    await using full = await standIn((_request, response) => {
      asked += 1;
      response.writeHead(503, { 'content-type': 'application/problem+json', 'retry-after': '0' });
      response.end(JSON.stringify({ type: 'log_unavailable', detail: 'the log is locked' }));
    });
    expect(await run('backend drain web web.1', full.address)).toMatchObject({ code: 1 });
    expect(asked).toBe(1);
  });

  it('to an owner that stays away is told so', async () => {
    await using parked = await standIn((_request, response) => {
      const problem = { type: 'owner_unavailable', detail: 'pool web is being restarted' };
      response.writeHead(503, { 'content-type': 'application/problem+json', 'retry-after': '0' });
      response.end(JSON.stringify(problem));
    });
    expect(await run('backend drain web web.1', parked.address)).toEqual({
      code: 1,
      out: '',
      err: 'switchyard: pool web is being restarted\n',
    });
  });

  it('that changes a pool puts no backend back, since one may have come or gone meanwhile', async () => {
    let put = '';
    await using pool = await standIn((request, response) => {
      response.writeHead(200, { 'content-type': 'application/json', etag: '"1"' });
      if (request.method === 'GET')
        response.end('{"policy": "random", "whenEmpty": "hold", "backends": {"a": {}}}');
      else request.on('data', (chunk) => (put += chunk)).on('end', () => response.end(RECEIPT));
    });
    expect(await run('pool set web policy=round-robin', pool.address)).toMatchObject({ code: 0 });
    expect(JSON.parse(put)).toEqual({ policy: 'round-robin', whenEmpty: 'hold' });
  });

  it('whose answer does not come may be interrupted', async () => {
    const stop = new AbortController();
    await using silent = await standIn(() => stop.abort());
    expect(await command(['domain', 'list', '--admin', silent.address], { stop: stop.signal })).toEqual({
      code: 1,
      out: '',
      err: 'switchyard: interrupted before an answer came\n',
    });
  });

  it('that comes in parts and is interrupted is not taken for whole', async () => {
    const cut = 'switchyard: interrupted before all of the answer came\n';
    const stop = new AbortController();
    await using slow = await standIn((_request, response) => {
      response.writeHead(200, { 'content-type': 'application/x-ndjson' }).write('{"position":1}\n');
    });
    const events = await command(['events', '--json', '--admin', slow.address], {
      stop: stop.signal,
      stdout: new PassThrough().once('data', () => stop.abort()),
    });
    expect(events).toMatchObject({ code: 1, err: cut });

    const between = new AbortController();
    await using paged = await standIn((_request, response) => {
      const items = [{ name: 'a.example', version: 1, pool: 'web' }];
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ items, next: 'a.example' }));
    });
    // Of one byte: the command waits until it is read.
    const stdout = new PassThrough({ highWaterMark: 1 }).once('data', () => between.abort());
    const listed = await command(['domain', 'list', '--json', '--admin', paged.address], {
      stop: between.signal,
      stdout,
    });
    expect(listed).toMatchObject({ code: 1, err: cut });
  });

  it('is given up by a bisection that looks for the change to judge', async () => {
    const stop = new AbortController();
    await using router = await standIn(({ url = '' }, response) => {
      const at = Number(/^\/v1\/state\?at=(\d)/.exec(url)?.[1]);
      response.writeHead(200, { 'content-type': at > 0 ? 'application/json' : 'application/x-ndjson' });
      if (at > 0)
        response.end(JSON.stringify({ position: at, domains: at === 1 ? { a: {} } : {}, pools: {} }));
      else response.write('\n', () => stop.abort());
    });
    const line = ['bisect', '--good', '1', '--bad', '2', '--exists', 'domain:a', '--json'];
    expect(await command([...line, '--admin', router.address], { stop: stop.signal })).toMatchObject({
      code: 1,
      err: 'switchyard: interrupted before all of the answer came\n',
    });
  });

  it('to a question with fields of one name tells all of them, as a router reads them', async () => {
    let asked = '';
    await using router = await standIn((request, response) => {
      request.on('data', (chunk) => (asked += chunk)).on('end', () => response.writeHead(400).end());
    });
    await run('explain --host a.example --header X-A:1 --header x-a:2 --header Cookie:b=3', router.address);
    expect(JSON.parse(asked).headers).toEqual({ 'x-a': '1, 2', cookie: 'b=3' });
  });

  it('lets no reply command the terminal', async () => {
    await using hostile = await standIn((_request, response) => {
      const problem = { type: 'x', detail: 'a\u001b[2Jb' };
      response.writeHead(400, { 'content-type': 'application/problem+json' }).end(JSON.stringify(problem));
    });
    expect((await run('domain list', hostile.address)).err).toBe('switchyard: a\ufffd[2Jb\n');
  });

  it('lets none do so from within a setting either, which reads back as it is', async () => {
    const settings = { pool: 'web', errorPages: { error: 'a\u009b2Jb\u007f\u001bc' } };
    await using hostile = await standIn((_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(settings));
    });
    for (const flags of ['', ' --json']) {
      const { out } = await run(`domain show a.example${flags}`, hostile.address);
      expect(out).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f-\x9f]/);
      expect(parse(out)).toEqual(settings);
    }
  });

  it('that follows events is told when the router goes away', async () => {
    await using leaving = await standIn((request, response) => {
      response.writeHead(200, { 'content-type': 'application/x-ndjson' }).write('{"position":1}\n');
      setTimeout(() => request.socket.destroy(), 20);
    });
    const { code, out, err } = await run('events --follow --json', leaving.address);
    expect(code).toBe(1);
    // A line that is no event tells a machine that the stream did not just end.
    expect(out).toMatch(/^\{"position":1\}\n\{"error":"no answer from .*"\}\n$/);
    expect(err).toMatch(/^switchyard: no answer from /);
  });
});

describe('a token', () => {
  it('is read from a file, and asked for by name when it is missing or wrong', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'switchyard-token-'));
    const file = (text: string) => {
      writeFileSync(join(directory, 'token'), text);
      return join(directory, 'token');
    };
    await using stage = await scene({ token: 'open-sesame' });
    expect(await run(`pool set web --token-file ${file('open-sesame\n')}`, stage.address)).toMatchObject({
      code: 0,
    });
    for (const flags of ['', ` --token-file ${file('wrong')}`]) {
      const { code, err } = await run(`pool list${flags}`, stage.address);
      expect(code).toBe(1);
      expect(err).toContain('switchyard: give the token with --token-file FILE\n');
      expect(err).not.toContain('sesame');
    }
    expect((await run(`pool list --token-file ${join(directory, 'none')}`, stage.address)).err).toBe(
      `switchyard: ${join(directory, 'none')}: expected a readable file, found no such file\n`,
    );
    expect((await run('pool list --token-file /dev/zero', stage.address)).err).toBe(
      'switchyard: /dev/zero: expected a file of at most 4196 bytes, found more\n',
    );
    expect((await run(`pool list --token-file ${file('two words')}`, stage.address)).code).toBe(1);
    rmSync(directory, { recursive: true });
  });
});
