import { describe, expect, it } from 'vitest';
import { eventually, pause } from '../../support/eventually.ts';
import { RawClient } from '../../support/raw-client.ts';
import { type Scene, scene, withWeb } from '../scene.ts';

async function raw(s: Scene, text: string) {
  const client = await RawClient.connect(s.port);
  try {
    client.socket.write(text);
    await client.until(() => client.received.includes('\r\n\r\n') || client.closed, 'an answer');
    return Number(/^HTTP\/1\.1 (\d{3})/.exec(client.received)?.[1]);
  } finally {
    client.socket.destroy();
  }
}

function head(line: string, ...fields: readonly string[]): string {
  return `${[line, ...fields].join('\r\n')}\r\n\r\n`;
}

describe('Host', () => {
  it.each([
    '127.0.0.1',
    '127.0.0.1:8081',
    'localhost',
    'LOCALHOST:1',
    'localhost:65535',
    'ops.example.com',
    'ops.example.com:8081',
    '127.1',
  ])('%s is ours', async (host) => {
    await using s = await scene({ names: ['ops.example.com'] });
    expect(await raw(s, head('GET /healthz HTTP/1.1', `Host: ${host}`))).toBe(200);
  });

  it.each([
    'evil.example',
    'localhost.evil.example',
    '10.0.0.1',
    '[::1]',
    '',
    'localhost:x',
    'localhost:65536',
    'user@localhost',
  ])('%j is not, not even for a probe', async (host) => {
    await using s = await scene({ names: ['ops.example.com'] });
    expect(await raw(s, head('GET /healthz HTTP/1.1', `Host: ${host}`))).toBe(421);
  });

  it('is wanted exactly once', async () => {
    await using s = await scene();
    expect(await raw(s, head('GET /healthz HTTP/1.1'))).toBe(400);
    expect(await raw(s, head('GET /healthz HTTP/1.1', 'Host: localhost', 'Host: localhost'))).toBe(400);
    expect(await raw(s, head('GET http://localhost/healthz HTTP/1.1', 'Host: localhost'))).toBe(400);
  });

  it('is looked at in each request of a connection', async () => {
    await using s = await scene();
    const client = await RawClient.connect(s.port);
    for (const [host, status] of [
      ['localhost', 200],
      ['localhost', 200],
      ['evil.example', 421],
    ] as const) {
      client.socket.write(head('GET /healthz HTTP/1.1', `Host: ${host}`));
      expect((await client.response()).status).toBe(status);
    }
    client.close();
  });
});

describe('Origin', () => {
  it.each([
    ['http://localhost:8081', 200],
    ['https://localhost:8081', 200],
    ['http://localhost:3000', 403],
    ['http://localhost', 403],
    ['https://evil.example', 403],
    ['null', 403],
  ])('%s is answered %i', async (origin, status) => {
    await using s = await withWeb();
    const fields = ['Host: localhost:8081', `Origin: ${origin}`];
    expect(await raw(s, head('GET /v1/domains HTTP/1.1', ...fields))).toBe(status);
    expect(await raw(s, head('DELETE /v1/domains/example.com HTTP/1.1', ...fields))).toBe(
      status === 200 ? 204 : 403,
    );
  });

  it.each([
    ['cross-site', 403],
    ['same-site', 403],
    ['same-origin', 200],
    ['none', 200],
  ])('missing but from a %s page is answered %i', async (site, status) => {
    await using s = await scene();
    expect(await raw(s, head('GET /v1/domains HTTP/1.1', 'Host: localhost', `Sec-Fetch-Site: ${site}`))).toBe(
      status,
    );
  });
});

describe('Via', () => {
  const via = (name: string) => head('GET /v1/pools HTTP/1.1', 'Host: localhost', `Via: 1.0 x, 1.1 ${name}`);

  it('that names a switchyard tells of somebody who is not on this machine, and needs a token', async () => {
    await using open = await scene();
    expect(await raw(open, via('switchyard-0123456789ab'))).toBe(403);
    expect(await raw(open, via('cache'))).toBe(200);
    await using closed = await scene({ token: 'secret' });
    const text = via('switchyard-0123456789ab');
    expect(await raw(closed, text)).toBe(401);
    expect(await raw(closed, text.replace('Via', 'Authorization: Bearer secret\r\nVia'))).toBe(200);
  });
});

