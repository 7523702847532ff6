import { describe, expect, it } from 'vitest';
import { eventually, pause } from '../support/eventually.ts';
import type { PlaneWish } from '../support/plane-under-test.ts';
import type { RawClient, RawResponse } from '../support/raw-client.ts';
import { backendThat, GET, get, post, routed, routerOver } from '../support/routed.ts';
import { ok, type Script } from '../support/scripted-backend.ts';

const FAST = {
  pool: { timeouts: { firstByteMs: 80, idleMs: 80, abortLingerMs: 60 } },
  accessLog: 'logfmt',
} as const;
// Whoever says something in the end is not late, however busy the machine is.
const PATIENT = { ...FAST, pool: { timeouts: { abortLingerMs: 60 } } } as const;

/** Only who has begun can be late. */
const HALTING = { ...FAST, pool: { timeouts: { idleMs: 80, abortLingerMs: 60 } } } as const;

async function answerTo(
  script: Script,
  wish: PlaneWish = PATIENT,
): Promise<{ response: RawResponse; log: string; client: RawClient }> {
  const { router } = await routed(script, wish);
  const client = await router.connect();
  const response = await client.request(GET);
  await eventually(() => router.isQuiet, 'every lease given back');
  await eventually(() => router.log !== '', 'a line');
  return { response, log: router.log, client };
}

describe('a backend that fails before its response', () => {
  it('by silence: H12 when its time is over, and its slot is kept until it has closed', async () => {
    const { router, backend } = await routed(undefined, {
      pool: { timeouts: { firstByteMs: 80, abortLingerMs: 5000 } },
    });
    const client = await router.connect();
    const before = performance.now();
    const response = await client.request(GET);
    expect(performance.now() - before).toBeGreaterThanOrEqual(79);
    expect(response).toMatchObject({ status: 503, complete: true });
    expect(response.body).toContain('H12');
    expect(router.inFlight()).toEqual({ 'web.1': 1 });
    const connection = await backend.accept();
    await connection.ends();
    connection.end();
    await eventually(() => router.isQuiet, 'the slot given back');
  });

  it('by silence, and never closing: its slot is kept for abortLingerMs', async () => {
    let nowMs = 1_000_000_000_000;
    const { router, backend } = await routed(undefined, { ...FAST, now: () => nowMs });
    const client = (await router.connect()).send(GET);
    await eventually(() => backend.connections.length === 1, 'the request');
    nowMs += 80;
    expect((await client.response()).status).toBe(503);
    nowMs += 59;
    await pause(30);
    expect(router.inFlight()).toEqual({ 'web.1': 1 });
    nowMs += 1;
    await eventually(() => router.isQuiet, 'the slot given back');
    await eventually(() => backend.connections[0]?.over === true, 'the end of the connection');
  });

  it('by closing: H13', async () => {
    const { response, log } = await answerTo((_, connection) => void connection.end());
    expect(response.body).toContain('H13');
    expect(log).toMatch(
      /at=error code=H13 desc="Connection closed without response" .* dyno=web\.1 .* status=503/,
    );
  });

  it('by a reset: H13', async () => {
    const { response } = await answerTo((_, connection) => void connection.reset());
    expect(response.body).toContain('H13');
  });

  it('by a reset in the middle of the upload: H18', async () => {
    const { router, backend } = await routed(undefined, { accessLog: 'logfmt' });
    const client = await router.connect();
    client.send('POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 1000\r\n\r\nabc');
    const connection = await backend.accept();
    await connection.receives('abc');
    connection.reset();
    const response = await client.response();
    expect(response.body).toContain('H18');
    await eventually(() => router.log.startsWith('sock=backend at=error code=H18'), 'a line');
    await client.ends();
  });

  it.each([
    ['a bad version', 'HTTP/3.0 200 OK\r\n\r\n', 'H17', 503],
    ['a bad status', 'HTTP/1.1 2x0 OK\r\n\r\n', 'H17', 503],
    ['no HTTP at all', 'SSH-2.0-OpenSSH\r\n\r\n', 'H17', 503],
    ['a field without a colon', 'HTTP/1.1 200 OK\r\nnonsense\r\n\r\n', 'H17', 503],
    ['differing lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 43\r\nContent-Length: 41\r\n\r\n', 'H25', 502],
    ['a list of lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 43,41\r\n\r\n', 'H25', 502],
    ['an oversized cookie', `HTTP/1.1 200 OK\r\nSet-Cookie: ${'c'.repeat(8192)}\r\n\r\n`, 'H25', 502],
    ['an oversized status line', `HTTP/1.1 200 ${'p'.repeat(8192)}\r\n\r\n`, 'H25', 502],
    ['an oversized line', `HTTP/1.1 200 OK\r\nx: ${'v'.repeat(524_288)}\r\n\r\n`, 'H25', 502],
    [
      'an upgrade nobody asked for',
      'HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n',
      'H17',
      503,
    ],
  ])('by %s', async (_, answer, code, status) => {
    const { response } = await answerTo(() => answer);
    expect(response.status).toBe(status);
    expect(response.body).toContain(code);
  });

  it('by half a head and silence: H15', async () => {
    const { response, log } = await answerTo(() => 'HTTP/1.1 200 O', HALTING);
    expect(response.status).toBe(503);
    expect(log).toContain('code=H15');
  });

  it('by half a head and closing: H18', async () => {
    const { response } = await answerTo((_, connection) => void connection.send('HTTP/1.1 200 O').end());
    expect(response.body).toContain('H18');
  });
});

