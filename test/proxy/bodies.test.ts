import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, Socket } from 'node:net';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import type { Exchange } from '../../src/proxy/exchange.ts';
import { eventually, pause } from '../support/eventually.ts';
import { parseChunked, RawClient } from '../support/raw-client.ts';
import { closing, GET, get, post, routed, routerOver } from '../support/routed.ts';
import { ok } from '../support/scripted-backend.ts';
import { tempDirectory } from '../support/temp-directory.ts';

const MEGABYTE = 1_048_576;

function chunked(body: string, size: number): string {
  let text = '';
  for (let at = 0; at < body.length; at += size) {
    const piece = body.slice(at, at + size);
    text += `${piece.length.toString(16)}\r\n${piece}\r\n`;
  }
  return `${text}0\r\n\r\n`;
}

function noise(bytes: number): string {
  let text = '';
  for (let i = 0; text.length < bytes; i++) text += createHash('sha256').update(`${i}`).digest('latin1');
  return text.slice(0, bytes);
}

const PIECES = 1000;
const CHUNKED_HEAD = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n';
/** No size is in its canonical form, so each chunk's framing is written anew. */
const PADDED = `${'01\r\nx\r\n'.repeat(PIECES)}0\r\n\r\n`;
const PLAIN_CHUNKS = `${'1\r\nx\r\n'.repeat(PIECES)}0\r\n\r\n`;
const UPLOAD = `POST / HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\n${PADDED}`;
const OLD_GET = 'GET / HTTP/1.0\r\nHost: app.test\r\n\r\n';
const HINTS = `${'HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(PIECES)}${ok('x'.repeat(PIECES))}`;

describe('what arrives in many small pieces', () => {
  it.each([
    ['a response in chunks', GET, CHUNKED_HEAD + PADDED],
    ['a response in chunks, for HTTP/1.0', OLD_GET, CHUNKED_HEAD + PLAIN_CHUNKS],
    ['an upload in chunks', UPLOAD, undefined],
    ['interim responses', GET, HINTS],
  ])(
    'leaves in few writes, each of which costs as much as thousands of bytes: %s',
    async (_, request, answer) => {
      const { router, backend } = await routed(({ body }) => answer ?? ok(body));
      const client = await router.connect();
      const headBytes = request.indexOf('\r\n\r\n') + 4;
      client.send(request.slice(0, headBytes - 1));
      await pause(5);
      // What is held until there is a connection leaves as one anyway.
      if (answer === undefined) {
        client.send(request.slice(headBytes - 1, headBytes));
        await eventually(() => backend.connections[0]?.received.endsWith('\r\n\r\n') === true, 'its head');
      }
      const writes = vi.spyOn(Socket.prototype, 'write');
      client.send(request.slice(answer === undefined ? headBytes : headBytes - 1));
      await client.receives(answer === HINTS ? 'x'.repeat(PIECES) : 'x');
      await eventually(() => client.received.split('x').length > PIECES, 'the whole body');
      const count = writes.mock.calls.length;
      writes.mockRestore();
      expect(count).toBeLessThan(50);
    },
  );
});

/** So many bytes that neither kernel holds them, of which none looks like those before. */
function numbered(): string {
  return Array.from({ length: 1_600_000 }, (_, line) => `${line}\n`).join('');
}

/** More than a megabyte has passed, and for a while no more does. */
async function hasStopped(bytes: () => number): Promise<void> {
  await eventually(() => bytes() > MEGABYTE, 'a megabyte');
  for (let before = 0; before < bytes(); await pause(200)) before = bytes();
}

/** Each is read before the next is sent, so that reads are of all sizes up to this. */
async function sendInPieces(to: RawClient, text: string, bytes: number): Promise<void> {
  for (let at = 0; at < text.length; at += bytes) {
    to.send(text.slice(at, at + bytes));
    await setImmediate();
  }
}