describe('the token', () => {
  const token = 's3cret-token';

  it.each([
    [`Bearer ${token}`, 200],
    [`bearer ${token}`, 200],
    [`Bearer ${token}x`, 401],
    [`Bearer ${token.toUpperCase()}`, 401],
    [`Bearer ${token.slice(0, -1)}`, 401],
    [`Basic ${token}`, 401],
    ['Bearer', 401],
    ['', 401],
  ])('as %j is answered %i', async (authorization, status) => {
    await using s = await scene({ token });
    const reply = await fetch(`http://${s.address}/v1/domains`, { headers: { authorization } });
    expect(reply.status).toBe(status);
    if (status === 401) expect(reply.headers.get('www-authenticate')).toContain('Bearer');
  });

  it('is wanted before anything is told, but not from probes', async () => {
    await using s = await scene({ token });
    const status = async (path: string, method = 'GET') =>
      (await fetch(`http://${s.address}${path}`, { method })).status;
    expect(await status('/v1/nothing')).toBe(401);
    expect(await status('/v1/apply', 'POST')).toBe(401);
    expect(await status('/metrics')).toBe(401);
    expect(await status('/healthz')).toBe(200);
    expect(await status('/readyz?')).toBe(200);
    expect(await status('/healthz/../metrics')).toBe(401);
  });

  it('never reaches the log', async () => {
    await using s = await scene({ token });
    await s.client.put('/v1/pools/web', {});
    await s.client.put('/v1/pools/web', { nonsense: 1 });
    await eventually(() => s.logged.length > 0, 'a line of a command');
    expect(JSON.stringify(s.logged)).not.toContain(token);
  });
});

describe('a command', () => {
  it.each([
    ['application/json', 200],
    ['application/json; charset=utf-8', 200],
    ['Application/JSON;charset="UTF-8"', 200],
    ['application/x-ndjson', 200],
    ['application/json; charset=latin1', 415],
    ['text/plain', 415],
    ['application/x-www-form-urlencoded', 415],
    ['multipart/form-data; boundary=x', 415],
    ['text/plain; x=application/json', 415],
    ['', 415],
  ])('of type %j is answered %i', async (type, status) => {
    await using s = await withWeb();
    const body = '{"pool": "web"}';
    const fields = ['Host: localhost', `Content-Type: ${type}`, `Content-Length: ${body.length}`];
    expect(await raw(s, head('PUT /v1/domains/example.com HTTP/1.1', ...fields) + body)).toBe(status);
  });

  it('without a type needs to be without a body', async () => {
    await using s = await withWeb();
    const drain = 'POST /v1/pools/web/backends/web.1/drain HTTP/1.1';
    expect(await raw(s, `${head(drain, 'Host: localhost', 'Content-Length: 2')}{}`)).toBe(415);
    expect(await raw(s, `${head(drain, 'Host: localhost', 'Transfer-Encoding: chunked')}0\r\n\r\n`)).toBe(
      415,
    );
    expect(await raw(s, head(drain, 'Host: localhost', 'Content-Length: 0'))).toBe(200);
  });

  it('is not compressed', async () => {
    await using s = await withWeb();
    const reply = await s.client.put('/v1/pools/web', {}, { headers: { 'content-encoding': 'gzip' } });
    expect(reply).toMatchObject({ status: 415, body: { type: 'media_type_unsupported' } });
  });

  it('is bounded: a megabyte, but for apply', async () => {
    await using s = await withWeb();
    const sized = (bytes: number) => `{"pool":"web"${' '.repeat(bytes - 14)}}`;
    expect((await s.client.send('PUT', '/v1/domains/example.com', sized(1024 * 1024))).status).toBe(200);
    const over = await s.client.send('PUT', '/v1/domains/example.com', sized(1024 * 1024 + 1));
    expect(over).toMatchObject({ status: 413, body: { type: 'body_too_large' } });
    expect((await s.client.send('POST', '/v1/apply?dryRun=true', sized(1024 * 1024 + 1))).status).toBe(400);
    const endless = await fetch(`http://${s.address}/v1/domains/example.com`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: new Blob([sized(1024 * 1024 + 1)]).stream(),
      duplex: 'half',
    } as RequestInit).catch(() => undefined);
    expect(endless?.status ?? 413).toBe(413);
    expect((await s.client.get('/v1/domains')).status).toBe(200);
  });

  it('may come in pieces, with its end long after', async () => {
    await using s = await withWeb();
    const client = await RawClient.connect(s.port);
    client.socket.write(
      head(
        'PUT /v1/domains/new.example.com HTTP/1.1',
        'Host: localhost',
        'Content-Type: application/json',
        'Transfer-Encoding: chunked',
      ),
    );
    for (const piece of ['8\r\n{"pool":\r\n', '6\r\n "web"\r\n', '1\r\n}\r\n', '0\r\n\r\n']) {
      await pause(20);
      expect(client.received).toBe('');
      client.socket.write(piece);
    }
    await client.until(() => client.received.includes('\r\n\r\n'), 'an answer');
    expect(client.received).toMatch(/^HTTP\/1\.1 201 /);
    client.socket.destroy();
  });

  it('of which half never comes is no command, and nobody is told', async () => {
    await using s = await withWeb();
    const client = await RawClient.connect(s.port);
    client.socket.write(
      `${head('PUT /v1/domains/new.example.com HTTP/1.1', 'Host: localhost', 'Content-Type: application/json', 'Content-Length: 14')}{"pool"`,
    );
    await pause(50);
    client.socket.destroy();
    await pause(50);
    expect((await s.client.get('/v1/domains/new.example.com')).status).toBe(404);
    expect(s.logged.filter(({ level }) => level === 'error')).toEqual([]);
  });
});

