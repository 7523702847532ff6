import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import type { Exchange } from '../../src/proxy/exchange.ts';
import type { DomainRoute } from '../../src/proxy/index.ts';
import { blackHole } from '../support/black-hole.ts';
import { eventually, pause } from '../support/eventually.ts';
import type { PlaneWish } from '../support/plane-under-test.ts';
import { isTaken, RawClient } from '../support/raw-client.ts';
import { closing, GET, get, post, routed, routerOver } from '../support/routed.ts';
import { ok } from '../support/scripted-backend.ts';
import { standingClock } from '../support/standing-clock.ts';

const LOGGED = { accessLog: 'logfmt' } as const;

describe('a client that leaves', () => {
  it('before the response: the backend is told by a FIN, the line says H27 and 499', async () => {
    const { router, backend } = await routed(undefined, LOGGED);
    const client = await router.connect();
    client.send(GET);
    const connection = await backend.accept();
    await connection.takeRequest();
    client.close();
    await connection.ends();
    connection.end();
    await eventually(() => router.isQuiet, 'the slot given back');
    await eventually(() => router.log !== '', 'a line');
    expect(router.log).toMatch(
      /^sock=client at=warning code=H27 desc="Client Request Interrupted" .* status=499/,
    );
  });

  it('by a FIN after a complete request has left', async () => {
    const { router, backend } = await routed(undefined, LOGGED);
    const client = await router.connect();
    client.send(GET).end();
    await (await backend.accept()).ends();
    await eventually(() => router.log.includes('code=H27'), 'a line');
  });

  it('by a FIN where the listener allows half a close still gets its response, and then the end', async () => {
    const { router, backend } = await routed(undefined, { listener: { halfClose: true } });
    const client = await router.connect();
    client.send(GET).end();
    const connection = await backend.accept();
    await connection.takeRequest();
    await pause(20);
    connection.send(ok('still'));
    expect((await client.response()).body).toBe('still');
    await client.ends();
    await eventually(() => router.isQuiet, 'quiet');
  });

  it('by a FIN behind several requests gets the answers to all, where the listener allows half a close', async () => {
    const { router } = await routed(({ target }) => ok(target), { listener: { halfClose: true } });
    const client = await router.connect();
    client
      .send(`${get('/a')}${get('/b')}GET / HTTP/1.1\r\nHost: nobody.test\r\n\r\n${get('/c')}GET /d`)
      .end();
    expect((await client.response()).body).toBe('/a');
    expect((await client.response()).body).toBe('/b');
    expect((await client.response()).status).toBe(404);
    expect((await client.response()).body).toBe('/c');
    await client.ends();
    expect(client.received).toBe('');
  });

  it.each([false, true])(
    'within its upload: the backend sees what came and the end, half a close allowed: %s',
    async (halfClose) => {
      const { router, backend } = await routed(undefined, { ...LOGGED, listener: { halfClose } });
      const client = await router.connect();
      client.send('POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 10\r\n\r\nabc');
      const connection = await backend.accept();
      await connection.receives('abc');
      client.end();
      await connection.ends();
      connection.end();
      await eventually(() => router.isQuiet, 'quiet');
      await eventually(() => router.log.includes('code=H27'), 'a line');
    },
  );

  it.each([undefined, 1])(
    'while it is connected to a backend with a limit of %s: its lease is given back',
    async (limit) => {
      const { port } = closing(await blackHole());
      const backend = limit === undefined ? { port } : { port, maxConcurrency: limit };
      const router = await routerOver({
        backends: { 'web.1': backend },
        pool: { timeouts: { abortLingerMs: 50 } },
      });
      const client = (await router.connect()).send(GET);
      await eventually(() => router.plane.counters.connects === 1, 'a connect');
      client.close();
      await eventually(() => router.isQuiet, 'the lease given back', 4000);
      expect(router.reports).toEqual([]);
    },
  );

  it('by a FIN amid the body of a request that waits behind another has left when that one’s turn comes', async () => {
    const { router, backend } = await routed(undefined, { ...LOGGED, listener: { halfClose: true } });
    const client = await router.connect();
    client.send(GET + post('12345').slice(0, -1)).end();
    const connection = await backend.accept();
    await connection.takeRequest();
    await pause(20);
    connection.send(ok('first'));
    expect((await client.response()).body).toBe('first');
    await client.ends();
    await connection.ends();
    connection.end();
    await eventually(() => router.log.includes('code=H27'), 'a line');
    await eventually(() => router.isQuiet, 'quiet');
  });

  it('within a long response: the backend is stopped and its slot given back', async () => {
    const { router, backend } = await routed(undefined, {
      ...LOGGED,
      pool: { timeouts: { abortLingerMs: 50 } },
    });
    const client = await router.connect();
    client.send(GET);
    const connection = await backend.accept();
    await connection.takeRequest();
    connection.send(`HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n${'x'.repeat(1_000_000)}`);
    await client.receives('xxx');
    client.reset();
    await eventually(() => connection.over, 'the end of the connection');
    await eventually(() => router.isQuiet, 'quiet');
  });
});

