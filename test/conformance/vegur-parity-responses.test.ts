/** vegur-parity.md, 7d and 7h: what a backend may answer, and answers that have no body. */
import { describe, expect, it } from 'vitest';
import { eventually, pause } from '../support/eventually.ts';
import { ok } from '../support/scripted-backend.ts';
import { answerWith, BODY43, between, exchange, getWith, H, linesNamed, OK43, PLAIN } from './parity.ts';

const GET = getWith('');
const HEAD = `HEAD / HTTP/1.1\r\n${H}\r\n`;

describe('a response is refused, and both connections end', () => {
  it.each([
    [
      'case 50 for lengths that differ',
      answerWith('Content-Length: 43\r\nContent-Length: 41\r\n', BODY43),
      502,
      'invalid content length',
    ],
    [
      'case 51 for a list of lengths',
      answerWith('Content-Length: 43,41\r\n', BODY43),
      502,
      'invalid content length',
    ],
    [
      'case 53 for a blank behind its length',
      answerWith('Content-Length: 208062 \r\n', 'x'.repeat(208_062)),
      502,
      'invalid content length',
    ],
    [
      'case 54 for a Set-Cookie line of more than 8192 bytes',
      answerWith(`Set-Cookie: ${'x'.repeat(8193)}\r\nContent-Length: 0\r\n`),
      502,
      'oversized cookie',
    ],
    [
      'case 55 for a field of 1 MiB',
      answerWith(`X: ${'x'.repeat(1_048_576)}\r\nContent-Length: 0\r\n`),
      502,
      'oversized header',
    ],
    [
      'case 56 for a phrase of 1 MiB',
      `HTTP/1.1 200 ${'x'.repeat(1_048_576)}\r\n\r\n`,
      502,
      'oversized status line',
    ],
    ['case 61 for HTTP/3.0', 'HTTP/3.0 200 OK\r\n\r\n', 503, 'Poorly formatted'],
    ['case 61 for a status with a letter', 'HTTP/1.1 2x0 OK\r\n\r\n', 503, 'Poorly formatted'],
    ['case 68 for a field without a colon', answerWith('no colon here\r\n'), 503, 'Poorly formatted'],
  ])('%s', async (_case, answer, status, words) => {
    const { router, backend, client, response } = await exchange(getWith('Connection: close\r\n'), answer, {
      accessLog: 'logfmt',
    });
    expect(response).toMatchObject({ status, complete: true });
    await client.ends();
    await eventually(() => backend.connections[0]?.over === true, 'the end of the connection to the backend');
    await eventually(() => router.log.includes(words), `a line that says ${words}`);
  });
});

