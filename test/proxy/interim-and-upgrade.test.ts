import { describe, expect, it } from 'vitest';
import type { Exchange } from '../../src/proxy/exchange.ts';
import { eventually, pause } from '../support/eventually.ts';
import { isTaken } from '../support/raw-client.ts';
import { GET, get, post, routed } from '../support/routed.ts';
import { ok } from '../support/scripted-backend.ts';
import { standingClock } from '../support/standing-clock.ts';

const EXPECT = 'POST /c HTTP/1.1\r\nHost: app.test\r\nContent-Length: 10\r\nExpect: 100-continue\r\n\r\n';
const CONTINUE = 'HTTP/1.1 100 Continue\r\n\r\n';

/** The request is sent, and its head is at the backend, which the test now plays. */
async function begun({ router, backend }: Awaited<ReturnType<typeof routed>>, sent: string) {
  const client = await router.connect();
  client.send(sent);
  const connection = await backend.accept();
  await connection.takeHead();
  return { client, connection };
}

describe('Expect: 100-continue', () => {
  it('is answered by the router, and the backend never sees it', async () => {
    const { router, backend } = await routed(() => ok('hello'));
    const client = await router.connect();
    client.send(EXPECT);
    await client.receives(CONTINUE);
    client.received = '';
    client.send('0123456789');
    expect((await client.response()).body).toBe('hello');
    expect(backend.requests[0]?.headers.has('expect')).toBe(false);
    expect((await client.request(GET)).status).toBe(200);
  });

  it('is not answered when the body is already there', async () => {
    const { router } = await routed(() => ok());
    const client = await router.connect();
    expect((await client.request(`${EXPECT}0123456789`)).status).toBe(200);
  });

  it('goes end to end where the domain says so, and the 100 comes from the backend', async () => {
    const { router, backend } = await routed(undefined, { features: { continue: 'end-to-end' } });
    const client = await router.connect();
    client.send(EXPECT);
    const connection = await backend.accept();
    expect(await connection.takeHead()).toContain('Expect: 100-continue');
    await pause(20);
    expect(client.received).toBe('');
    connection.send('HTTP/1.1 100 Continue\r\nConnection: close\r\nX-A: b\r\n\r\n');
    await client.receives('\r\n\r\n');
    expect(client.received).toBe(CONTINUE);
    client.received = '';
    client.send('0123456789');
    await connection.receives('0123456789');
    connection.send(ok());
    expect((await client.response()).status).toBe(200);
  });

  it('end to end, of a backend that says nothing, is its time-out and not the client’s: H12', async () => {
    const { router, backend } = await routed(undefined, {
      features: { continue: 'end-to-end' },
      listener: { timeouts: { bodyIdleMs: 60_000 } },
      pool: { timeouts: { firstByteMs: 80, abortLingerMs: 20 } },
    });
    const client = await router.connect();
    client.send(EXPECT);
    await (await backend.accept()).takeHead();
    const response = await client.response();
    expect(response.status).toBe(503);
    expect(response.body).toContain('H12');
  });

  it('end to end, and no body behind the 100, is the client’s time-out: H28', async () => {
    const clock = standingClock();
    const { router, backend } = await routed(undefined, {
      accessLog: 'logfmt',
      features: { continue: 'end-to-end' },
      listener: { timeouts: { bodyIdleMs: 80 } },
      pool: { timeouts: { abortLingerMs: 20 } },
      now: clock.now,
    });
    const { client, connection } = await begun({ router, backend }, EXPECT);
    connection.send(CONTINUE);
    await client.receives(CONTINUE);
    clock.start();
    await client.ends();
    expect(client.total).toBe(CONTINUE);
    await eventually(() => router.log.includes('code=H28'), 'a line');
  });

  it('end to end, answered at once with a final status, ends the connection', async () => {
    const { router, backend } = await routed(undefined, { features: { continue: 'end-to-end' } });
    const { client, connection } = await begun({ router, backend }, EXPECT);
    connection.send(ok('no need'));
    const response = await client.response();
    expect(response.headers.get('connection')).toBe('close');
    await client.ends();
    await connection.ends();
  });
});

