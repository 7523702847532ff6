import { describe, expect, it } from 'vitest';
import { eventually, pause } from '../support/eventually.ts';
import type { PlaneUnderTest } from '../support/plane-under-test.ts';
import { backendThat, GET, get, post, routed, routerOver } from '../support/routed.ts';
import { ok } from '../support/scripted-backend.ts';

describe('an idle backend connection', () => {
  it('is closed after upstreamKeepAliveMs', async () => {
    const { router, backend } = await routed(() => ok(), { pool: { timeouts: { upstreamKeepAliveMs: 50 } } });
    const client = await router.connect();
    await client.request(GET);
    await eventually(() => backend.open === 0, 'none open', 3000);
    expect((await client.request(GET)).status).toBe(200);
    expect(backend.connections.length).toBe(2);
  });

  it('has as long as it needs for the request that takes it, whatever was left of its idle time', async () => {
    let nowMs = 1_000_000_000_000;
    const { router, backend } = await routed(
      async ({ target }) => {
        if (target === '/slow') nowMs += 150;
        await pause(30);
        return ok();
      },
      { pool: { timeouts: { upstreamKeepAliveMs: 50 } }, now: () => nowMs },
    );
    const client = await router.connect();
    await client.request(GET);
    expect((await client.request(post('x').replace('/', '/slow'))).status).toBe(200);
    expect(backend.connections.length).toBe(1);
  });

  it.each([{ timeouts: { upstreamKeepAliveMs: 0 } }, { limits: { idlePerBackend: 0 } }])(
    'is not kept where there is to be none: %j',
    async (pool) => {
      const { router, backend } = await routed(() => ok(), { pool });
      const client = await router.connect();
      for (let i = 0; i < 3; i++) expect((await client.request(GET)).status).toBe(200);
      expect(backend.connections.length).toBe(3);
    },
  );

  it.each(['Connection: close', 'Keep-Alive: x'])(
    'is kept unless the backend says close: %s',
    async (field) => {
      const { router, backend } = await routed(() => ok('hello', field));
      const client = await router.connect();
      for (let i = 0; i < 2; i++) {
        const response = await client.request(GET);
        expect(response.headers.get('connection')).toBe('keep-alive');
        expect(response.headers.has('keep-alive')).toBe(false);
      }
      expect(backend.connections.length).toBe(field === 'Connection: close' ? 2 : 1);
    },
  );

  it('is never kept after an HTTP/1.0 response that does not ask for it', async () => {
    const { router, backend } = await routed(() => ok().replace('HTTP/1.1', 'HTTP/1.0'));
    const client = await router.connect();
    for (let i = 0; i < 2; i++) expect((await client.request(GET)).version).toBe('HTTP/1.1');
    expect(backend.connections.length).toBe(2);
  });

  it('that says something unasked is closed, and nobody hears it', async () => {
    const { router, backend } = await routed(() => ok());
    const client = await router.connect();
    await client.request(GET);
    const [connection] = backend.connections;
    connection?.send('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil');
    await connection?.ends();
    expect((await client.request(GET)).body).toBe('hello');
    expect(client.received).toBe('');
  });

  it('with bytes behind the response is not used again', async () => {
    const { router, backend } = await routed(() => `${ok()}HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil`);
    const client = await router.connect();
    for (let i = 0; i < 3; i++) expect((await client.request(GET)).body).toBe('hello');
    expect(backend.connections.length).toBe(3);
  });

  it('is the last one used', async () => {
    const both = Promise.withResolvers<void>();
    let slow = 0;
    const { router, backend } = await routed(async (request) => {
      if (request.target === '/slow' && ++slow === 2) both.resolve();
      await both.promise;
      return ok();
    });
    const [one, two] = [await router.connect(), await router.connect()];
    await Promise.all([one.request(get('/slow')), two.request(get('/slow'))]);
    for (let i = 0; i < 4; i++) await one.request(GET);
    expect(backend.connections.map((connection) => connection.requests).sort()).toEqual([1, 5]);
  });

  it('is read again though the client was late to take the end of the response before', async () => {
    const { router, backend } = await routed(
      ({ target }) => ok(target === '/last' ? 'over' : 'x'.repeat(14_000)),
      {
        pool: { timeouts: { firstByteMs: 2000 } },
      },
    );
    const client = await router.connect();
    client.socket.pause();
    client.send(GET.repeat(1500) + get('/last'));
    let answered = -1;
    while (answered < backend.requests.length) {
      answered = backend.requests.length;
      await pause(100);
    }
    // More than the client's side takes unread: a response was complete with some of it still to be sent.
    expect(answered).toBeLessThan(1500);
    let came = '';
    client.socket.removeAllListeners('data');
    client.socket.on('data', (chunk: Buffer) => {
      came = (came + chunk.toString('latin1')).slice(-4);
    });
    client.socket.resume();
    await eventually(() => came === 'over', 'the last response');
    expect(backend.connections).toHaveLength(1);
    expect(backend.requests).toHaveLength(1501);
  });

  it('beyond idlePerBackend is closed', async () => {
    const { router, backend } = await routed(
      async () => {
        await pause(30);
        return ok();
      },
      { pool: { limits: { idlePerBackend: 1 } } },
    );
    const clients = await Promise.all([1, 2, 3].map(() => router.connect()));
    await Promise.all(clients.map((client) => client.request(GET)));
    await eventually(() => backend.open === 1, 'one open');
  });

  it('without a claim under a limit that is new is closed', async () => {
    const { router, backend } = await routed(() => ok());
    await (await router.connect()).request(GET);
    expect(backend.open).toBe(1);
    await router.setBackends({ 'web.1': { port: backend.port, maxConcurrency: 1 } });
    router.plane.deliver();
    await eventually(() => backend.open === 0, 'none open', 3000);
  });

  it('that a request left after a limit came makes no more of them than that', async () => {
    const { router, backend } = await routed(async () => {
      await pause(30);
      return ok();
    });
    const clients = await Promise.all([1, 2, 3].map(() => router.connect()));
    const answers = Promise.all(clients.map((client) => client.request(GET)));
    await eventually(() => backend.requests.length === 3, 'three requests');
    await router.setBackends({ 'web.1': { port: backend.port, maxConcurrency: 1 } });
    await answers;
    expect((await clients[0]?.request(GET))?.status).toBe(200);
    await eventually(() => backend.open <= 1, 'one open at most', 3000);
  });

  it('under a limit counts until the backend has closed it, too', async () => {
    const { router, backend } = await routed(
      undefined,
      { pool: { timeouts: { upstreamKeepAliveMs: 50 } } },
      1,
    );
    const client = await router.connect();
    client.send(GET);
    const first = await backend.accept();
    await first.takeRequest();
    first.send(ok());
    expect((await client.response()).status).toBe(200);
    await first.ends();
    client.send(GET);
    await pause(200);
    expect(backend.connections.length).toBe(1);
    first.end();
    const second = await backend.accept();
    await second.takeRequest();
    second.send(ok());
    expect((await client.response()).status).toBe(200);
  });

  it('makes room for a later one, so that stale ones do not make every POST connect anew', async () => {
    let nowMs = 1_000_000_000_000;
    const { router, backend } = await routed(() => ok(), {
      pool: { limits: { idlePerBackend: 1 }, timeouts: { upstreamKeepAliveMs: 60_000 } },
      now: () => nowMs,
    });
    const client = await router.connect();
    await client.request(GET);
    nowMs += 1000;
    for (let i = 0; i < 5; i++) expect((await client.request(post('x'))).status).toBe(200);
    // The first POST takes none that has been idle for a second; the others take its own.
    expect(backend.connections.map((connection) => connection.requests)).toEqual([1, 5]);
    expect(backend.open).toBe(1);
  });
});