describe('a response is passed on', () => {
  it('beside case 50 the connection of a client that did not ask for its end goes on', async () => {
    const { client, response } = await exchange(GET, answerWith('Content-Length: 43,41\r\n', BODY43));
    expect(response.status).toBe(502);
    expect(response.headers.get('connection')).toBe('keep-alive');
    expect((await client.request(GET)).status).toBe(502);
  });

  it('case 52 with one length where it had two alike', async () => {
    const { response } = await exchange(
      GET,
      answerWith('Content-Length: 43\r\ncontent-length: 43\r\n', BODY43),
    );
    expect(linesNamed(response.raw, 'content-length')).toEqual(['Content-Length: 43']);
    expect(response.body).toBe(BODY43);
  });

  it.each([
    ['case 57 of a status nobody knows', '666 THE NUMBER OF THE BEAST', 666, 'THE NUMBER OF THE BEAST'],
    ['case 58 without a phrase', '421', 421, ''],
    ['case 59 with a blank for a phrase', '421 ', 421, ''],
    ['case 60 with a phrase of its own', '421 Deliberate Phrase', 421, 'Deliberate Phrase'],
  ])('%s', async (_case, line, status, phrase) => {
    const { response } = await exchange(GET, `HTTP/1.1 ${line}\r\nContent-Length: 0\r\n\r\n`);
    expect(response).toMatchObject({ status, phrase, version: 'HTTP/1.1', complete: true });
  });

  it('case 62 with repeated fields in their order', async () => {
    const lines = 'test-header: 1\r\ntest-header: 2\r\nContent-Length: 0\r\ntest-header: 3\r\n';
    const { response } = await exchange(GET, answerWith(lines));
    expect(linesNamed(response.raw, 'test-header')).toEqual([
      'test-header: 1',
      'test-header: 2',
      'test-header: 3',
    ]);
  });

  it('unlike case 63 with the names as they were written, both ways', async () => {
    const { request, response } = await exchange(
      getWith('CuStOm-HeAdEr: 1\r\n'),
      answerWith('cUsToM-hEaDeR: 2\r\ncontent-length: 0\r\n'),
    );
    expect(linesNamed(`${request?.raw}`, 'custom-header')).toEqual(['CuStOm-HeAdEr: 1']);
    expect(linesNamed(response.raw, 'custom-header')).toEqual(['cUsToM-hEaDeR: 2']);
  });

  it('case 64 without what belongs to one hop, both ways', async () => {
    const lines =
      'Connection: keep-alive\r\nTE: deflate\r\nTE: trailers\r\nTrailer: some-header\r\n' +
      'keep-alive: timeout=213\r\nProxy-Authorization: a\r\nProxy-Authentication: b\r\n';
    const { request, response } = await exchange(getWith(lines), answerWith(`${lines}Content-Length: 0\r\n`));
    for (const headers of [request?.headers, response.headers]) {
      expect(headers?.get('trailer')).toBe('some-header');
      expect(headers?.get('proxy-authentication')).toBe('b');
      for (const name of ['te', 'keep-alive', 'proxy-authorization']) expect(headers?.has(name)).toBe(false);
    }
  });

  it('case 65 with Via, both ways', async () => {
    const { request, response } = await exchange(PLAIN);
    expect(request?.headers.get('via')).toBe('1.1 switchyard-test');
    expect(response.headers.get('via')).toBe('1.1 switchyard-test');
  });

  it('case 66 with Via behind that of others, both ways', async () => {
    const { request, response } = await exchange(
      getWith('via: 1.1 proxy\r\n'),
      answerWith('via: 1.1 proxy\r\nContent-Length: 0\r\n'),
    );
    expect(request?.headers.get('via')).toBe('1.1 proxy, 1.1 switchyard-test');
    expect(response.headers.get('via')).toBe('1.1 proxy, 1.1 switchyard-test');
  });

  it('case 67 with an empty Connection', async () => {
    const { response } = await exchange(GET, answerWith('Connection:\r\nContent-Length: 0\r\n'));
    expect(response).toMatchObject({ status: 200, complete: true });
  });

  it('case 69 with the fields the domain adds', async () => {
    const { response } = await exchange(GET, OK43, {
      features: {
        responseFields: ['custom-header', 'custom-value'],
        responseNames: new Set(['custom-header']),
      },
    });
    expect(response.headers.get('custom-header')).toBe('custom-value');
  });
});

type Bodiless = readonly [
  title: string,
  sent: string,
  answer: string,
  has: Readonly<Record<string, string | undefined>>,
];

const ENDS = getWith('Connection: close\r\n');
const HEAD_ENDS = `HEAD / HTTP/1.1\r\n${H}Connection: close\r\n\r\n`;
const answer = (status: string, lines: string, stray = ''): string =>
  `HTTP/1.1 ${status}\r\n${lines}\r\n${stray}`;

