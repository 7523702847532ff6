/** What RFC 9110 and 9112 ask of an intermediary, seen from outside: raw bytes at the client and at the backend. */
import { describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { GET, get, post, routed } from '../support/routed.ts';
import { ok } from '../support/scripted-backend.ts';

describe('RFC 9110', () => {
  it('§5.3 keeps repeated fields apart and in order, both ways', async () => {
    const { router, backend } = await routed(() => ok('', 'b: 1', 'a: x', 'b: 2', 'B: 3'));
    const client = await router.connect();
    const response = await client.request(get('/', 'b: 1', 'a: x', 'b: 2', 'B: 3'));
    const order = (names: readonly string[]): string[] =>
      names.filter((_, i) => i % 2 === 0 && /^[abB]$/.test(names[i] ?? ''));
    expect(order(response.fields)).toEqual(['b', 'a', 'b', 'B']);
    expect(backend.requests[0]?.raw).toMatch(/b: 1\r\na: x\r\nb: 2\r\nB: 3\r\n/);
  });

  it('§7.6.1 drops fields named by Connection, and Connection itself, both ways', async () => {
    const { router, backend } = await routed(() =>
      ok('', 'Connection: x-one, keep-alive', 'X-One: 1', 'X-Two: 2'),
    );
    const client = await router.connect();
    const response = await client.request(
      get('/', 'Connection: x-mine', 'X-Mine: 1', 'X-Other: 2', 'TE: trailers', 'Keep-Alive: a'),
    );
    expect(response.headers.has('x-one')).toBe(false);
    expect(response.headers.get('x-two')).toBe('2');
    const headers = backend.requests[0]?.headers;
    expect(headers?.has('x-mine')).toBe(false);
    expect(headers?.has('te')).toBe(false);
    expect(headers?.has('keep-alive')).toBe(false);
    expect(headers?.get('x-other')).toBe('2');
  });

  it('§7.6.3 appends itself to Via both ways, with the version received', async () => {
    const { router, backend } = await routed(() => ok('', 'Via: 1.1 inner').replace('HTTP/1.1', 'HTTP/1.0'));
    const client = await router.connect();
    const response = await client.request(get('/', 'Via: 1.0 fred', 'Via: 1.1 p.example.net'));
    expect(backend.requests[0]?.headers.get('via')).toBe('1.0 fred, 1.1 p.example.net, 1.1 switchyard-test');
    expect(response.headers.get('via')).toBe('1.1 inner, 1.0 switchyard-test');
  });

  it('§6.6.1 adds a Date where the backend gave none, and keeps the one it gave', async () => {
    const { router } = await routed((request) =>
      ok('', ...(request.target === '/dated' ? ['Date: yesterday'] : [])),
    );
    const client = await router.connect();
    expect(Date.parse((await client.request(GET)).headers.get('date') ?? '')).toBeGreaterThan(
      Date.now() - 2000,
    );
    expect((await client.request(get('/dated'))).headers.get('date')).toBe('yesterday');
  });

  it('§8.6 sends Content-Length: 0 for a POST without content, and none for a GET', async () => {
    const { router, backend } = await routed(() => ok());
    const client = await router.connect();
    await client.request('POST / HTTP/1.1\r\nHost: app.test\r\n\r\n');
    await client.request(GET);
    expect(backend.requests[0]?.headers.get('content-length')).toBe('0');
    expect(backend.requests[1]?.headers.has('content-length')).toBe(false);
  });

  it('§8.6 sends no Content-Length and no Transfer-Encoding with a 204 or a 1xx', async () => {
    const { router } = await routed(
      () =>
        'HTTP/1.1 103 Early Hints\r\nContent-Length: 3\r\n\r\nHTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n',
    );
    const client = await router.connect();
    for (const response of [await client.request(GET), await client.response()]) {
      expect(response.headers.has('content-length')).toBe(false);
      expect(response.headers.has('transfer-encoding')).toBe(false);
    }
  });

  it.each(['PUT', 'DELETE', 'PATCH', 'OPTIONS', 'PROPFIND', 'M-SEARCH', 'FOO'])(
    '§9 passes %s on',
    async (method) => {
      const { router, backend } = await routed(() => ok());
      const client = await router.connect();
      expect((await client.request(post('x').replace('POST', method))).status).toBe(200);
      expect(backend.requests[0]?.method).toBe(method);
    },
  );

  it('§9.3.6 does not serve CONNECT', async () => {
    const { router, backend } = await routed(() => ok());
    const client = await router.connect();
    expect((await client.request('CONNECT app.test:443 HTTP/1.1\r\nHost: app.test:443\r\n\r\n')).status).toBe(
      400,
    );
    expect(backend.connections.length).toBe(0);
  });

  it('§9.3.7 passes OPTIONS * on', async () => {
    const { router, backend } = await routed(() => ok());
    const client = await router.connect();
    expect((await client.request('OPTIONS * HTTP/1.1\r\nHost: app.test\r\n\r\n')).status).toBe(200);
    expect(backend.requests[0]?.target).toBe('*');
  });

  it('§15 passes unknown statuses and phrases on', async () => {
    const { router } = await routed(() => ok().replace('200 OK', '666 THE NUMBER OF THE BEAST'));
    const client = await router.connect();
    expect(await client.request(GET)).toMatchObject({ status: 666, phrase: 'THE NUMBER OF THE BEAST' });
  });

  it('§15.2 passes interim responses on before the final one is there', async () => {
    const { router, backend } = await routed();
    const client = await router.connect();
    client.send(GET);
    const connection = await backend.accept();
    await connection.takeRequest();
    connection.send('HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n');
    expect((await client.response()).status).toBe(103);
    connection.send(ok());
    expect((await client.response()).status).toBe(200);
  });
});

describe('RFC 9112', () => {
  it('§2.2 skips a few empty lines before a request', async () => {
    const { router } = await routed(() => ok());
    const client = await router.connect();
    expect((await client.request(`\r\n\r\n${GET}`, { method: 'GET' })).status).toBe(200);
  });

  it('§3.2.2 reduces an absolute-form target and keeps Host', async () => {
    const { router, backend } = await routed(() => ok());
    const client = await router.connect();
    await client.request('GET http://app.test/p?q=1 HTTP/1.1\r\nHost: app.test\r\n\r\n');
    expect(backend.requests[0]).toMatchObject({ target: '/p?q=1' });
    expect((await client.request('GET http://other.test/ HTTP/1.1\r\nHost: app.test\r\n\r\n')).status).toBe(
      400,
    );
  });

  it('§6.3 reads no body behind HEAD, 304 and 204, whatever their fields say', async () => {
    const { router } = await routed((request) =>
      request.method === 'HEAD'
        ? ok('').replace('Length: 0', 'Length: 12')
        : 'HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n',
    );
    const client = await router.connect();
    expect((await client.request(GET.replace('GET', 'HEAD'))).headers.get('content-length')).toBe('12');
    expect((await client.request(GET)).headers.get('content-length')).toBe('9');
    expect((await client.request(GET)).status).toBe(304);
  });

  it('§6.3 lets a response without length end with the connection, and says so to the client', async () => {
    const { router } = await routed(
      (_, connection) => void connection.send('HTTP/1.1 200 OK\r\n\r\nto the end').end(),
    );
    const client = await router.connect();
    const response = await client.request(GET);
    expect(response).toMatchObject({ body: 'to the end', complete: true });
    expect(response.headers.get('connection')).toBe('close');
    expect(client.over).toBe(true);
  });

  it('§7.1.1 drops chunk extensions, both ways', async () => {
    const { router, backend } = await routed(
      () => 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0;c\r\n\r\n',
    );
    const client = await router.connect();
    const response = await client.request(
      'POST / HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\n3;x="y;z"\r\nabc\r\n0\r\n\r\n',
    );
    expect(response.raw).toMatch(/\r\n\r\n5\r\nhello\r\n0\r\n\r\n$/);
    expect(backend.requests[0]?.raw).toMatch(/\r\n\r\n3\r\nabc\r\n0\r\n\r\n$/);
  });

  it('§9.2 gives no client a response that nobody asked for', async () => {
    const { router, backend } = await routed(() => ok('mine'));
    const [one, two] = [await router.connect(), await router.connect()];
    await one.request(GET);
    backend.connections[0]?.send(ok('evil'));
    await eventually(() => backend.connections[0]?.over === true, 'the end of the connection');
    expect((await two.request(GET)).body).toBe('mine');
  });

  it('§9.3 keeps connections on either side without regard to the other', async () => {
    const { router, backend } = await routed(() => ok('', 'Connection: close'));
    const client = await router.connect();
    for (let i = 0; i < 2; i++)
      expect((await client.request(GET)).headers.get('connection')).toBe('keep-alive');
    expect(backend.connections.length).toBe(2);
    const kept = await routed(() => ok());
    for (let i = 0; i < 2; i++) {
      const closing = await kept.router.connect();
      expect((await closing.request(get('/', 'Connection: close'))).headers.get('connection')).toBe('close');
      await closing.ends();
    }
    expect(kept.backend.connections.length).toBe(1);
  });

  it('§9.3.2 answers pipelined requests in order, whatever order they end in', async () => {
    const { router } = await routed(async (request) => {
      if (request.target === '/0') {
        await new Promise((resolve) => {
          setTimeout(resolve, 40);
        });
      }
      return ok(request.target);
    });
    const client = await router.connect();
    client.send([0, 1, 2, 3].map((i) => get(`/${i}`)).join(''));
    for (const i of [0, 1, 2, 3]) expect((await client.response()).body).toBe(`/${i}`);
  });

  it('§9.6 lets a client read the answer to what it should not have sent', async () => {
    const { router } = await routed(() => ok());
    const client = await router.connect();
    client.send(`BAD REQUEST LINE\r\n${'x'.repeat(300_000)}`);
    expect((await client.response()).status).toBe(400);
  });
});