describe('what Node cannot read as a request', () => {
  it.each([
    [
      'a method that Node does not know',
      head('FOO /v1 HTTP/1.1', 'Host: localhost'),
      400,
      'malformed_request',
    ],
    ['no words of HTTP', 'garbage\r\n\r\n', 400, 'malformed_request'],
    [
      'a method that nobody knows',
      head('FOO /healthz HTTP/1.1', 'Host: localhost'),
      400,
      'malformed_request',
    ],
    ['no Host', head('GET /healthz HTTP/1.1'), 400, 'malformed_request'],
    ['a tunnel', head('CONNECT localhost:1 HTTP/1.1', 'Host: localhost'), 400, 'malformed_request'],
    [
      'a head of more than 16 KiB',
      head('GET /healthz HTTP/1.1', 'Host: localhost', `A: ${'a'.repeat(17_000)}`),
      431,
      'head_too_large',
    ],
    [
      'an expectation that nobody knows',
      head('GET /healthz HTTP/1.1', 'Host: localhost', 'Expect: 200-ok'),
      400,
      'invalid_header',
    ],
  ])('%s is refused with a problem', async (_what, text, status, type) => {
    await using s = await scene();
    const client = await RawClient.connect(s.port);
    client.socket.write(text);
    await client.until(() => client.closed || client.received.includes('}'), 'a problem');
    client.socket.destroy();
    expect(client.received).toMatch(new RegExp(`^HTTP/1\\.1 ${status} [A-Z]`));
    expect(client.received).toMatch(/\r\ncontent-type: application\/problem\+json\r\n/);
    const body = client.received.slice(client.received.indexOf('\r\n\r\n') + 4);
    expect(JSON.parse(body)).toMatchObject({
      status,
      type,
      title: expect.any(String),
      detail: expect.any(String),
    });
  });

  it('behind a request whose answer is under way cuts that, and is no part of it', async () => {
    await using s = await scene();
    const client = await RawClient.connect(s.port);
    client.socket.write(head('GET /v1/events?follow=true HTTP/1.1', 'Host: localhost'));
    await client.until(() => client.received.includes('\r\n\r\n'), 'the head of an answer');
    client.socket.write('garbage\r\n\r\n');
    await client.ends();
    expect(client.total).toMatch(/^HTTP\/1\.1 200 /);
    expect(client.total).not.toContain('malformed_request');
  });

  it('as a tunnel behind other requests is the answer to none of them, and leaves nobody at work', async () => {
    await using s = await scene();
    const put = `${head('PUT /v1/pools/web HTTP/1.1', 'Host: localhost', 'Content-Type: application/json', 'Content-Length: 2')}{}`;
    const tunnel = head('CONNECT localhost:1 HTTP/1.1', 'Host: localhost');
    // More than may be at work.
    for (let n = 0; n < 260; n += 1) {
      const client = await RawClient.connect(s.port);
      client.socket.write(put + put + tunnel);
      await client.ends();
      expect(client.total).not.toContain('malformed_request');
      client.close();
    }
    expect((await s.client.get('/v1/pools')).status).toBe(200);
  });

  it('in the body of a request is what that one is refused for', async () => {
    await using s = await scene();
    const client = await RawClient.connect(s.port);
    const fields = ['Host: localhost', 'Content-Type: application/json', 'Transfer-Encoding: chunked'];
    client.socket.write(`${head('PUT /v1/pools/web HTTP/1.1', ...fields)}garbage\r\n\r\n`);
    expect((await client.response()).status).toBe(400);
    client.close();
  });

  it('in a body whose answer has begun cuts that, and is no part of it', async () => {
    await using s = await scene();
    const client = await RawClient.connect(s.port);
    const fields = ['Host: localhost', 'Content-Type: application/x-ndjson', 'Transfer-Encoding: chunked'];
    const line = '{"pool": "web"}\n';
    client.socket.write(
      `${head('POST /v1/import?chunk=1 HTTP/1.1', ...fields)}${line.length.toString(16)}\r\n${line}\r\n`,
    );
    await client.until(() => client.received.includes('"changed"'), 'a line of the answer');
    client.socket.write('garbage\r\n\r\n');
    await client.ends();
    expect(client.total).toMatch(/^HTTP\/1\.1 200 /);
    expect(client.total.match(/HTTP\/1\.1 /g)).toHaveLength(1);
    client.close();
  });

  it('holds up no end of the admin', async () => {
    const s = await scene();
    const tunnel = await RawClient.connect(s.port);
    tunnel.socket.write(head('CONNECT localhost:1 HTTP/1.1', 'Host: localhost'));
    expect((await tunnel.response()).status).toBe(400);
    await s[Symbol.asyncDispose]();
    await tunnel.ends();
    tunnel.close();
  });
});
