/** vegur-parity.md, 7f and 7g: HTTP/1.0 and chunked bodies, seen from both ends. */
import { describe, expect, it } from 'vitest';
import { eventually, pause } from '../support/eventually.ts';
import {
  answerWith,
  begun,
  between,
  CHUNKS,
  CHUNKS_DATA,
  chunkedAnswer,
  chunkedPost,
  exchange,
  getWith,
  OK43,
  PLAIN,
} from './parity.ts';

const PLAIN_10 = PLAIN.replace('HTTP/1.1', 'HTTP/1.0');
const GET = getWith('');

/** Chunks that go wrong after `abc`: 400, and no backend sees more than that, nor an end of the message. */
async function areRefused(chunks: string): Promise<void> {
  const atOnce = await exchange(chunkedPost(chunks));
  expect(atOnce.response.status).toBe(400);
  expect(atOnce.backend.requests).toEqual([]);
  const { client, connection } = await begun(chunkedPost(''));
  client.send(chunks);
  expect((await client.response()).status).toBe(400);
  await client.ends();
  await connection.ends();
  expect(connection.received).toBe('3\r\nabc\r\n');
}

describe('HTTP/1.0', () => {
  it('case 85 is HTTP/1.1 to both ends', async () => {
    const { request, response } = await exchange(PLAIN_10, OK43.replace('HTTP/1.1', 'HTTP/1.0'));
    expect(request?.version).toBe('HTTP/1.1');
    expect(response).toMatchObject({ version: 'HTTP/1.1', status: 200 });
  });

  it('case 86 gets its connection closed', async () => {
    const { client, response } = await exchange(PLAIN_10);
    expect(response.headers.get('connection')).toBe('close');
    await client.ends();
  });

  it('case 87 keeps its connection where it asks for that', async () => {
    const { client, response } = await exchange(
      PLAIN_10.replace('Content-Type', 'Connection: keep-alive\r\nContent-Type'),
    );
    expect(response.headers.get('connection')).toBe('keep-alive');
    expect((await client.request(GET)).status).toBe(200);
  });

  it('case 88 gets chunks as one body that ends with the connection', async () => {
    const { client, response } = await exchange(PLAIN_10, chunkedAnswer(CHUNKS));
    expect(response.headers.has('transfer-encoding')).toBe(false);
    expect(response.headers.get('connection')).toBe('close');
    expect(response.body).toBe(CHUNKS_DATA);
    await client.ends();
  });
});