describe('a body', () => {
  const large = noise(3 * MEGABYTE);

  it.each([0, 1, 100, 16_383, 16_384, 65_535, 65_536, 65_537, 200_000])(
    'of %i bytes goes both ways unchanged',
    async (bytes) => {
      const { router, backend } = await routed((request) => ok(request.body));
      const client = await router.connect();
      const body = noise(bytes);
      for (let i = 0; i < 2; i++) expect((await client.request(post(body))).body === body).toBe(true);
      expect(backend.connections.length).toBe(1);
    },
  );

  it('in chunks of any size goes both ways unchanged', async () => {
    const { router } = await routed(
      (request) => `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunked(request.body, 777)}`,
    );
    const client = await router.connect();
    const body = noise(100_000);
    for (const size of [1000, 16_384, 70_000]) {
      const head = 'POST / HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\n';
      expect((await client.request(head + chunked(body, size))).body === body).toBe(true);
    }
  });

  it.each([
    ['by length', 40_000, undefined],
    ['in chunks', 40_000, 999],
    ['in chunks', 70_000, 20_000],
  ] as const)(
    '%s, %i bytes at a time, that nobody takes for a while is the same body',
    async (_, bytes, size) => {
      const { router, backend } = await routed(undefined);
      const client = await router.connect();
      const body = numbered();
      const text = size === undefined ? body : chunked(body, size);
      const framing = size === undefined ? `Content-Length: ${body.length}` : 'Transfer-Encoding: chunked';
      const arrived = async (at: RawClient) => {
        at.socket.resume();
        const isThere = () =>
          at.received.length >= text.length && (size === undefined || at.received.endsWith('\r\n0\r\n\r\n'));
        await at.until(isThere, 'all of it');
        return size === undefined ? at.received : parseChunked(at.received, 0)?.body;
      };

      client.send(`POST / HTTP/1.1\r\nHost: app.test\r\n${framing}\r\n\r\n`);
      const connection = await backend.accept();
      await connection.takeHead();
      connection.socket.pause();
      await sendInPieces(client, text, bytes);
      expect((await arrived(connection)) === body).toBe(true);

      client.socket.pause();
      connection.send(`HTTP/1.1 200 OK\r\n${framing}\r\n\r\n`);
      await sendInPieces(connection, text, bytes);
      client.socket.resume();
      await client.receives('\r\n\r\n');
      client.received = client.received.slice(client.received.indexOf('\r\n\r\n') + 4);
      expect((await arrived(client)) === body).toBe(true);
    },
  );

  // A socket file holds some 200 KiB: one of these bodies ends with bytes that the kernel has not taken yet.
  it.each([120_000, 160_000, 200_000, 240_000, 280_000])(
    'of %i bytes that nobody takes for a while has none of the next request in it',
    async (bytes) => {
      const connections: RawClient[] = [];
      await using directory = await tempDirectory();
      const path = join(directory.path, 'backend.sock');
      const server = createServer((socket) => connections.push(new RawClient(socket.pause())));
      await once(server.listen(path), 'listening');
      closing({ close: async () => void server.close() });
      const router = await routerOver({ backends: { 'web.1': { port: 1, path } } });
      for (const letter of ['a', 'b']) {
        const client = await router.connect();
        client.send(post(letter.repeat(bytes)));
        await pause(30);
      }
      for (const [i, letter] of ['a', 'b'].entries()) {
        const connection = connections[i] as RawClient;
        connection.socket.resume();
        await connection.until(() => connection.received.length > bytes + 100, 'all of it');
        expect(connection.received.endsWith(`\r\n\r\n${letter.repeat(bytes)}`)).toBe(true);
        connection.close();
      }
    },
  );

  it('byte by byte is the same body', async () => {
    const { router } = await routed((request) => ok(request.body + (request.trailers[1] ?? '')));
    const client = await router.connect();
    const text =
      'POST / HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\n3;x=1\r\nabc\r\n0\r\nt: u\r\n\r\n';
    for (const byte of text) {
      client.send(byte);
      await pause(0);
    }
    expect((await client.response()).body).toBe('abcu');
  });

  it('of a response that ends with the connection arrives whole, and ends with the connection', async () => {
    const { router } = await routed(
      (_, connection) => void connection.send(`HTTP/1.1 200 OK\r\n\r\n${large}`).end(),
    );
    const client = await router.connect();
    const response = await client.request(GET);
    expect(response.headers.get('connection')).toBe('close');
    expect(response.body === large).toBe(true);
    await eventually(() => router.isQuiet, 'quiet');
  });

  it('is taken from the backend no faster than the client reads it', async () => {
    const { router, backend } = await routed(undefined);
    const client = await router.connect();
    client.socket.pause();
    client.send(GET);
    const connection = await backend.accept();
    await connection.takeRequest();
    const total = 64 * MEGABYTE;
    connection.send(`HTTP/1.1 200 OK\r\nContent-Length: ${total}\r\n\r\n`);
    const piece = Buffer.alloc(MEGABYTE, 'x');
    for (let i = 0; i < 64; i++) connection.socket.write(piece);
    await pause(200);
    const held = connection.socket.writableLength;
    // Kernel buffers hold a few megabytes on each side; the router itself next to nothing.
    expect(held).toBeGreaterThan(40 * MEGABYTE);
    let received = 0;
    client.socket.removeAllListeners('data');
    client.socket.on('data', (chunk: Buffer) => {
      received += chunk.length;
    });
    client.socket.resume();
    await eventually(() => received > total, 'all of it');
    await eventually(() => router.isQuiet, 'quiet');
  });

  it('of each response is its own, however many wait for a client that is late to read them', async () => {
    const bytes = 40_000;
    const letter = (target: string) => String.fromCharCode(97 + (Number(target.slice(1)) % 26));
    const { router, backend } = await routed(({ target }) => ok(letter(target).repeat(bytes)));
    const client = await router.connect();
    client.socket.pause();
    const targets = Array.from({ length: 600 }, (_, at) => `/${at}`);
    client.send(targets.map((target) => get(target)).join(''));
    await hasStopped(() => backend.requests.length * bytes);
    expect(backend.requests.length).toBeLessThan(targets.length);
    const chunks: Buffer[] = [];
    let came = 0;
    client.socket.removeAllListeners('data');
    client.socket.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      came += chunk.length;
    });
    client.socket.resume();
    await eventually(() => backend.requests.length === targets.length, 'all requests');
    await hasStopped(() => came);
    const whole = Buffer.concat(chunks);
    let at = 0;
    for (const target of targets) {
      at = whole.indexOf('\r\n\r\n', at) + 4;
      expect(whole.toString('latin1', at, at + bytes) === letter(target).repeat(bytes), target).toBe(true);
      at += bytes;
    }
    expect(at).toBe(whole.length);
  });

  it('of a response that a crash cuts while the client does not read is sound as far as it comes', async () => {
    const body = numbered();
    let exchange: Exchange | undefined;
    const { router } = await routed(() => ok(body), {
      pool: { timeouts: { abortLingerMs: 500 } },
      observe: (request) => {
        exchange = request as Exchange;
      },
    });
    const client = await router.connect();
    client.socket.pause();
    client.send(GET);
    await hasStopped(() => exchange?.bytesOut ?? 0);
    router.plane.crashRequest(new Error('of this test'));
    // The backend goes on meanwhile.
    await pause(100);
    client.socket.resume();
    await client.ends();
    const came = client.received.slice(client.received.indexOf('\r\n\r\n') + 4);
    expect(came.length).toBeGreaterThan(MEGABYTE);
    expect(came.length).toBeLessThan(body.length);
    expect(body.startsWith(came)).toBe(true);
  });

  it('of a request that a crash cuts while the backend does not read is sound as far as it comes', async () => {
    const body = numbered();
    let exchange: Exchange | undefined;
    const { router, backend } = await routed(undefined, {
      observe: (request) => {
        exchange = request as Exchange;
      },
    });
    const client = await router.connect();
    client.send(`POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: ${body.length}\r\n\r\n`);
    const connection = await backend.accept();
    await connection.takeHead();
    connection.socket.pause();
    client.send(body);
    await hasStopped(() => exchange?.bytesIn ?? 0);
    router.plane.crashRequest(new Error('of this test'));
    // The client goes on meanwhile.
    await pause(100);
    let came = '';
    connection.socket.removeAllListeners('data');
    connection.socket.on('data', (chunk: Buffer) => {
      came += chunk.toString('latin1');
    });
    connection.socket.resume();
    await eventually(() => connection.ended, 'the end');
    expect(came.length).toBeGreaterThan(MEGABYTE);
    expect(came.length).toBeLessThan(body.length);
    expect(body.startsWith(came)).toBe(true);
  });

  it('is taken from the client no faster than the backend reads it', async () => {
    const { router, backend } = await routed(undefined);
    const client = await router.connect();
    const total = 64 * MEGABYTE;
    client.send(`POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: ${total}\r\n\r\n`);
    const connection = await backend.accept();
    await connection.takeHead();
    connection.socket.pause();
    const piece = Buffer.alloc(MEGABYTE, 'x');
    for (let i = 0; i < 64; i++) client.socket.write(piece);
    await pause(200);
    expect(client.socket.writableLength).toBeGreaterThan(40 * MEGABYTE);
    let received = 0;
    connection.socket.removeAllListeners('data');
    connection.socket.on('data', (chunk: Buffer) => {
      received += chunk.length;
    });
    connection.socket.resume();
    await eventually(() => received === total, 'all of it');
    connection.send(ok());
    expect((await client.response()).status).toBe(200);
  });

  it('that waits for a backend is held, up to a bound', async () => {
    const { router, backend } = await routed(undefined, {}, 1);
    const first = (await router.connect()).send(GET);
    await eventually(() => router.inFlight()['web.1'] === 1, 'a lease');
    const client = await router.connect();
    const body = noise(4 * MEGABYTE);
    client.send(post(body));
    await eventually(() => router.waiting === 1, 'a waiter');
    const connection = await backend.accept();
    await connection.takeRequest();
    connection.send(ok());
    await first.response();
    const request = await connection.takeRequest();
    expect(request.body === body).toBe(true);
    connection.send(ok());
    expect((await client.response()).status).toBe(200);
  });
});