/** A request that has come to its backend, of a client that reads nothing. */
async function unreading(wish: PlaneWish) {
  const begun = Promise.withResolvers<Exchange>();
  const { router, backend } = await routed(undefined, {
    ...wish,
    observe: (request) => begun.resolve(request as Exchange),
  });
  const client = await router.connect();
  client.socket.pause();
  client.send(GET);
  const connection = await backend.accept();
  await connection.takeRequest();
  return { router, client, connection, exchange: await begun.promise };
}

describe('a slow client', () => {
  const slow = { listener: { timeouts: { headersMs: 80, keepAliveMs: 80, bodyIdleMs: 80 } } } as const;

  it('that sends nothing is closed without a word', async () => {
    const { router } = await routed(() => ok(), slow);
    const before = performance.now();
    const client = await router.connect();
    await client.ends();
    expect(performance.now() - before).toBeGreaterThanOrEqual(70);
    expect(client.total).toBe('');
  });

  it('within its request line is closed without a word', async () => {
    const { router } = await routed(() => ok(), slow);
    const client = await router.connect();
    client.send('GET / HT');
    await client.ends();
    expect(client.total).toBe('');
  });

  it('within its header fields gets 408, however often it sends a byte', async () => {
    const clock = standingClock();
    const { router } = await routed(() => ok(), { ...slow, now: clock.now });
    const client = await router.connect();
    client.send('GET / HTTP/1.1\r\nHost: app.test\r\nx: ');
    await pause(20);
    clock.start();
    const drip = setInterval(() => client.send('y'), 10);
    const response = await client.response();
    clearInterval(drip);
    expect(response.status).toBe(408);
    await client.ends();
  });

  it('within its body is cut: H28', async () => {
    const clock = standingClock();
    const { router, backend } = await routed(undefined, { ...slow, ...LOGGED, now: clock.now });
    const client = await router.connect();
    client.send(post('12345').slice(0, -1));
    const connection = await backend.accept();
    clock.start();
    await client.ends();
    await connection.ends();
    await eventually(() => router.log.includes('at=warning code=H28'), 'a line');
    expect(client.total).toBe('');
  });

  it('within its body is the one that is late though the response has begun: H28, and its backend is not blamed', async () => {
    const clock = standingClock();
    const { router, backend } = await routed(undefined, {
      ...LOGGED,
      pool: { timeouts: { idleMs: 80 }, health: { passive: { outlier: { failures: 1 } } } },
      now: clock.now,
    });
    const client = await router.connect();
    client.send(post('12345').slice(0, -1));
    const connection = await backend.accept();
    await connection.receives('1234');
    connection.send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
    await client.receives('200 OK');
    clock.start();
    await client.ends();
    await connection.ends();
    connection.end();
    await eventually(() => router.log.includes('at=warning code=H28'), 'a line');
    await eventually(() => router.isQuiet, 'quiet');
    expect(router.reports).toEqual([]);
  });

  it('that does not read is cut when nothing moves: H28', async () => {
    const { router } = await routed(() => ok('x'.repeat(20_000_000)), {
      ...LOGGED,
      pool: { timeouts: { idleMs: 100, abortLingerMs: 50 } },
    });
    const client = await router.connect();
    client.socket.pause();
    client.send(GET);
    await eventually(() => router.log.includes('code=H28'), 'a line');
    await eventually(() => router.isQuiet, 'quiet');
    await eventually(() => router.plane.counters.connections === 0, 'its connection gone');
  });

  it('gets all of a response that ends its connection, though it reads it late', async () => {
    const { router } = await routed(
      (_, connection) => void connection.send(`HTTP/1.1 200 OK\r\n\r\n${'x'.repeat(20_000_000)}`).end(),
    );
    const client = await router.connect();
    client.socket.pause();
    client.send(GET);
    await pause(2300);
    let received = 0;
    client.socket.removeAllListeners('data');
    client.socket.on('data', (chunk: Buffer) => {
      received += chunk.length;
    });
    client.socket.resume();
    await client.ends();
    expect(received).toBeGreaterThan(20_000_000);
  });

  it('that asks and asks and reads no answer is not read either, and gets all when it reads', async () => {
    const router = await routerOver({});
    const client = await router.connect();
    client.socket.pause();
    const piece = `GET /${'a'.repeat(1000)} HTTP/1.1\r\nHost: nobody.test\r\n\r\n`.repeat(1000);
    let asked = 0;
    while (asked < 40_000 && (await isTaken(client, piece))) asked += 1000;
    expect(asked).toBeLessThan(40_000);
    client.socket.resume();
    const answered = () => client.received.split('HTTP/1.1 404 Not Found').length - 1;
    await eventually(() => answered() === asked + 1000, 'all answers');
  });

  it('that asks on before it is answered is answered in turn, however its requests are cut', async () => {
    const late = Promise.withResolvers<void>();
    const { router, backend } = await routed(async ({ target }) => {
      if (target === '/1') await late.promise;
      return ok(`for ${target}`);
    });
    const client = await router.connect();
    client.send(get('/1'));
    await eventually(() => backend.requests.length === 1, 'the first');
    for (const piece of [get('/2').slice(0, 7), get('/2').slice(7) + get('/3').slice(0, -1), '\n']) {
      client.send(piece);
      await pause(5);
    }
    expect(client.received).toBe('');
    late.resolve();
    for (const target of ['/1', '/2', '/3']) expect((await client.response()).body).toBe(`for ${target}`);
  });

  it('that asks on and on before it is answered is not read for long', async () => {
    const { router, backend } = await routed(undefined);
    const client = await router.connect();
    client.send(GET);
    const connection = await backend.accept();
    await connection.takeRequest();
    const piece = GET.repeat(30_000);
    let taken = 0;
    while (taken < 50 && (await isTaken(client, piece))) taken++;
    expect(taken).toBeLessThan(50);
    connection.send(ok('first'));
    expect((await client.response()).body).toBe('first');
    await connection.takeRequest();
  });

  it('that does not read the end of its response is closed when its time is over', async () => {
    const wish = {
      listener: { timeouts: { bodyIdleMs: 100 } },
      pool: { timeouts: { idleMs: 60_000 } },
    } as const;
    const { router } = await routed(() => ok('x'.repeat(6_000_000), 'Connection: close'), wish);
    const client = await router.connect();
    client.socket.pause();
    client.send(get('/', 'Connection: close'));
    await pause(50);
    router.plane.drain(100).catch(() => {});
    await eventually(() => router.plane.counters.connections === 0, 'its connection gone');
  });

  it('within the fields of its second request gets 408, though the first came in pieces too', async () => {
    let nowMs = 1_000_000_000_000;
    const { router } = await routed(() => ok(), {
      listener: { timeouts: { headersMs: 1000, keepAliveMs: 60_000 } },
      now: () => nowMs,
    });
    const client = await router.connect();
    client.send(GET.slice(0, 20));
    await pause(20);
    expect((await client.request(GET.slice(20))).status).toBe(200);
    client.send(GET.slice(0, 20));
    await pause(50);
    nowMs += 1500;
    expect((await client.response()).status).toBe(408);
  });

  it('that has read leaves its backend all of the time for what comes next', async () => {
    let nowMs = 1_000_000_000_000;
    const { router, client, connection, exchange } = await unreading({ now: () => nowMs });
    connection.send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
    const piece = `3000\r\n${'x'.repeat(0x3000)}\r\n`;
    const bytesOut = () => exchange.bytesOut;
    for (let before = 0; exchange.forwarding?.responding?.isPaused !== true; before = bytesOut()) {
      connection.send(piece);
      await eventually(() => bytesOut() > before, 'it passed on');
    }
    let came = 0;
    client.socket.removeAllListeners('data');
    client.socket.on('data', (chunk: Buffer) => {
      came += chunk.length;
    });
    nowMs += 50_000;
    client.socket.resume();
    await eventually(() => came === bytesOut(), 'all that was sent');
    await pause(50);
    nowMs += 50_000;
    await pause(50);
    connection.send('0\r\n\r\n');
    await eventually(() => router.isQuiet, 'quiet');
    expect(exchange.outcome).toMatchObject({ type: 'responded' });
  });

  it('whose PROXY header came in two pieces has its time for the request none the less', async () => {
    let nowMs = 1_000_000_000_000;
    const router = await routerOver({
      listener: { proxyProtocol: true, timeouts: { headersMs: 80, keepAliveMs: 5000 } },
      now: () => nowMs,
    });
    const client = await router.connect();
    client.send('PROXY TCP4 192.0.2.1 ');
    await pause(20);
    client.send('192.0.2.2 1 2\r\n');
    await pause(20);
    nowMs += 200;
    await pause(50);
    expect((await client.request(GET)).status).toBe(503);
  });

  it.each([
    ['said that it would not', get('/', 'Connection: close')],
    ['speaks HTTP/1.0', 'GET / HTTP/1.0\r\nHost: app.test\r\n\r\n'],
  ])('that asks on though it %s gets all of its answer', async (_, request) => {
    // The system takes all of it, and the client no more than its window.
    const { router } = await routed(() => ok('x'.repeat(400_000)), LOGGED);
    const client = await router.connect();
    client.socket.pause();
    client.send(request);
    await eventually(() => router.log !== '', 'the end of the request');
    client.send(GET);
    await pause(50);
    client.socket.resume();
    expect((await client.response()).complete).toBe(true);
    await client.ends();
    expect(client).toMatchObject({ received: '', error: undefined });
    await eventually(() => router.isQuiet, 'quiet');
  });

  it('that idles between requests is closed', async () => {
    const { router } = await routed(() => ok(), slow);
    const client = await router.connect();
    // Before the request: a busy machine reads the answer late.
    const before = performance.now();
    expect((await client.request(GET)).status).toBe(200);
    await client.ends();
    expect(performance.now() - before).toBeGreaterThanOrEqual(70);
  });
});