const connectionsOf = ({ plane }: PlaneUnderTest) => plane.metrics().totals['upstreamConnections'];

/** A backend that answers the first request of a connection and closes in the face of the second. */
function fickle(close: 'end' | 'reset') {
  return backendThat((_, connection) => {
    if (connection.requests === 1) return ok(`${connection.number}`);
    if (close === 'end') connection.end();
    else connection.reset();
    return undefined;
  });
}

describe('a connection that had been closed when it was used again', () => {
  it.each(['end', 'reset'] as const)(
    'by %s: a GET is sent once more, on a fresh one, under the same lease',
    async (how) => {
      const backend = await fickle(how);
      const router = await routerOver({ backends: { 'web.1': { port: backend.port } } });
      const client = await router.connect();
      expect((await client.request(GET)).body).toBe('0');
      expect((await client.request(GET)).body).toBe('1');
      expect(router.plane.counters).toMatchObject({ checkouts: 2, checkins: 2, resends: 1 });
      expect(router.reports).toEqual([]);
    },
  );

  it('is no reason not to ask another backend the same way, once the first is gone', async () => {
    const gone = await backendThat((_, { requests }) => {
      if (requests === 1) return ok('gone');
      void gone.close();
      return undefined;
    });
    const other = await fickle('end');
    const backends = { 'web.1': { port: gone.port }, 'web.2': { port: other.port } };
    const router = await routerOver({ backends, pool: { policy: 'round-robin' } });
    const client = await router.connect();
    const bodies = new Set([(await client.request(GET)).body, (await client.request(GET)).body]);
    expect(bodies).toEqual(new Set(['gone', '0']));
    // Whichever comes first, the one that is gone is asked, and the other on the connection that it closes.
    const answers = [await client.request(GET), await client.request(GET)];
    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
    expect(router.plane.counters).toMatchObject({ resends: 3, connectFailures: 1 });
  });

  it('what it had said before it was asked answers nothing', async () => {
    const { router, backend } = await routed(() => ok('mine'));
    const client = await router.connect();
    await client.request(GET);
    const [connection] = backend.connections;
    client.send(GET);
    connection?.send(ok('evil')).reset();
    expect((await client.response()).body).toBe('mine');
    expect(router.plane.counters).toMatchObject({ resends: 1 });
  });

  it('a PUT whose body is held is sent once more, whole', async () => {
    const backend = await fickle('reset');
    const router = await routerOver({ backends: { 'web.1': { port: backend.port } } });
    const client = await router.connect();
    await client.request(GET);
    expect((await client.request(post('x'.repeat(60_000)).replace('POST', 'PUT'))).body).toBe('1');
    expect(backend.requests.at(-1)?.body.length).toBe(60_000);
  });

  it.each([
    ['by length', 'Content-Length: 8', 'abcd', 'efgh'],
    ['in chunks', 'Transfer-Encoding: chunked', '4\r\nabcd\r\n', '4\r\nefgh\r\n0\r\n\r\n'],
  ])('a PUT whose body comes in pieces, %s, is sent once more, whole', async (_, framing, ...pieces) => {
    const backend = await fickle('reset');
    const router = await routerOver({ backends: { 'web.1': { port: backend.port } } });
    const client = await router.connect();
    await client.request(GET);
    client.send(get('/', framing).replace('GET', 'PUT'));
    for (const piece of pieces) {
      await pause(10);
      client.send(piece);
    }
    expect((await client.response()).body).toBe('1');
    expect(backend.requests.slice(1).map((request) => request.body)).toEqual(['abcdefgh', 'abcdefgh']);
  });

  it('a PUT with more than is held is not', async () => {
    const backend = await fickle('reset');
    const router = await routerOver({ backends: { 'web.1': { port: backend.port } } });
    const client = await router.connect();
    await client.request(GET);
    const body = 'x'.repeat(200_000);
    expect((await client.request(post(body).replace('POST', 'PUT'))).status).toBe(503);
    expect(backend.requests.length).toBe(2);
  });

  it('a POST is delivered once, whatever becomes of it', async () => {
    const backend = await fickle('reset');
    const router = await routerOver({ backends: { 'web.1': { port: backend.port } } });
    const client = await router.connect();
    await client.request(GET);
    expect((await client.request(post('x'))).status).toBe(503);
    expect(backend.requests.filter((request) => request.method === 'POST').length).toBe(1);
  });

  it('a POST takes no connection that has been idle for a second', async () => {
    let nowMs = 1_000_000_000_000;
    const { router, backend } = await routed(() => ok(), {
      pool: { timeouts: { upstreamKeepAliveMs: 10_000 } },
      now: () => nowMs,
    });
    const client = await router.connect();
    await client.request(GET);
    nowMs += 1000;
    expect((await client.request(post('x'))).status).toBe(200);
    expect(backend.connections.length).toBe(2);
    expect((await client.request(post('x'))).status).toBe(200);
    expect(backend.connections.length).toBe(2);
  });

  it.each(['end', 'reset', 'say 408'] as const)(
    'a POST takes none idle for half of what the backend left another idle, and a GET does: by %s',
    async (how) => {
      let nowMs = 1_000_000_000_000;
      const { router, backend } = await routed(() => ok(), { now: () => nowMs });
      const client = await router.connect();
      await client.request(GET);
      nowMs += 600;
      const [first] = backend.connections;
      if (how === 'end') first?.end();
      else if (how === 'reset') first?.reset();
      else first?.send('HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n');
      await eventually(() => connectionsOf(router) === 0, 'the router to know of it');
      for (const [idleMs, request, connections] of [
        [0, post('x'), 2],
        [20, post('x'), 2],
        [350, GET, 2],
        [350, post('x'), 3],
      ] as const) {
        nowMs += idleMs;
        expect((await client.request(request)).status).toBe(200);
        expect(backend.connections.length).toBe(connections);
      }
    },
  );

  it('costs one POST of those that wait for a backend which ends each without saying so', async () => {
    // Nothing takes any time.
    const wish = { now: () => 1_000_000_000_000 };
    const { router } = await routed((_, connection) => void connection.send(ok()).end(), wish, 1);
    const clients = await Promise.all(Array.from({ length: 12 }, () => router.connect()));
    const responses = await Promise.all(clients.map((client) => client.request(post('x'))));
    expect(responses.map(({ status }) => status).filter((status) => status !== 200)).toEqual([503]);
  });

  it('no POST is lost to a backend that ends connections after 300 ms', async () => {
    let nowMs = 1_000_000_000_000;
    const { router, backend } = await routed(() => ok(), { now: () => nowMs });
    const client = await router.connect();
    await client.request(GET);
    nowMs += 300;
    backend.connections[0]?.end();
    await eventually(() => connectionsOf(router) === 0, 'the first one ended');
    for (let i = 0; i < 20; i++) {
      nowMs += 298 + (i % 5);
      // In the very moment.
      client.send(post('x'));
      backend.connections.at(-1)?.end();
      expect((await client.response()).status).toBe(200);
    }
  });
});