describe('an early response', () => {
  it('reaches a client that is still sending, and then the connection ends', async () => {
    const { router, backend } = await routed(undefined);
    const client = await router.connect();
    client.send('POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 16000\r\n\r\nabc');
    const connection = await backend.accept();
    await connection.takeHead();
    connection.send(ok('enough')).end();
    const response = await client.response();
    expect(response).toMatchObject({ status: 200, body: 'enough' });
    expect(response.headers.get('connection')).toBe('close');
    for (let i = 0; i < 10; i++) client.send('x'.repeat(1000));
    await client.ends();
    await eventually(() => router.isQuiet, 'quiet');
  });

  it('may go on while the upload does', async () => {
    const { router, backend } = await routed(undefined);
    const client = await router.connect();
    client.send('POST / HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\n');
    const connection = await backend.accept();
    await connection.takeHead();
    connection.send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
    for (let i = 0; i < 5; i++) {
      client.send(`1\r\n${i}\r\n`);
      await connection.receives(`1\r\n${i}\r\n`);
      connection.send(`1\r\n${i}\r\n`);
      await client.receives(`1\r\n${i}\r\n`);
    }
    client.send('0\r\n\r\n');
    await connection.receives('0\r\n\r\n');
    connection.send('0\r\n\r\n');
    expect((await client.response()).body).toBe('01234');
    await eventually(() => router.isQuiet, 'quiet');
  });

  /** What the client sends on, the answer and the reset behind it are all there before the router looks again. */
  async function rejected(answer: string) {
    const { router, backend } = await routed(undefined);
    const client = await router.connect();
    client.send('POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 16000\r\n\r\nabc');
    const connection = await backend.accept();
    await connection.receives('abc');
    client.send('x'.repeat(1000));
    connection.send(answer).reset();
    return { router, client };
  }

  it('reaches the client though its backend has reset the connection, as one that takes no more does', async () => {
    const answer = 'HTTP/1.1 413 Too Large\r\nContent-Length: 7\r\n\r\ntoo big';
    const { router, client } = await rejected(answer);
    expect(await client.response()).toMatchObject({ status: 413, body: 'too big', complete: true });
    await client.ends();
    await eventually(() => router.isQuiet, 'quiet');
    expect(router.plane.counters).toMatchObject({ checkouts: 1, checkins: 1 });
  });

  it('that a reset cuts short is cut short for the client, whatever announced its end', async () => {
    for (const fields of ['Content-Length: 70\r\n', 'Transfer-Encoding: chunked\r\n', '']) {
      const { router, client } = await rejected(`HTTP/1.1 413 Too Large\r\n${fields}\r\n`);
      await client.receives('413 Too Large');
      await client.ends();
      if (fields === '') expect(client.error).toMatchObject({ code: 'ECONNRESET' });
      await eventually(() => router.isQuiet, 'quiet');
    }
  });

  it('is none where the backend reset the connection without a word', async () => {
    const { router, client } = await rejected('');
    expect((await client.response()).body).toContain('H18');
    await eventually(() => router.isQuiet, 'quiet');
  });
});