describe('an interim response', () => {
  it('reaches an HTTP/1.1 client with its fields, as often as it comes', async () => {
    const hints = 'HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n';
    const { router } = await routed(() => `${hints}${hints}${ok()}`);
    const client = await router.connect();
    for (let i = 0; i < 2; i++) {
      const first = i === 0 ? await client.request(GET) : await client.response();
      expect(first).toMatchObject({ status: 103 });
      expect(first.headers.get('link')).toBe('</a.css>');
    }
    expect((await client.response()).status).toBe(200);
  });

  it('waits at the backend while the client reads none, and is the client that keeps it waiting: H28', async () => {
    const hints = `HTTP/1.1 103 Early Hints\r\nLink: </${'a'.repeat(1000)}>\r\n\r\n`.repeat(40_000);
    const { router, backend } = await routed(undefined, {
      accessLog: 'logfmt',
      pool: { timeouts: { idleMs: 300, abortLingerMs: 50 } },
    });
    const client = await router.connect();
    client.socket.pause();
    client.send(GET);
    const connection = await backend.accept();
    await connection.takeHead();
    connection.send(hints);
    await eventually(() => router.log.includes('code=H28'), 'a line');
    await eventually(() => router.isQuiet, 'quiet');
  });

  it.each([
    ['whole', 'HTTP/1.1 102 Processing\r\n\r\n'],
    ['or begun and never finished', 'HTTP/1.1 200 OK'],
  ])('that comes for ever, %s, is a response that stands still in the end: H15', async (_, sent) => {
    const { router, backend } = await routed(undefined, {
      pool: { timeouts: { firstByteMs: 50, idleMs: 100, abortLingerMs: 20 } },
    });
    const { client, connection } = await begun({ router, backend }, GET);
    const sending = setInterval(() => connection.send(sent), 20);
    await client.receives('H15').finally(() => clearInterval(sending));
    await eventually(() => router.isQuiet, 'quiet');
  });

  it('may come for as long as the request is still being sent', async () => {
    const { router, backend } = await routed(undefined, {
      pool: { timeouts: { firstByteMs: 100, idleMs: 100 } },
    });
    const { client, connection } = await begun(
      { router, backend },
      post('', 'Content-Length: 30').replace('Content-Length: 0\r\n', ''),
    );
    for (let i = 0; i < 30; i++) {
      await pause(50);
      client.send('x');
      connection.send('HTTP/1.1 104 Upload Resumption Supported\r\n\r\n');
    }
    connection.send(ok('whole'));
    await client.receives('whole');
  });

  it('does not reach an HTTP/1.0 client', async () => {
    const { router } = await routed(() => `${CONTINUE}HTTP/1.1 103 Early Hints\r\n\r\n${ok()}`);
    const client = await router.connect();
    expect(
      (await client.request('POST / HTTP/1.0\r\nHost: app.test\r\nContent-Length: 1\r\n\r\nx')).status,
    ).toBe(200);
    await client.ends();
  });
});

describe('HTTP/1.0', () => {
  const get10 = (field = ''): string => `GET / HTTP/1.0\r\nHost: app.test\r\n${field}\r\n`;

  it('gets its connection closed, unless it asks otherwise', async () => {
    const { router } = await routed(() => ok());
    const client = await router.connect();
    for (let i = 0; i < 2; i++) {
      const response = await client.request(get10('Connection: keep-alive\r\n'));
      expect(response.headers.get('connection')).toBe('keep-alive');
    }
    expect((await client.request(get10())).headers.get('connection')).toBe('close');
    await client.ends();
  });

  it('gets chunks as plain bytes up to the end of the connection', async () => {
    const { router } = await routed(
      () =>
        'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n5\r\ndefgh\r\n0\r\nt: u\r\n\r\n',
    );
    const client = await router.connect();
    const response = await client.request(get10('Connection: keep-alive\r\n'));
    expect(response.body).toBe('abcdefgh');
    expect(response.headers.has('transfer-encoding')).toBe(false);
    expect(response.headers.get('connection')).toBe('close');
    await eventually(() => router.isQuiet, 'quiet');
  });
});