describe('a response that ends with the connection, cut short by its client', () => {
  const HTTP10 = 'GET / HTTP/1.0\r\nHost: app.test\r\n\r\n';

  it.each([
    ['until the end', 'HTTP/1.1 200 OK\r\n\r\n'],
    ['in chunks', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1312d00\r\n'],
  ])('is no whole one where it reads too slowly: %s', async (_, head) => {
    const { router } = await routed(() => head + 'x'.repeat(20_000_000), {
      ...LOGGED,
      pool: { timeouts: { idleMs: 100, abortLingerMs: 50 } },
    });
    const client = await router.connect();
    client.socket.pause();
    client.send(HTTP10);
    await eventually(() => router.log.includes('code=H28'), 'a line');
    client.socket.resume();
    await eventually(() => client.closed, 'the end');
    expect(client.error).toMatchObject({ code: 'ECONNRESET' });
  });

  it('is no whole one where it says goodbye, and reads on', async () => {
    const { router } = await routed(() => 'HTTP/1.1 200 OK\r\n\r\nabc', LOGGED);
    const client = await router.connect();
    client.send(HTTP10);
    await client.receives('abc');
    client.end();
    await eventually(() => client.closed, 'the end');
    expect(client.error).toMatchObject({ code: 'ECONNRESET' });
    await eventually(() => router.log.includes('code=H27'), 'a line');
  });

  it.each(['when its time is over', 'when the router is'])(
    'is no whole one where the last of it is not read in time: %s',
    async (when) => {
      const { router, client, connection, exchange } = await unreading({
        listener: { timeouts: { bodyIdleMs: when === 'when its time is over' ? 100 : 60_000 } },
      });
      connection.send('HTTP/1.1 200 OK\r\n\r\n');
      const piece = 'x'.repeat(8000);
      let sent = 0;
      for (; exchange.client.pendingBytes === 0; sent += piece.length) {
        const before = exchange.bytesOut;
        connection.send(piece);
        while (exchange.bytesOut < before + piece.length) await pause(0);
      }
      connection.end();
      await eventually(() => exchange.outcome?.type === 'responded', 'all of it taken');
      if (when === 'when the router is') await router.close();
      else await eventually(() => router.plane.counters.connections === 0, 'its connection gone');
      client.socket.resume();
      await eventually(() => client.closed, 'the end');
      expect(client.received.length).toBeLessThan(sent);
      expect(client.error).toMatchObject({ code: 'ECONNRESET' });
    },
  );
});

describe('connections', () => {
  it('beyond the limit are closed unanswered and counted', async () => {
    const { router } = await routed(() => ok(), { listener: { limits: { connections: 2 } } });
    const first = await router.connect();
    await router.connect();
    const third = await router.connect();
    await third.ends();
    expect(third.total).toBe('');
    expect(router.plane.counters.refusedConnections).toBe(1);
    first.close();
    await eventually(() => router.plane.counters.connections === 1, 'one less');
    expect((await (await router.connect()).request(GET)).status).toBe(200);
  });

  it('beyond the limit of one address are closed too', async () => {
    const { router } = await routed(() => ok(), {
      listener: { limits: { connections: 2, connectionsPerAddress: 1 } },
    });
    const first = await router.connect();
    for (let i = 0; i < 3; i++) await (await router.connect()).ends();
    // They are not among those of all addresses. On Linux all of 127.0.0.0/8 is this host.
    if (process.platform === 'linux') {
      const from = { host: '127.0.0.1', localAddress: '127.0.0.2' };
      const other = new RawClient(connect({ port: router.port, ...from }));
      expect((await other.request(GET)).status).toBe(200);
      other.close();
    }
    first.close();
    await eventually(() => router.plane.counters.connections === 0, 'none');
    expect((await (await router.connect()).request(GET)).status).toBe(200);
  });

  it('behind a load balancer are counted by the address that it names, and closed unanswered', async () => {
    const { router } = await routed(() => ok(), {
      listener: { proxyProtocol: true, limits: { connectionsPerAddress: 1 } },
    });
    const of = (address: string) => `PROXY TCP4 ${address} 10.0.0.1 1234 80\r\n${GET}`;
    const first = await router.connect();
    expect((await first.request(of('203.0.113.1'))).status).toBe(200);
    expect((await (await router.connect()).request(of('203.0.113.2'))).status).toBe(200);
    const third = await router.connect();
    await third.send(of('203.0.113.1')).ends();
    expect(third.total).toBe('');
    expect(router.plane.counters.refusedConnections).toBe(1);
    first.close();
    await eventually(() => router.plane.counters.connections === 1, 'one less');
    expect((await (await router.connect()).request(of('203.0.113.1'))).status).toBe(200);
  });
});

describe('a malformed request', () => {
  it.each([
    ['no host', 'GET / HTTP/1.1\r\n\r\n', 400],
    ['a line too long', get(`/${'a'.repeat(8192)}`), 414],
    ['a head too large', get('/', `x: ${'v'.repeat(8193)}`), 431],
    ['another version', 'GET / HTTP/2.0\r\nHost: app.test\r\n\r\n', 505],
    ['two framings', get('/', 'Content-Length: 3', 'Transfer-Encoding: chunked'), 400],
    ['another expectation', get('/', 'Expect: whatever'), 417],
    ['a bad chunk', 'POST / HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n', 400],
  ])('with %s is refused and its connection closed', async (_, request, status) => {
    const { router, backend } = await routed(() => ok());
    const client = await router.connect();
    const response = await client.request(request);
    expect(response).toMatchObject({ status, complete: true });
    expect(response.headers.get('connection')).toBe('close');
    await client.ends();
    expect(backend.requests.length).toBe(0);
    await eventually(() => router.isQuiet, 'quiet');
  });

  it('to an unknown host is told that first', async () => {
    const { router } = await routed(() => ok());
    const request = 'GET / HTTP/1.1\r\nHost: other.test\r\nExpect: whatever\r\n\r\n';
    expect((await (await router.connect()).request(request)).status).toBe(404);
  });

  it('to a host that was published a moment ago is not told that it is unknown', async () => {
    const { router } = await routed(() => ok());
    router.atFence = () => router.domains.set('new.test', router.domains.get('app.test') as DomainRoute);
    const request = 'GET / HTTP/1.1\r\nHost: new.test\r\nExpect: whatever\r\n\r\n';
    expect((await (await router.connect()).request(request)).status).toBe(417);
  });

  it('behind a good one is refused after the good one is answered', async () => {
    const { router } = await routed(async () => {
      await pause(20);
      return ok('first');
    });
    const client = await router.connect();
    client.send(`${GET}GET / HTTP/9.9\r\n\r\n`);
    expect((await client.response()).body).toBe('first');
    expect((await client.response()).status).toBe(505);
    await client.ends();
  });

  it('gets its answer though it goes on sending', async () => {
    const { router } = await routed(() => ok());
    const client = await router.connect();
    client.send(`GET /${'a'.repeat(1_000_000)} HTTP/1.1\r\n`);
    expect((await client.response()).status).toBe(414);
    await client.ends();
  });
});

describe('the end of the plane', () => {
  it('lets requests finish, closes idle connections, and says close on the last response', async () => {
    const { router, backend } = await routed();
    const idle = await router.connect();
    const client = await router.connect();
    client.send(GET);
    const connection = await backend.accept();
    await connection.takeRequest();
    const drained = router.plane.drain(5000);
    await idle.ends();
    connection.send(ok());
    const response = await client.response();
    expect(response.headers.get('connection')).toBe('close');
    client.end();
    await drained;
    expect(router.isQuiet).toBe(true);
  });

  it('lets others have their turns between the pipelined requests of one', async () => {
    const { router } = await routed(() => ok());
    const [one, other] = [await router.connect(), await router.connect()];
    // One read, all of which the router answers itself.
    one.send('GET / HTTP/1.1\r\nHost:a\r\n\r\n'.repeat(2400));
    other.send(GET);
    expect((await other.response()).status).toBe(200);
    expect(router.plane.counters.requests).toBeLessThan(1200);
    await eventually(() => one.received.split('HTTP/1.1 404 ').length > 2400, 'all answers');
  });

  it('begins no pipelined request of a client that reads no answers, which gets all that were given', async () => {
    let nowMs = 1_000_000_000_000;
    const router = await routerOver({ now: () => nowMs });
    const client = await router.connect();
    client.socket.pause();
    const piece = `GET /${'a'.repeat(1000)} HTTP/1.1\r\nHost: nobody.test\r\n\r\n`.repeat(1000);
    while (await isTaken(client, piece));
    const drained = router.plane.drain(5000, 100);
    await pause(200);
    // Longer than who has got everything has to say goodbye, but not as long as it may take to read.
    nowMs += 3000;
    await pause(50);
    const begun = router.plane.counters.requests;
    client.socket.resume();
    await client.ends();
    expect(client.error).toBeUndefined();
    expect(client.received.endsWith('</html>\n')).toBe(true);
    expect(client.received.split('HTTP/1.1 404 Not Found').length - 1).toBe(begun);
    client.close();
    expect(await drained).toBe(0);
  });

  it('cuts what is unfinished when the time is over: H24', async () => {
    const { router, backend } = await routed(undefined, LOGGED);
    const client = await router.connect();
    client.send(GET);
    await (await backend.accept()).takeRequest();
    await router.plane.drain(50);
    await client.ends();
    expect(router.log).toContain('code=H24');
    expect(router.isQuiet).toBe(true);
  });
});