describe('a response without a body', () => {
  it.each([
    ['HEAD', 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n', '0', 1],
    ['HEAD', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n', '1', 2],
    ['HEAD', 'HTTP/1.1 200 OK\r\n\r\n', undefined, 2],
    ['GET', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 1421093\r\n\r\n', '1421093', 2],
    ['GET', 'HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n', undefined, 2],
    ['GET', 'HTTP/1.1 304 Not Modified\r\n\r\n', undefined, 1],
    ['GET', 'HTTP/1.1 204 No Content\r\n\r\n', undefined, 1],
  ])(
    'to %s leaves the client its connection, and the backend its own unless a body may follow: %s',
    async (method, answer, length, connections) => {
      const { router, backend } = await routed(() => answer);
      const client = await router.connect();
      for (let i = 0; i < 2; i++) {
        const response = await client.request(get('/').replace('GET', method), { method });
        expect(response.headers.get('content-length')).toBe(length);
        expect(response.headers.get('connection')).toBe('keep-alive');
      }
      expect(backend.connections.length).toBe(connections);
    },
  );

  it.each(['Content-Length: 5\r\n', ''])(
    'to HEAD, that sends one a little later, answers no other request with it: %s',
    async (fields) => {
      const { router, backend } = await routed(({ method }) =>
        method === 'HEAD' ? `HTTP/1.1 200 OK\r\n${fields}\r\n` : ok('mine'),
      );
      const client = await router.connect();
      await client.request(get('/').replace('GET', 'HEAD'), { method: 'HEAD' });
      client.send(GET);
      backend.connections[0]?.send('stray');
      expect(await client.response()).toMatchObject({ status: 200, body: 'mine' });
    },
  );

  it('that sends one all the same costs the backend its connection, and no other client', async () => {
    const { router, backend } = await routed(
      () =>
        'HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil',
    );
    const client = await router.connect();
    for (let i = 0; i < 3; i++) expect((await client.request(GET)).status).toBe(204);
    expect(client.received).toBe('');
    expect(backend.connections.length).toBe(3);
  });
});