const BODILESS: readonly Bodiless[] = [
  [
    'case 114 HEAD with a body of its own, to a small length',
    `HEAD / HTTP/1.1\r\n${H}Content-Length: 5\r\n\r\n12345`,
    answerWith('Content-Length: 43\r\n'),
    { 'content-length': '43' },
  ],
  [
    'case 115 HEAD to a large length',
    HEAD,
    answerWith('Content-Length: 430000\r\n'),
    { 'content-length': '430000' },
  ],
  ['case 116 HEAD to a length of zero', HEAD, answerWith('Content-Length: 0\r\n'), { 'content-length': '0' }],
  [
    'case 117 HEAD to chunked',
    HEAD,
    answerWith('Transfer-Encoding: chunked\r\n'),
    { 'transfer-encoding': 'chunked' },
  ],
  [
    'case 118 HEAD to close and no length',
    HEAD,
    answerWith('connection: close\r\n'),
    { connection: 'keep-alive', 'content-length': undefined },
  ],
  [
    'case 119 HEAD and close to close',
    HEAD_ENDS,
    answerWith('connection: close\r\n'),
    { connection: 'close' },
  ],
  [
    'unlike case 120 a 204 with a length: the length is not passed on',
    GET,
    answer('204 No Content', 'Content-Length: 14\r\n', 'a body, stray!'),
    { 'content-length': undefined },
  ],
  ['case 121 a 204 with nothing but a date', GET, answer('204 No Content', 'Date: now\r\n'), { date: 'now' }],
  [
    'case 122 a 304 with nothing but a date',
    GET,
    answer('304 Not Modified', 'Date: now\r\n'),
    { date: 'now' },
  ],
  [
    'case 123 HEAD to a length of 10 000',
    HEAD,
    answerWith('Content-Length: 10000\r\n'),
    { 'content-length': '10000' },
  ],
  [
    'case 124 a 304 with a length and stray bytes',
    GET,
    answer('304 Not Modified', 'Content-Length: 1421093\r\n', 'stray'),
    { 'content-length': '1421093', connection: 'keep-alive' },
  ],
  [
    'unlike case 125 a chunked 204: the coding is not passed on',
    GET,
    answer('204 No Content', 'transfer-encoding: chuNked\r\n'),
    { 'transfer-encoding': undefined, connection: 'keep-alive' },
  ],
  [
    'case 126 a 304 with close and stray bytes',
    GET,
    answer('304 Not Modified', 'connection:close\r\n', 'stray'),
    { connection: 'keep-alive' },
  ],
  [
    'case 127 a 304 with close to a client that wants the same',
    ENDS,
    answer('304 Not Modified', 'connection:close\r\n', 'stray'),
    { connection: 'close' },
  ],
];

describe('a response without a body', () => {
  it.each(BODILESS)('%s', async (_case, sent, said, has) => {
    const { client, router } = await between((_request, connection) =>
      connection.number === 0 ? said : ok('the next'),
    );
    const response = await client.request(sent);
    const expected = Object.entries(has).filter(([, value]) => value !== undefined);
    expect(Object.fromEntries(response.headers)).toMatchObject(Object.fromEntries(expected));
    for (const name of Object.keys(has)) expect(response.headers.has(name)).toBe(has[name] !== undefined);
    await eventually(() => router.isQuiet, 'every lease given back');
    if (response.headers.get('connection') === 'close') {
      await client.ends();
      expect(client.received).toBe('');
      return;
    }
    await pause(20);
    expect(client.received).toBe('');
    expect(client.over).toBe(false);
  });

  it.each([
    ['case 121', GET, answer('204 No Content', 'Date: now\r\nConnection: close\r\n')],
    ['case 122', GET, answer('304 Not Modified', 'Date: now\r\nConnection: close\r\n')],
    ['case 123', HEAD, answerWith('Content-Length: 10000\r\nConnection: close\r\n')],
    ['beside case 120', GET, answer('204 No Content', 'Content-Length: 14\r\n', 'a body, stray!')],
    ['beside case 124', GET, answer('304 Not Modified', 'Content-Length: 9\r\n', 'stray')],
  ])('%s the next request of that client is answered over another connection', async (_case, sent, said) => {
    const { client, backend } = await between((_request, connection) =>
      connection.number === 0 ? said : ok('the next'),
    );
    await client.request(sent);
    expect(await client.request(GET)).toMatchObject({ status: 200, body: 'the next' });
    expect(backend.connections.length).toBe(2);
    await backend.connections[0]?.ends();
  });
});