describe('trailers', () => {
  it('go both ways', async () => {
    const { router, backend } = await routed(
      () =>
        'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: head1\r\n\r\n1\r\nx\r\n0\r\nhead1: val1\r\n\r\n',
    );
    const client = await router.connect();
    const response = await client.request(
      'POST / HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\n1\r\ny\r\n0\r\nhead2: val2\r\n\r\n',
    );
    expect(response.trailers).toEqual(['head1', 'val1']);
    expect(response.headers.get('trailer')).toBe('head1');
    expect(backend.requests[0]?.trailers).toEqual(['head2', 'val2']);
  });
});

describe('a trailer that belongs in the head', () => {
  const ofHead = [
    'Authorization',
    'Cookie',
    'cookie',
    'Set-Cookie',
    'Set_Cookie',
    'WWW-Authenticate',
    'Proxy-Authenticate',
    'Origin',
    'Cache-Control',
    'Cache_Control',
    'Range',
    'If-Match',
    'If_None_Match',
    'Content-Type',
    'Content-Encoding',
    'Content_Range',
    'Location',
    'Vary',
  ];
  const lines = ofHead.map((name) => `${name}: forged\r\n`).join('');
  const chunks = `1\r\nx\r\n0\r\nDigest: 1\r\n${lines}ETag: "2"\r\nx-mine: 3\r\nX-Mine: 4\r\n\r\n`;
  const kept = ['Digest', '1', 'ETag', '"2"'];

  it('goes neither way, nor does one that Connection names', async () => {
    const { router, backend } = await routed(
      () =>
        `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: x-mine\r\nX-Mine: 2\r\n\r\n${chunks}`,
    );
    const client = await router.connect();
    const response = await client.request(
      `POST / HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\nConnection: X-Mine\r\n\r\n${chunks}`,
    );
    expect(backend.requests[0]?.trailers).toEqual(kept);
    expect(response.trailers).toEqual(kept);
  });
});

describe('what an operator sets on a domain', () => {
  const features = {
    requestFields: ['X-Tenant', 'a'],
    requestNames: new Set(['x-tenant']),
    responseFields: ['X-From', 'a'],
    responseNames: new Set(['x-from']),
  };
  const forged =
    'POST / HTTP/1.1\r\nHost: app.test\r\nX-TENANT: b\r\nx_tenant: b\r\nTransfer-Encoding: chunked\r\n\r\n' +
    '1\r\ny\r\n0\r\nx-tenant: b\r\nX_Tenant: b\r\nt: u\r\n\r\n';
  const answer =
    'HTTP/1.1 200 OK\r\nx_from: b\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nX-From: b\r\nt: u\r\n\r\n';

  it.each([
    ['in one piece', forged.length],
    ['with its trailers behind', forged.indexOf('0\r\n')],
  ])('is said by nobody else, in the head or in trailers: a request %s', async (_, cut) => {
    const { router, backend } = await routed(() => answer, { features });
    const client = await router.connect();
    client.send(forged.slice(0, cut));
    await pause(20);
    client.send(forged.slice(cut));
    const response = await client.response();
    const [request] = backend.requests;
    expect(request?.raw.match(/^x.tenant: .*$/gim)).toEqual(['X-Tenant: a']);
    expect(request?.trailers).toEqual(['t', 'u']);
    expect(response.raw.match(/^x.from: .*$/gim)).toEqual(['X-From: a']);
    expect(response.trailers).toEqual(['t', 'u']);
  });

  it('is said by nobody else on a second connection either', async () => {
    const { router, backend } = await routed(undefined, { features });
    const client = await router.connect();
    client.send(GET);
    const first = await backend.accept();
    await first.takeRequest();
    first.send(ok());
    await client.response();
    client.send(forged.replace('POST', 'PUT'));
    await first.takeRequest();
    first.reset();
    const second = await backend.accept();
    expect((await second.takeRequest()).trailers).toEqual(['t', 'u']);
    second.send(answer);
    expect((await client.response()).status).toBe(200);
  });
});