describe('chunks', () => {
  it('case 89 reach both ends as they were', async () => {
    const { request, response } = await exchange(chunkedPost(CHUNKS), chunkedAnswer(CHUNKS));
    expect(request?.raw.endsWith(`\r\n\r\n${CHUNKS}`)).toBe(true);
    expect(response.raw.endsWith(`\r\n\r\n${CHUNKS}`)).toBe(true);
  });

  it('case 90 without their last CRLF: the backend gets what came, and the end with the client', async () => {
    const { client, connection } = await begun(chunkedPost(CHUNKS.slice(0, -2)));
    await connection.receives('ijklmnopqrstuv\r\n');
    await pause(30);
    expect(client.total).toBe('');
    client.close();
    await connection.ends();
    expect(connection.received.endsWith('0\r\n\r\n')).toBe(false);
  });

  it('case 91 behind the last one: 400, and the backend sees no end of the message', async () => {
    await areRefused(`3\r\nabc\r\n0\r\n${CHUNKS}`);
  });

  it('unlike case 92 behind the last one, when the answer has begun: it is cut', async () => {
    const { client, connection } = await begun(chunkedPost('3\r\nabc\r\n'));
    await connection.receives('3\r\nabc\r\n');
    connection.send(chunkedAnswer('3\r\nabc\r\n'));
    await client.receives('3\r\nabc\r\n');
    client.send(`0\r\n${CHUNKS}`);
    const response = await client.response();
    expect(response).toMatchObject({ status: 200, complete: false });
    await connection.ends();
    expect(connection.received).toBe('3\r\nabc\r\n');
  });

  it('case 93 behind the last one, and then the answer begins: 400', async () => {
    const { client, connection } = await begun(chunkedPost('3\r\nabc\r\n'));
    await connection.receives('3\r\nabc\r\n');
    client.send(`0\r\n${CHUNKS}`);
    expect((await client.response()).status).toBe(400);
    connection.send(chunkedAnswer('3\r\nabc\r\n'));
    await connection.ends();
    expect(connection.received).toBe('3\r\nabc\r\n');
  });

  it('case 94 of the backend behind its last one: the client sees a cut, never an end', async () => {
    const { client, connection } = await begun(GET);
    connection.send(chunkedAnswer('3\r\nabc\r\n'));
    await client.receives('3\r\nabc\r\n');
    connection.send(`0\r\n${CHUNKS}`);
    const response = await client.response();
    expect(response).toMatchObject({ status: 200, complete: false });
    expect(response.body).toBe('3\r\nabc\r\n');
  });

  it('case 95 half of one, and the client leaves: the connection to the backend ends', async () => {
    const { client, connection } = await begun(chunkedPost('5\r\nab'));
    client.close();
    await connection.ends();
    expect(connection.received).not.toContain('0\r\n\r\n');
  });

  it('case 96 half of one, and the backend leaves: the client sees the end within 2 s', async () => {
    const { client, connection, router } = await begun(GET, { accessLog: 'logfmt' });
    connection.send(chunkedAnswer('5\r\nab')).end();
    expect(await client.response()).toMatchObject({ status: 200, complete: false });
    await eventually(() => router.log.includes('sock=backend'), 'a line that blames the backend');
  });

  it('case 97 longer than its size: the client gets 200 and a cut', async () => {
    const { client, connection } = await begun(GET);
    connection.send(chunkedAnswer('3\r\nabcdefgh\r\n0\r\n\r\n'));
    expect(await client.response()).toMatchObject({ status: 200, complete: false });
    await connection.ends();
  });
});

describe('trailers', () => {
  const TRAILED = '3\r\nabc\r\n0\r\nhead1:val1\r\nhead2: val2\r\n\r\n';
  const TRAILER = 'Trailer: head1, head2\r\n';

  it.each([
    ['case 98 reach both ends', '', 'keep-alive'],
    ['case 99 reach both ends, and the connection ends', 'Connection: close\r\n', 'close'],
  ])('%s', async (_case, lines, connection) => {
    const { request, response, client } = await exchange(
      chunkedPost(TRAILED, TRAILER + lines),
      chunkedAnswer(TRAILED, TRAILER),
    );
    for (const end of [request, response]) {
      expect(end?.headers.get('trailer')).toBe('head1, head2');
      expect(end?.trailers).toEqual(['head1', 'val1', 'head2', 'val2']);
    }
    expect(response.headers.get('connection')).toBe(connection);
    if (connection === 'close') await client.ends();
  });

  it('case 100 that are none, from the client: 400', async () => {
    await areRefused('3\r\nabc\r\n0\r\ntrailer is invalid\r\n\r\n');
  });

  it('case 101 that are none, from the backend: 200 and a cut', async () => {
    const { client, connection } = await begun(GET);
    connection.send(chunkedAnswer('3\r\nabc\r\n0\r\ntrailer is invalid\r\n\r\n'));
    expect(await client.response()).toMatchObject({ status: 200, complete: false });
  });

  it('case 102 nobody announced pass both ways', async () => {
    const chunks = '3\r\nabc\r\n0\r\nhead: val\r\n\r\n';
    const { request, response, client } = await exchange(chunkedPost(chunks), chunkedAnswer(chunks));
    expect(request?.trailers).toEqual(['head', 'val']);
    expect(response.trailers).toEqual(['head', 'val']);
    expect((await client.request(GET)).status).toBe(200);
  });
});

