/**
 * The published families of request smuggling, through a whole plane. The verdict is the backend's raw bytes: the
 * requests the router served, each whole and one after another, and nothing else. One router and one backend go
 * through all cases, so that what one case leaves behind meets the next; after each, fresh clients must get what is
 * their own over whatever connections there are.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually, pause } from '../support/eventually.ts';
import { PlaneUnderTest } from '../support/plane-under-test.ts';
import { type BackendConnection, ok, ScriptedBackend } from '../support/scripted-backend.ts';
import { llhttpReads } from '../wire/llhttp.ts';
import { BAD_CHUNKS, BAD_TRAILERS, SMUGGLED } from './bad-chunks.ts';

let router: PlaneUnderTest;
let backend: ScriptedBackend;
let victims = 0;

beforeAll(async () => {
  backend = await ScriptedBackend.listen(({ method, target, body }) =>
    ok(method === 'HEAD' ? '' : `${method} ${target} ${body.length}`),
  );
  router = await PlaneUnderTest.start({
    domain: 'a',
    backends: { 'web.1': { port: backend.port } },
    pool: { timeouts: { abortLingerMs: 20 } },
  });
});

afterAll(async () => {
  await router.close();
  await backend.close();
});

const post = (lines: string, rest = ''): string => `POST /a HTTP/1.1\r\nHost: a\r\n${lines}\r\n\r\n${rest}`;
const chunked = (body: string): string => post('Transfer-Encoding: chunked', body);
const LAST_CHUNK_AND_MORE = `0\r\n\r\n${SMUGGLED}`;

type Attack = readonly [family: string, stream: string, verdict: Verdict];
/** What the client is answered, and what the backend saw for it. */
type Verdict = { readonly answers: readonly number[]; readonly served: readonly string[] };

const refused = (status: number): Verdict => ({ answers: [status], served: [] });
const REFUSED = refused(400);
const TWO: Verdict = { answers: [200, 200], served: ['POST /a', 'GET /smuggled'] };
const WAITS: Verdict = { answers: [], served: [] };
const served = (...requests: readonly string[]): Verdict => ({
  answers: requests.map(() => 200),
  served: requests,
});

async function attack(stream: string, cut: number, verdict: Verdict): Promise<void> {
  const before = backend.requests.length;
  const client = await router.connect();
  client.send(stream.slice(0, cut));
  if (cut < stream.length) {
    await pause(8);
    client.send(stream.slice(cut));
  }
  const method = stream.slice(0, stream.indexOf(' '));
  for (const status of verdict.answers) {
    expect((await client.response({ method })).status, stream).toBe(status);
  }
  if (verdict.answers.some((status) => status >= 400)) await client.ends();
  else await pause(8);
  expect(client.received).toBe('');
  client.close();
  await eventually(() => router.isQuiet, 'every lease given back');
  const seen = backend.requests.slice(before).map((request) => `${request.method} ${request.target}`);
  expect(seen).toEqual(verdict.served);
}

/** Fresh clients, at once, more than there are idle connections: each gets its own answer and no byte more. */
async function victimsAreSafe(): Promise<void> {
  const clients = await Promise.all([1, 2, 3].map(() => router.connect()));
  await Promise.all(
    clients.map(async (client) => {
      const target = `/victim-${victims++}`;
      const response = await client.request(`GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`);
      expect(response).toMatchObject({ status: 200, body: `GET ${target} 0` });
      expect(client.received).toBe('');
    }),
  );
  for (const client of clients) client.close();
}

/** Every byte ever sent to the backend is part of a request it read, or of one whose connection was cut. */
async function backendSawNothingElse(): Promise<void> {
  for (const connection of backend.connections) {
    if (connection.received !== '') await cutUnfinished(connection);
  }
  for (const { raw } of backend.requests.splice(0)) {
    // Every line ends in CRLF, and nothing in a head could be a line's end to anybody.
    const head = raw.slice(0, raw.indexOf('\r\n\r\n'));
    expect(head.replaceAll('\r\n', '')).toMatch(/^[\t\x20-\x7e\x80-\xff]*$/);
    const known = Buffer.from(raw.replace(/^XYZZY /, 'GET '), 'latin1');
    expect(llhttpReads('request', known), raw).toMatchObject({ verdict: 'complete', end: known.length });
  }
}

async function cutUnfinished(connection: BackendConnection): Promise<void> {
  await connection.until(() => connection.over, 'the end of an unfinished request');
  const reading = llhttpReads('request', Buffer.from(connection.received, 'latin1'));
  expect(reading.verdict, connection.received).toBe('more');
  connection.received = '';
}