const UPGRADE = get('/chat', 'Connection: Upgrade', 'Upgrade: websocket');
const SWITCHED = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n';

describe('an upgrade', () => {
  it('makes a pipe of bytes, early ones included, on both sides', async () => {
    const { router, backend } = await routed(undefined, { accessLog: 'logfmt' });
    const client = await router.connect();
    client.send(`${UPGRADE}early`);
    const connection = await backend.accept();
    const head = await connection.takeHead();
    expect(head).toContain('Upgrade: websocket');
    expect(head).toContain('Connection: Upgrade');
    await pause(10);
    expect(connection.received).toBe('');
    connection.send(`${SWITCHED}first`);
    expect((await client.response()).status).toBe(101);
    await client.receives('first');
    await connection.receives('early');
    client.send('ping');
    await connection.receives('ping');
    connection.send('pong');
    await client.receives('pong');
    expect(router.inFlight()).toEqual({ 'web.1': 1 });
    client.end();
    await connection.ends();
    connection.send('last words');
    await client.receives('last words');
    connection.end();
    await client.ends();
    await eventually(() => router.isQuiet, 'quiet');
    await eventually(() => router.log.includes('status=101'), 'a line');
    expect(router.log).toContain('outcome=upgraded');
    expect(router.log).toContain(` bytes=${client.total.length} `);
  });

  const chunks = '3\r\nabc\r\n05;n=v\r\nhello\r\n0\r\nx: y\r\n\r\n';
  it.each([
    ['by length', 'Content-Length: 8', 'abchello', 'abchello'],
    ['in chunks', 'Transfer-Encoding: chunked', chunks, chunks.replace('05;n=v', '5')],
  ])(
    'amid a body has the rest of it before what follows, wherever it is cut: %s',
    async (_, framing, body, whole) => {
      const head = UPGRADE.replace('GET', 'POST').replace('\r\n\r\n', `\r\n${framing}\r\n\r\n`);
      const { router, backend } = await routed(undefined);
      for (let cut = 0; cut <= body.length; cut++) {
        const client = await router.connect();
        client.send(head + body.slice(0, cut));
        const connection = await backend.accept();
        await connection.takeHead();
        connection.send(SWITCHED);
        expect((await client.response()).status).toBe(101);
        client.send(`${body.slice(cut)}ping`);
        await connection.receives('ping');
        expect(connection.received).toBe(`${whole}ping`);
        client.close();
        connection.close();
      }
      await eventually(() => router.isQuiet, 'quiet');
    },
  );

  it('amid a body that goes on as none ends for both', async () => {
    const { router, backend } = await routed(undefined, { accessLog: 'logfmt' });
    const client = await router.connect();
    client.send(
      UPGRADE.replace('GET', 'POST').replace(
        '\r\n\r\n',
        '\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n',
      ),
    );
    const connection = await backend.accept();
    await connection.receives('abc\r\n');
    connection.send(SWITCHED);
    await client.response();
    client.send('zz');
    await client.ends();
    await connection.ends();
    connection.end();
    await eventually(() => router.isQuiet, 'quiet');
    await eventually(() => router.log.includes('cause="bad chunk"'), 'a line');
  });

  it('the backend declines is an ordinary exchange', async () => {
    const { router } = await routed(() => ok('no'));
    const client = await router.connect();
    expect((await client.request(UPGRADE)).body).toBe('no');
    expect((await client.request(GET)).status).toBe(200);
  });

  it('ends for both when one is gone', async () => {
    const { router, backend } = await routed(undefined);
    for (const side of ['client', 'backend'] as const) {
      const { client, connection } = await begun({ router, backend }, UPGRADE);
      connection.send(SWITCHED);
      await client.response();
      if (side === 'client') client.reset();
      else connection.reset();
      await (side === 'client' ? connection : client).ends();
      connection.end();
      await eventually(() => router.isQuiet, 'quiet');
    }
  });

  it('ends when nothing moves for idleMs', async () => {
    let nowMs = 1_000_000_000_000;
    const { router, backend } = await routed(undefined, {
      pool: { timeouts: { idleMs: 300, abortLingerMs: 20 } },
      now: () => nowMs,
    });
    const { client, connection } = await begun({ router, backend }, UPGRADE);
    connection.send(SWITCHED);
    await client.response();
    for (let i = 1; i <= 5; i++) {
      nowMs += 200;
      await pause(30);
      client.send('.');
      await connection.receives('.'.repeat(i));
    }
    expect(client.over).toBe(false);
    nowMs += 310;
    await client.ends();
    await connection.ends();
    nowMs += 30;
    await eventually(() => router.isQuiet, 'quiet');
  });

  it('carries megabytes both ways, and to each side no faster than it reads', async () => {
    const { router, backend } = await routed(undefined);
    const { client, connection } = await begun({ router, backend }, UPGRADE);
    connection.send(SWITCHED);
    await client.response();
    const piece = 'x'.repeat(1_000_000);
    for (const [from, to] of [
      [client, connection],
      [connection, client],
    ] as const) {
      to.socket.pause();
      let sent = 1;
      while (sent < 40 && (await isTaken(from, piece))) sent++;
      expect(sent).toBeLessThan(40);
      to.socket.resume();
      await eventually(() => to.received.length === sent * piece.length, 'all');
    }
  });
});