describe('a backend that fails within its response', () => {
  it('of known length: the client gets what came and the end', async () => {
    const { response, log, client } = await answerTo(
      (_, connection) => void connection.send('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc').end(),
    );
    expect(response).toMatchObject({ status: 200, body: 'abc', complete: false });
    await client.ends();
    expect(log).toMatch(/^sock=backend at=error code=H18 .* status=200/);
  });

  it('in chunks: the last chunk never comes', async () => {
    const { response } = await answerTo(
      (_, connection) =>
        void connection.send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n').end(),
    );
    expect(response).toMatchObject({ status: 200, complete: false });
  });

  it('in bad chunks: what was sound, then the end', async () => {
    const { response, log } = await answerTo(
      () => 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n',
    );
    expect(response.complete).toBe(false);
    expect(response.raw).toContain('abc');
    expect(log).toContain('code=H17');
  });

  it('that ends with the connection, by a reset: the client is reset too', async () => {
    const { router, backend } = await routed();
    const client = await router.connect();
    client.send(GET);
    const connection = await backend.accept();
    await connection.takeRequest();
    connection.send('HTTP/1.1 200 OK\r\n\r\nabc');
    await client.receives('abc');
    connection.reset();
    await eventually(() => client.closed, 'the end');
    expect(client.error).toMatchObject({ code: 'ECONNRESET' });
  });

  it('by silence: H15 and the end', async () => {
    const { response, log, client } = await answerTo(
      () => 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc',
      HALTING,
    );
    expect(response).toMatchObject({ status: 200, body: 'abc', complete: false });
    await client.ends();
    expect(log).toContain('code=H15');
  });
});

describe('an error page', () => {
  it('is JSON for who prefers it, and names code, outcome and request', async () => {
    const router = await routerOver({ backends: {} });
    const client = await router.connect();
    const response = await client.request(get('/', 'Accept: application/json'));
    expect(response.headers.get('content-type')).toBe('application/problem+json');
    expect(JSON.parse(response.body)).toMatchObject({ status: 503, code: 'H14', outcome: 'no_backends' });
    for (const accept of [
      'text/html, application/json;q=0.9',
      'application/json, text/html',
      'application/json;q=0.5, text/*',
    ])
      expect((await client.request(get('/', `Accept: ${accept}`))).body).toContain('<h1>');
  });

  it('is the one of the domain, its status unchanged', async () => {
    const router = await routerOver({
      backends: {},
      features: { errorPages: { no_backends: '<p>ours, ünlike</p>' } },
    });
    const client = await router.connect();
    const response = await client.request(GET);
    expect(response.status).toBe(503);
    expect(Buffer.from(response.body, 'latin1').toString()).toBe('<p>ours, ünlike</p>');
  });

  it('has no body in answer to HEAD', async () => {
    const router = await routerOver({ backends: {} });
    const client = await router.connect();
    const response = await client.request(GET.replace('GET', 'HEAD'));
    expect(response.body).toBe('');
    expect(Number(response.headers.get('content-length'))).toBeGreaterThan(100);
    expect((await client.request(GET)).status).toBe(503);
  });

  it('keeps the connection after a complete request, and closes it after an unfinished one', async () => {
    const router = await routerOver({ backends: {} });
    const client = await router.connect();
    expect((await client.request(post('12345'))).headers.get('connection')).toBe('keep-alive');
    const response = await client.request(post('12345').slice(0, -2));
    expect(response.headers.get('connection')).toBe('close');
    await client.ends();
  });

  it('says maintenance at a domain in maintenance', async () => {
    const { router } = await routed(() => ok(), { features: { maintenance: true }, accessLog: 'logfmt' });
    const client = await router.connect();
    expect((await client.request(GET)).body).toContain('H80');
    await eventually(() => router.log.startsWith('at=info code=H80'), 'a line');
  });
});

describe('a request that comes back', () => {
  it('is a loop: 508', async () => {
    const router = await routerOver({ backends: { self: { port: 1 } } });
    await router.setBackends({ self: { port: router.port } });
    const client = await router.connect();
    expect((await client.request(GET)).status).toBe(508);
    await eventually(() => router.isQuiet, 'quiet');
  });
});

describe('a request in vain', () => {
  it('does not keep other requests from the same client', async () => {
    let count = 0;
    const backend = await backendThat((_, connection) => {
      count++;
      if (count % 2 === 0) return ok();
      connection.end();
      return undefined;
    });
    const router = await routerOver({ backends: { 'web.1': { port: backend.port } } });
    const client = await router.connect();
    for (let i = 0; i < 3; i++) {
      expect((await client.request(post('x'))).status).toBe(503);
      expect((await client.request(post('x'))).status).toBe(200);
      // The connection that served is closed by the backend's next answer in vain: not idle for the one after.
    }
  });
});