function expectEach(attacks: readonly Attack[]): void {
  it.each(attacks)('%s', async (_family, stream, verdict) => {
    const headEnd = stream.indexOf('\r\n\r\n') + 4;
    for (const cut of new Set([stream.length, headEnd > 3 ? headEnd : stream.length])) {
      await attack(stream, cut, verdict);
      await victimsAreSafe();
      await backendSawNothingElse();
    }
  });
}

const each = (verdict: Verdict, cases: readonly (readonly [string, string])[]): Attack[] =>
  cases.map(([family, stream]) => [family, stream, verdict]);

describe('CL.TE and TE.CL: a length beside chunked', () => {
  expectEach(
    each(REFUSED, [
      [
        'CL.TE',
        post(
          `Content-Length: ${LAST_CHUNK_AND_MORE.length}\r\nTransfer-Encoding: chunked`,
          LAST_CHUNK_AND_MORE,
        ),
      ],
      ['TE.CL', post('Transfer-Encoding: chunked\r\nContent-Length: 4', `5c\r\n${SMUGGLED}\r\n0\r\n\r\n`)],
      ['a length of zero', post('Content-Length: 0\r\nTransfer-Encoding: chunked', LAST_CHUNK_AND_MORE)],
      [
        'two lengths alike',
        post('Content-Length: 5\r\nContent-Length: 5\r\nTransfer-Encoding: chunked', '0\r\n\r\n'),
      ],
      ['a bad length', post('Content-Length: x\r\nTransfer-Encoding: chunked', LAST_CHUNK_AND_MORE)],
    ]),
  );
});

describe('TE.TE: a coding that only one reader sees', () => {
  const coding = (lines: string): string => post(lines, LAST_CHUNK_AND_MORE);
  expectEach([
    ...each(
      REFUSED,
      [
        ['xchunked', 'Transfer-Encoding: xchunked'],
        ['chunkedx', 'Transfer-Encoding: chunkedx'],
        ['twice, the second odd', 'Transfer-Encoding: chunked\r\nTransfer-Encoding: x'],
        ['twice the same', 'Transfer-Encoding: chunked\r\nTransfer-encoding: chunked'],
        ['chunked, identity', 'Transfer-Encoding: chunked, identity'],
        ['identity', 'Transfer-Encoding: identity'],
        ['quoted', 'Transfer-Encoding: "chunked"'],
        ['with a parameter', 'Transfer-Encoding: chunked;q=1'],
        ['with a comma behind', 'Transfer-Encoding: chunked,'],
        ['with a comma before', 'Transfer-Encoding: ,chunked'],
        ['empty', 'Transfer-Encoding:'],
        ['a space before the colon', 'Transfer-Encoding : chunked'],
        ['a tab before the colon', 'Transfer-Encoding\t: chunked'],
        ['a space before the name', ' Transfer-Encoding: chunked'],
        ['a vertical tab before the value', 'Transfer-Encoding:\vchunked'],
        ['a form feed before the value', 'Transfer-Encoding:\fchunked'],
        ['a vertical tab before the name', '\vTransfer-Encoding: chunked'],
        ['a no-break space before the value', 'Transfer-Encoding: \xa0chunked'],
        ['a tab behind the value', 'Transfer-Encoding: chunked\t'],
        ['folded', 'Transfer-Encoding:\r\n chunked'],
        ['folded behind a tab', 'Transfer-Encoding:\r\n\tchunked'],
        ['behind a bare LF', 'X: y\nTransfer-Encoding: chunked'],
        ['behind a bare CR', 'X: y\rTransfer-Encoding: chunked'],
        ['behind a NUL', 'X: y\0Transfer-Encoding: chunked'],
        ['a NUL in the name', 'Transfer\0-Encoding: chunked'],
        ['a NUL behind the value', 'Transfer-Encoding: chunked\0'],
        ['with an underscore', 'Transfer_Encoding: chunked'],
        ['without a colon', 'Transfer-Encoding chunked'],
        ['an 8-bit byte in the name', 'Tr\xe4nsfer-Encoding: chunked'],
        ['a name that starts with a colon', ':Transfer-Encoding: chunked'],
      ].map(([family, lines]) => [`${family}`, coding(`${lines}`)]),
    ),
    ['identity, chunked', coding('Transfer-Encoding: identity, chunked'), refused(501)],
    [
      'in HTTP/1.0',
      `POST /a HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${LAST_CHUNK_AND_MORE}`,
      REFUSED,
    ],
    ['in any case is chunked to everybody', coding('TRANSFER-encoding:   CHUNKED'), TWO],
    ['a blank behind it is chunked to everybody', coding('Transfer-Encoding: chunked '), TWO],
  ]);
});