describe('the end of an upgraded connection', () => {
  it.each(['client', 'backend'] as const)(
    'loses nothing on its way to a slow backend, where the %s is the first to say goodbye',
    async (first) => {
      let exchange: Exchange | undefined;
      const { router, backend } = await routed(undefined, {
        pool: { timeouts: { abortLingerMs: 20 } },
        observe: (request) => {
          exchange = request as Exchange;
        },
      });
      const { client, connection } = await begun({ router, backend }, UPGRADE);
      connection.send(SWITCHED);
      await client.response();
      connection.socket.pause();
      if (first === 'backend') {
        connection.end();
        await client.ends();
      }
      const piece = 'x'.repeat(16_000);
      let sent = 0;
      const upstream = exchange?.forwarding?.connection?.socket;
      for (; upstream?.writableLength === 0; sent += piece.length) {
        client.send(piece);
        await pause(0);
      }
      client.end();
      if (first === 'client') connection.end();
      await pause(100);
      connection.socket.resume();
      await connection.ends();
      expect(connection.received.length).toBe(sent);
      await eventually(() => router.isQuiet, 'quiet');
    },
  );

  it('is told to the backend also where the client said goodbye before the 101', async () => {
    const { router, backend } = await routed(undefined, { listener: { halfClose: true } });
    const client = await router.connect();
    client.send(`${UPGRADE}early`).end();
    const connection = await backend.accept();
    await connection.takeHead();
    await pause(20);
    connection.send(SWITCHED);
    await connection.receives('early');
    await connection.ends();
    connection.send('last words').end();
    await client.receives('last words');
    await eventually(() => router.isQuiet, 'quiet');
  });
});

describe('Max-Forwards', () => {
  it('of zero makes the router the one who answers, and above it counts down', async () => {
    const { router, backend } = await routed(() => ok());
    const client = await router.connect();
    const options = (hops: number): string => get('/', `Max-Forwards: ${hops}`).replace('GET', 'OPTIONS');
    expect((await client.request(options(0))).status).toBe(200);
    expect(backend.requests.length).toBe(0);
    await client.request(options(3));
    expect(backend.requests[0]?.headers.get('max-forwards')).toBe('2');
  });
});

describe('TRACE that ends here', () => {
  it('shows what came, and nothing that may be a secret', async () => {
    const { router } = await routed(() => ok());
    const client = await router.connect();
    const secrets = [
      'Cookie: a=secret',
      'authorization: secret',
      'Proxy-Authorization: secret',
      'X-Key: secret',
    ];
    const trace = get('/a?b', 'Max-Forwards: 0', 'Accept: text/plain', ...secrets).replace('GET', 'TRACE');
    const { status, headers, body } = await client.request(trace);
    expect([status, headers.get('content-type')]).toEqual([200, 'message/http']);
    expect(body).toBe(
      'TRACE /a?b HTTP/1.1\r\nHost: app.test\r\nMax-Forwards: 0\r\nAccept: text/plain\r\n\r\n',
    );
  });
});