describe('the reading of chunks', () => {
  it.each([
    ['case 103 a size line that ends in a bare LF', '3\r\nabc\r\n01\nx\r\n0\r\n\r\n'],
    ['case 104 a size and two CRs', '3\r\nabc\r\nc\r\r\n'],
    ['unlike case 107 a folded trailer', '3\r\nabc\r\n0\r\nA: "x\\"y;\r\n z"\r\n\r\n'],
    ['case 108 a request line among the trailers', '3\r\nabc\r\n0\r\nA: b\r\nGET some/path HTTP/1.1\r\n\r\n'],
    ['case 111 a line without a size', '3\r\nabc\r\n;x\r\n'],
  ])('%s is refused, and what was sound before passes', async (_case, chunks) => {
    await areRefused(chunks);
  });

  it('case 105 takes sizes in hex of any case, and CR within data for data', async () => {
    const chunks = `0A\r\n${'\r'.repeat(10)}\r\nb\r\n${'\r\n'.repeat(5)}\r\r\nB\r\n${'0'.repeat(11)}\r\n0\r\n\r\n`;
    const { request } = await exchange(chunkedPost(chunks));
    expect(request?.body).toBe(`${'\r'.repeat(10)}${'\r\n'.repeat(5)}\r${'0'.repeat(11)}`);
  });

  it('case 106 is the same in two parts, wherever they part', async () => {
    const { client, backend } = await between(() => OK43);
    const sent = chunkedPost('3\r\nabc\r\ne;x="y"\r\nijklmnopqrstuv\r\n0\r\nA: b\r\n\r\n');
    for (let cut = 1; cut < sent.length; cut++) {
      client.send(sent.slice(0, cut));
      await pause(1);
      client.send(sent.slice(cut));
      expect((await client.response()).status).toBe(200);
    }
    expect(new Set(backend.requests.map(({ body }) => body))).toEqual(new Set(['abcijklmnopqrstuv']));
    expect(backend.requests.every(({ trailers }) => trailers.join() === 'A,b')).toBe(true);
  });

  it('beside case 107 is the same byte by byte, quoted trailers too', async () => {
    const { client, backend } = await between(() => OK43);
    for (const byte of chunkedPost('3\r\nabc\r\n0\r\nA: "x\\"y; z"\r\n\r\n')) {
      client.send(byte);
      await pause(1);
    }
    expect((await client.response()).status).toBe(200);
    expect(backend.requests[0]?.trailers).toEqual(['A', '"x\\"y; z"']);
  });

  it('case 109 ends with the blank line: what follows is the next request', async () => {
    const { client, backend } = await between(() => OK43);
    client.send(chunkedPost(CHUNKS) + getWith('X-Next: 1\r\n'));
    expect((await client.response()).status).toBe(200);
    expect((await client.response()).status).toBe(200);
    expect(backend.requests[1]?.headers.get('x-next')).toBe('1');
  });

  it('case 110 needs the blank line even where there is no data', async () => {
    const { client, connection } = await begun(chunkedPost('0\r\n'));
    await pause(20);
    expect(connection.received).toBe('');
    client.send('\r\n');
    await connection.receives('0\r\n\r\n');
    connection.send(OK43);
    expect((await client.response()).status).toBe(200);
  });

  it('case 112 for a client of HTTP/1.0 leaves nothing but data: trailers vanish', async () => {
    const { response } = await exchange(PLAIN_10, chunkedAnswer('3\r\nabc\r\n0\r\nA: b\r\n\r\n'));
    expect(response).toMatchObject({ body: 'abc', complete: true });
  });

  it('case 113 drops extensions', async () => {
    const { request } = await exchange(
      chunkedPost('5;ext=1\r\nabcde\r\n0\r\n\r\n'),
      answerWith('Content-Length: 0\r\n'),
    );
    expect(request?.raw.endsWith('\r\n\r\n5\r\nabcde\r\n0\r\n\r\n')).toBe(true);
  });
});