describe('CL.CL: a length that two readers read differently', () => {
  const length = (lines: string): string => post(lines, `12345${SMUGGLED}`);
  expectEach([
    ...each(
      REFUSED,
      [
        ['two that differ', 'Content-Length: 0\r\nContent-Length: 40'],
        ['a list', 'Content-Length: 5, 5'],
        ['a plus', 'Content-Length: +5'],
        ['hex', 'Content-Length: 0x5'],
        ['a point', 'Content-Length: 5.0'],
        ['an exponent', 'Content-Length: 5e0'],
        ['a blank inside', 'Content-Length: 1 0'],
        ['a tab behind', 'Content-Length: 5\t'],
        ['minus zero', 'Content-Length: -0'],
        ['nothing', 'Content-Length:'],
        ['beyond 64 bits', 'Content-Length: 18446744073709551621'],
        ['beyond 53 bits', 'Content-Length: 9007199254740993'],
        ['an underscore', 'Content_Length: 5'],
        ['a space before the colon', 'Content-Length : 5'],
        ['folded', 'Content-Length:\r\n 5'],
        ['a vertical tab', 'Content-Length: \v5'],
        ['a NUL', 'Content-Length: 5\0'],
        ['a quotation', 'Content-Length: "5"'],
        ['a bare LF behind', 'Content-Length: 5\nX: y'],
        ['digits of another script', 'Content-Length: \xd9\xa5'],
      ].map(([family, lines]) => [`${family}`, length(`${lines}`)]),
    ),
    ['leading zeros are decimal and gone for the backend', length('Content-Length: 005'), TWO],
    ['twice the same is once for the backend', length('Content-Length: 5\r\nContent-Length: 5'), TWO],
  ]);
});

describe('0.CL and CL.0: a body that one reader does not expect', () => {
  const withBody = (method: string): string =>
    `${method} /a HTTP/1.1\r\nHost: a\r\nContent-Length: ${SMUGGLED.length}\r\n\r\n${SMUGGLED}`;
  expectEach([
    ...['GET', 'HEAD', 'OPTIONS', 'DELETE', 'POST', 'XYZZY'].map(
      (method): Attack => [`a body of ${method} is its own`, withBody(method), served(`${method} /a`)],
    ),
    ['a TRACE with a body', withBody('TRACE'), REFUSED],
    ['a length behind a vertical tab', post('Content-Length\v: 36', SMUGGLED), REFUSED],
    ['no length: the next bytes are the next request', post('X: y', SMUGGLED), TWO],
    ['an Expect with rubbish', post('Expect: y 100-continue\r\nContent-Length: 5', SMUGGLED), REFUSED],
    [
      'an Expect twice, the second odd',
      post('Expect: 100-continue\r\nExpect: x\r\nContent-Length: 5', SMUGGLED),
      refused(417),
    ],
    ['a folded Expect', post('Expect:\r\n 100-continue\r\nContent-Length: 5', SMUGGLED), REFUSED],
    [
      'a length that Connection names stays',
      post(`Connection: content-length\r\nContent-Length: ${SMUGGLED.length}`, SMUGGLED),
      served('POST /a'),
    ],
    [
      'a coding that Connection names stays',
      post('Connection: transfer-encoding\r\nTransfer-Encoding: chunked', LAST_CHUNK_AND_MORE),
      TWO,
    ],
    ['a body that never comes whole', post('Content-Length: 1000', SMUGGLED), WAITS],
  ]);
});

describe('sizes, extensions and ends of chunks', () => {
  expectEach([
    ...each(
      REFUSED,
      [...BAD_CHUNKS, ...BAD_TRAILERS].map(([family, body]) => [family, chunked(body)]),
    ),
    ['an extension without end', chunked(`1;${'a'.repeat(300)}\r\nx\r\n0\r\n\r\n`), REFUSED],
    ['sound extensions hide nothing', chunked(`1;a="0\\r\\n\\r\\n";b\r\nx\r\n0;c\r\n\r\n${SMUGGLED}`), TWO],
    ['many zeros are one zero', chunked(`0000\r\n\r\n${SMUGGLED}`), TWO],
    ['without its last CRLF a body waits', chunked('0\r\n'), WAITS],
    ['a request line that looks like a trailer waits', chunked('0\r\nX: GET /smuggled HTTP/1.1\r\n'), WAITS],
  ]);
});