describe('a probe', () => {
  it('is answered by the router itself', async () => {
    const { router, backend } = await routed(() => ok(), { listener: { probePath: '/health' } });
    const client = await router.connect();
    const probe = 'GET /health HTTP/1.1\r\nHost: any\r\n\r\n';
    expect(await client.request(probe)).toMatchObject({ status: 200, body: 'ok\n' });
    router.plane.announceEnd();
    expect(await client.request(probe)).toMatchObject({ status: 503, body: 'draining\n' });
    expect(await client.request(GET)).toMatchObject({ status: 200 });
    expect(backend.requests.length).toBe(1);
  });

  it('on a connection of a worker that is replaced is not told of an end', async () => {
    const { router } = await routed(() => ok(), { listener: { probePath: '/health' } });
    const client = await router.connect();
    await client.request(GET);
    router.plane.stopAccepting();
    expect(await client.request('GET /health HTTP/1.1\r\nHost: any\r\n\r\n')).toMatchObject({ status: 200 });
  });
});

describe('the PROXY protocol', () => {
  it('says who the client is', async () => {
    const { router, backend } = await routed(() => ok(), { listener: { proxyProtocol: true } });
    const client = await router.connect();
    await client.request(`PROXY TCP4 1.2.3.4 5.6.7.8 1234 443\r\n${post('x')}`);
    const [request] = backend.requests;
    expect(request?.headers.get('x-forwarded-for')).toBe('1.2.3.4');
    expect(request?.headers.get('x-forwarded-port')).toBe('443');
    expect(request?.headers.get('x-forwarded-proto')).toBe('https');
  });

  it('that names nobody leaves the peer what it is', async () => {
    const { router, backend } = await routed(() => ok(), { listener: { proxyProtocol: true } });
    const client = await router.connect();
    await client.request(`PROXY UNKNOWN\r\n${GET}`);
    const [request] = backend.requests;
    expect(request?.headers.get('x-forwarded-for')).toBe('127.0.0.1');
    expect(request?.headers.get('x-forwarded-port')).toBe(String(router.port));
  });

  it('missing closes the connection unanswered', async () => {
    const { router } = await routed(() => ok(), { listener: { proxyProtocol: true } });
    const client = await router.connect();
    client.send(GET);
    await client.ends();
    expect(client.total).toBe('');
  });
});

describe('a trusted peer', () => {
  const forwarded = get(
    '/',
    'X-Forwarded-For: 10.0.0.1',
    'X-Request-Id: testid-with-a-valid-length',
    'X-Forwarded-Proto: https',
  );

  it('has its X-Forwarded-For appended to, its scheme and request id kept; another has them replaced', async () => {
    const trusting = await routed(() => ok(), {
      listener: { trustForwarded: ['127.0.0.0/8'] },
      accessLog: 'logfmt',
    });
    await (await trusting.router.connect()).request(forwarded);
    const headers = trusting.backend.requests[0]?.headers;
    expect(headers?.get('x-forwarded-for')).toBe('10.0.0.1, 127.0.0.1');
    expect(headers?.get('x-request-id')).toBe('testid-with-a-valid-length');
    expect(headers?.get('x-forwarded-proto')).toBe('https');
    expect(headers?.get('x-forwarded-port')).toBe('443');
    await eventually(() => trusting.router.log.includes('fwd="10.0.0.1, 127.0.0.1"'), 'a line');
    const wary = await routed(() => ok());
    await (await wary.router.connect()).request(forwarded);
    expect(wary.backend.requests[0]?.headers.get('x-forwarded-for')).toBe('127.0.0.1');
    expect(wary.backend.requests[0]?.headers.get('x-forwarded-proto')).toBe('http');
    expect(wary.backend.requests[0]?.headers.get('x-request-id')).toMatch(/^[0-9a-f]{8}-/);
  });
});