describe('whitespace and control bytes around the start of a request', () => {
  expectEach([
    ...each(REFUSED, [
      ['a bare LF before it', `\n${SMUGGLED}`],
      ['a blank before it', ` ${SMUGGLED}`],
      ['a NUL before it', `\0${SMUGGLED}`],
      ['a second request line', `GET /a HTTP/1.1\r\n${SMUGGLED}`],
      ['a version in the target', 'GET /a HTTP/1.1 HTTP/1.1\r\nHost: a\r\n\r\n'],
      ['a bare CR in the target', 'GET /a\rX: y HTTP/1.1\r\nHost: a\r\n\r\n'],
      ['a bare LF in the target', 'GET /a\nX: y HTTP/1.1\r\nHost: a\r\n\r\n'],
      ['a tab in the target', 'GET /a\tb HTTP/1.1\r\nHost: a\r\n\r\n'],
      ['two blanks in the line', 'GET  /a HTTP/1.1\r\nHost: a\r\n\r\n'],
      ['a tab for a blank', 'GET\t/a HTTP/1.1\r\nHost: a\r\n\r\n'],
      ['a vertical tab for a blank', 'GET\v/a HTTP/1.1\r\nHost: a\r\n\r\n'],
      ['a blank behind the version', 'GET /a HTTP/1.1 \r\nHost: a\r\n\r\n'],
      ['HTTP/0.9', 'GET /a\r\nHost: a\r\n\r\n'],
      ['a version with a digit more', 'GET /a HTTP/1.11\r\nHost: a\r\n\r\n'],
      ['a version in lower case', 'GET /a http/1.1\r\nHost: a\r\n\r\n'],
      ['a TLS hello', '\x16\x03\x01\x02\0\x01\r\n\r\n'],
      ['a PROXY header', 'PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\nGET / HTTP/1.1\r\n\r\n'],
      ['a method with a colon', 'GET: /a HTTP/1.1\r\nHost: a\r\n\r\n'],
      ['CONNECT', 'CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n'],
    ]),
    ['HTTP/2 by prior knowledge', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', refused(505)],
    ['a few CRLFs are nothing', `\r\n\r\n${SMUGGLED}`, served('GET /smuggled')],
  ]);
});

describe('who the request is for', () => {
  const to = (lines: string): string => `GET /a HTTP/1.1\r\n${lines}\r\n\r\n`;
  const target = (text: string): string => `GET ${text} HTTP/1.1\r\nHost: a\r\n\r\n`;
  expectEach(
    each(REFUSED, [
      ['two hosts', to('Host: a\r\nHost: b')],
      ['a host with a space before the colon', to('Host : b\r\nHost: a')],
      ['a folded host', to('Host:\r\n a')],
      ['a host with a CR in it', to('Host: a\rX: y')],
      ['a host and a path', to('Host: a/b')],
      ['a host with user information', to('Host: a@b')],
      ['two hosts in a list', to('Host: a, b')],
      ['an encoded host', to('Host: %61')],
      ['a host with a tab inside', to('Host: a\tb')],
      ...['http://b/', 'http://a@b/', 'http://b:80@a/', 'http://a:80/', 'http://a\\@b/', 'http://a.b/'].map(
        (text) => [`a target of ${text}`, target(text)] as const,
      ),
    ]),
  );
});

describe('fields that would be somebody else’s', () => {
  it.each([
    ['a CR LF that is encoded stays encoded', '/a%0d%0aX-Injected:%20y', 'X-B: %0d%0aX-Injected: y'],
    ['fields with a value that looks like a field', '/a', 'X-B: c, X-Injected: y'],
    [
      'fields with an underscore for a hyphen',
      '/a',
      'X_Forwarded_For: 1.2.3.4\r\nX_Request_Id: forged-forged-forged',
    ],
    [
      'fields of the router that Connection names',
      '/a',
      'Connection: x-forwarded-for, x-request-id, via, host',
    ],
    [
      'identity of a peer nobody trusts',
      '/a',
      'X-Forwarded-For: 1.2.3.4\r\nForwarded: for=1.2.3.4\r\nX-Forwarded-Host: b',
    ],
    [
      'an h2c upgrade',
      '/a',
      'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk',
    ],
  ])('%s', async (_family, target, lines) => {
    const client = await router.connect();
    const response = await client.request(`GET ${target} HTTP/1.1\r\nHost: a\r\n${lines}\r\n\r\n`);
    expect(response.body).toBe(`GET ${target} 0`);
    const headers = backend.requests.at(-1)?.headers;
    expect(headers?.get('x-forwarded-for')).toBe('127.0.0.1');
    expect(headers?.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
    expect(headers?.get('via')).toBe('1.1 switchyard-test');
    expect(headers?.get('host')).toBe('a');
    for (const name of [
      'x-injected',
      'x_forwarded_for',
      'x_request_id',
      'forwarded',
      'x-forwarded-host',
      'upgrade',
    ])
      expect(headers?.has(name), name).toBe(false);
    client.close();
    await victimsAreSafe();
    await backendSawNothingElse();
  });
});
