/**
 * Cases of vegur-parity.md that reading and writing alone decide, by their numbers. Where we differ on purpose the
 * title says so; the reasons are in docs/http-behaviour.md.
 */
import { describe, expect, it } from 'vitest';
import { ChunkedBody, writeInterimHead, writeRequestHead, writeResponseHead } from '../../src/wire/index.ts';
import { LIMITS } from '../wire/limits.ts';
import { bytes, refusal, request, response, responseVerdict, verdict } from '../wire/read.ts';
import { readBody } from '../wire/read-whole.ts';

const H = 'Host: app.test\r\n';
const get = (lines: string) => `GET / HTTP/1.1\r\n${H}${lines}\r\n`;
const post = (lines: string) => `POST / HTTP/1.1\r\n${H}${lines}\r\n`;
const answer = (lines: string) => `HTTP/1.1 200 OK\r\n${lines}\r\n`;

const toBackend = (text: string) =>
  writeRequestHead(request(text), [], {
    keepAlive: true,
    expectContinue: true,
    trustsPeer: false,
    replaced: undefined,
  });
const toClient = (text: string, clientVersion: 0 | 1 = 1, method = 'GET') =>
  writeResponseHead(response(text, method), [], {
    clientVersion,
    keepAlive: true,
    date: 'd',
    replaced: undefined,
  });

const CHUNKS = '3\r\nabc\r\n5\r\ndefgh\r\ne\r\nijklmnopqrstuv\r\n0\r\n\r\n';
const chunks = (text: string, cuts: readonly number[] = []) =>
  readBody(new ChunkedBody(LIMITS, 'chunks'), bytes(text), 0, cuts);

describe('7a. Host, request line, headers', () => {
  it.each([
    ['1. no Host', 'GET / HTTP/1.1\r\n\r\n', '400 missing_host'],
    ['2. an empty Host', 'GET / HTTP/1.1\r\nHost:\r\n\r\n', '400 invalid_host'],
    [
      '3. an absolute target without Host in HTTP/1.0',
      'GET http://app.test/ HTTP/1.0\r\n\r\n',
      '400 missing_host',
    ],
    [
      '4. two equal Hosts',
      `POST / HTTP/1.1\r\n${H}Content-Length: 10\r\n${H}\r\n0123456789`,
      '400 repeated_host',
    ],
    ['5. two different Hosts', `POST / HTTP/1.1\r\n${H}Host: b\r\n\r\n`, '400 repeated_host'],
    [
      '6. 10000 letters in the target',
      `GET /${'x'.repeat(10_000)} HTTP/1.1\r\n${H}\r\n`,
      '414 request_line_too_long',
    ],
    [
      '7. 8200 letters: refused, as limits are exact',
      `GET /${'x'.repeat(8200)} HTTP/1.1\r\n${H}\r\n`,
      '414 request_line_too_long',
    ],
    [
      '8. a name of 2100 letters: 431, not 400',
      get(`${'n'.repeat(2100)}: v\r\n`),
      '431 header_name_too_long',
    ],
    ['9. a name of 1000 letters', get(`${'n'.repeat(1000)}: v\r\n`), 'accepted'],
    [
      '10. a value of 9100 bytes: 431, not 400',
      get(`h: ${'v'.repeat(9100)}\r\n`),
      '431 header_value_too_long',
    ],
    ['11. a value of 8192 bytes', get(`h: ${'v'.repeat(8192)}\r\n`), 'accepted'],
    ['12. 1100 headers: 431, not 400', get('a: b\r\n'.repeat(1100)), '431 too_many_headers'],
    [
      '13. 1001 headers: refused, as limits are exact',
      get(`Connection: close\r\n${'a: b\r\n'.repeat(999)}`),
      '431 too_many_headers',
    ],
    [
      '14. CONNECT',
      'CONNECT http://example.com:80 HTTP/1.1\r\nHost: localhost\r\n\r\n',
      '400 connect_not_supported',
    ],
    ['15. HTTP/2.0', `GET / HTTP/2.0\r\n${H}\r\n`, '505 unsupported_version'],
    ['16. a bare LF first', `\n${get('')}`, '400 bare_lf'],
    ['17. five empty lines', `${'\r\n'.repeat(5)}${get('')}`, 'accepted'],
    ['17. six empty lines', `${'\r\n'.repeat(6)}${get('')}`, '400 empty_lines'],
    ['20. a port that is none', 'GET / HTTP/1.1\r\nHost: app.test:abc\r\n\r\n', '400 invalid_host'],
    [
      '21. a foreign absolute target: refused',
      `GET http://other.test/p?q=1 HTTP/1.1\r\n${H}\r\n`,
      '400 target_host_mismatch',
    ],
    [
      '22. a fragment: refused, not dropped',
      `GET /?test=foo&bar=car#fragment HTTP/1.1\r\n${H}\r\n`,
      '400 invalid_target',
    ],
  ])('%s', (_case, text, expected) => {
    expect(verdict(text)).toBe(expected);
  });

  it('23. Host reaches the backend', () => {
    expect(toBackend('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')).toContain('\r\nHost: localhost\r\n');
  });
});

describe('7b. Content-Length and Transfer-Encoding in requests', () => {
  it.each([
    [
      '24. lengths that differ',
      post('Content-Length: 5\r\nContent-Length: 11\r\n'),
      '400 conflicting_content_length',
    ],
    ['25. a list of lengths', post('Content-Length: 10,10\r\n'), '400 invalid_content_length'],
    ['30. a coding that is a comma', post('Transfer-Encoding: ,\r\n'), '400 invalid_transfer_encoding'],
    ['31. a length in letters', post('Content-Length: ten\r\n'), '400 invalid_content_length'],
    [
      '32. a length beside chunked: refused',
      post('Content-Length: 10\r\nTransfer-Encoding: chunked\r\n'),
      '400 length_and_transfer_encoding',
    ],
  ])('%s', (_case, text, expected) => {
    expect(verdict(text)).toBe(expected);
  });

  it.each([
    [
      '26. a length twice is one',
      post('content-length: 10\r\ncontent-length: 10\r\n'),
      ['Content-Length: 10'],
    ],
    ['27. a GET may have a body', get('Content-Length: 15\r\n'), ['Content-Length: 15']],
    ['28. a GET without body has no length', get(''), []],
    ['29. a POST without body has a length of zero', post(''), ['Content-Length: 0']],
  ])('%s', (_case, text, expected) => {
    const lines = toBackend(text).split('\r\n');
    expect(lines.filter((line) => line.startsWith('Content-Length'))).toEqual(expected);
  });
});

describe('7c. Expect', () => {
  it.each([
    ['40', 'POST', 'whatever', '417 unsupported_expectation'],
    ['41', 'GET', '100-stay', '417 unsupported_expectation'],
    ['42', 'GET', '100 continue', '400 invalid_expect'],
    ['43', 'GET', '', 'accepted'],
  ])('%s. %s with Expect: %s', (_case, method, value, expected) => {
    expect(verdict(`${method} / HTTP/1.1\r\n${H}Expect: ${value}\r\n\r\n`)).toBe(expected);
  });

  it('46. a 100 is passed on bare', () => {
    const head = response('HTTP/1.1 100 Continue\r\nConnection: close\r\nX-A: b\r\n\r\n');
    expect(writeInterimHead(head)).toBe('HTTP/1.1 100 Continue\r\n\r\n');
  });
});

describe('7d. response headers and limits', () => {
  it.each([
    [
      '50. lengths that differ',
      answer('Content-Length: 43\r\nContent-Length: 41\r\n'),
      '502 invalid_content_length',
    ],
    ['51. a list of lengths', answer('Content-Length: 43,41\r\n'), '502 invalid_content_length'],
    ['52. equal lengths', answer('Content-Length: 43\r\nContent-Length: 43\r\n'), 'accepted'],
    ['53. a blank behind a length', answer('Content-Length: 208062 \r\n'), '502 invalid_content_length'],
    ['54. a cookie too long', answer(`Set-Cookie: ${'x'.repeat(8193)}\r\n`), '502 set_cookie_too_long'],
    ['55. a header of 1 MiB', answer(`X: ${'x'.repeat(1_048_576)}\r\n`), '502 header_line_too_long'],
    ['56. a phrase of 1 MiB', `HTTP/1.1 200 ${'x'.repeat(1_048_576)}\r\n\r\n`, '502 status_line_too_long'],
    ['61. HTTP/3.0', 'HTTP/3.0 200 OK\r\n\r\n', '503 invalid_status'],
    ['61. a status with a letter', 'HTTP/1.1 2x0 OK\r\n\r\n', '503 invalid_status'],
    ['67. an empty Connection', answer('Connection:\r\n'), 'accepted'],
    ['68. a line without colon', answer('no colon here\r\n'), '502 bad_header'],
  ])('%s', (_case, text, expected) => {
    expect(responseVerdict(text)).toBe(expected);
  });

  it.each([
    ['57', 'HTTP/1.1 666 THE NUMBER OF THE BEAST'],
    ['58', 'HTTP/1.1 421'],
    ['59', 'HTTP/1.1 421 '],
    ['60', 'HTTP/1.1 421 Deliberate Phrase'],
  ])('%s. %s keeps its phrase', (_case, line) => {
    expect(toClient(`${line}\r\n\r\n`).split('\r\n')[0]).toBe(line.padEnd('HTTP/1.1 421 '.length));
  });

  it('52. equal lengths are one for the client', () => {
    const lines = toClient(answer('Content-Length: 43\r\nContent-Length: 43\r\n')).split('\r\n');
    expect(lines.filter((line) => line.startsWith('Content-Length'))).toEqual(['Content-Length: 43']);
  });

  it('62. repeated fields keep their order', () => {
    const text = toClient(
      answer('test-header: 1\r\ntest-header: 2\r\nContent-Length: 0\r\ntest-header: 3\r\n'),
    );
    expect(text).toContain('test-header: 1\r\ntest-header: 2\r\ntest-header: 3\r\n');
  });

  it('63. the case of names is kept as received, not normalised', () => {
    expect(toBackend(get('CuStOm-HeAdEr: 1\r\n'))).toContain('\r\nCuStOm-HeAdEr: 1\r\n');
    expect(toClient(answer('CuStOm-HeAdEr: 1\r\n'))).toContain('\r\nCuStOm-HeAdEr: 1\r\n');
  });

  it('64. Trailer and Proxy-Authentication pass, TE, Keep-Alive and Proxy-Authorization do not', () => {
    const lines =
      'Connection: keep-alive\r\nTE: deflate\r\nTE: trailers\r\nTrailer: some-header\r\nkeep-alive: timeout=213\r\n' +
      'Proxy-Authorization: a\r\nProxy-Authentication: b\r\n';
    for (const text of [toBackend(get(lines)), toClient(answer(lines))]) {
      expect(text).toContain('\r\nTrailer: some-header\r\nProxy-Authentication: b\r\n');
      expect(text).not.toMatch(/\r\n(?:te|keep-alive|proxy-authorization):/i);
    }
  });
});

describe('7f. HTTP/1.0', () => {
  it('85. both ends see HTTP/1.1', () => {
    expect(toBackend(`POST / HTTP/1.0\r\n${H}\r\n`)).toMatch(/^POST \/ HTTP\/1\.1\r\n/);
    expect(toClient('HTTP/1.0 200 OK\r\nContent-Length: 43\r\n\r\n')).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
  });

  it('86 and 87. the connection ends unless the client asks otherwise', () => {
    expect(request(`POST / HTTP/1.0\r\n${H}\r\n`).keepAlive).toBe(false);
    expect(request(`POST / HTTP/1.0\r\n${H}Connection: keep-alive\r\n\r\n`).keepAlive).toBe(true);
  });

  it('88. chunks are joined for HTTP/1.0', () => {
    expect(toClient(answer('Transfer-Encoding: chunked\r\n'), 0)).not.toMatch(/chunked/);
    const body = readBody(new ChunkedBody(LIMITS, 'data'), bytes(CHUNKS), 0);
    expect(`${body.data}`).toBe('abcdefghijklmnopqrstuv');
  });
});

describe('7g. chunked', () => {
  it('89. chunk bytes pass unchanged', () => {
    expect(`${chunks(CHUNKS).data}`).toBe(CHUNKS.slice(0, -'0\r\n\r\n'.length));
  });

  it('90. without the last CRLF the body waits, all that was sent is passed on', () => {
    const body = chunks(CHUNKS.slice(0, -2));
    expect([body.step, `${body.data}`]).toEqual(['more', CHUNKS.slice(0, -5)]);
  });

  it.each([
    ['91 and 92. at once', []],
    ['93 and 94. in parts', [8, 11]],
  ])('%s: more chunks behind the last are refused, those before it pass', (_case, cuts) => {
    const body = chunks('3\r\nabc\r\n0\r\n5\r\ndefgh\r\n0\r\n\r\n', cuts);
    expect([body.step, `${body.data}`]).toEqual(['refused', '3\r\nabc\r\n']);
  });

  it('97. a chunk longer than its size is refused', () => {
    expect(chunks('3\r\nabcd\r\n0\r\n\r\n').reason).toBe('bad_chunk');
  });

  it('98 and 102. trailers pass, with a Trailer field or without', () => {
    expect(chunks('3\r\nabc\r\n0\r\nhead1:val1\r\nhead2: val2\r\n\r\n').trailers).toEqual([
      'head1',
      'val1',
      'head2',
      'val2',
    ]);
  });

  it('100 and 101. a trailer that is none is refused', () => {
    expect(chunks('3\r\nabc\r\n0\r\ntrailer is invalid\r\n\r\n').reason).toBe('bad_trailer');
  });

  it.each([
    ['103. a size line that ends in a bare LF', '3\r\nabc\r\n01\nx\r\n0\r\n\r\n', '3\r\nabc\r\n'],
    ['104. a size and two CRs', 'c\r\r\n', ''],
    ['111. a line without size', ';x\r\n', ''],
  ])('%s is refused, the chunks before it pass', (_case, text, passed) => {
    const body = chunks(text);
    expect([body.reason, `${body.data}`]).toEqual(['bad_chunk', passed]);
  });

  it('105. sizes are hex of any case and CR in data is data', () => {
    expect(
      chunks(`0A\r\n\r\r\r\r\r\r\r\r\r\r\r\nb\r\n${'\r'.repeat(11)}\r\nB\r\n${'\n'.repeat(11)}\r\n0\r\n\r\n`)
        .step,
    ).toBe('end');
  });

  it('107. a quoted trailer value survives byte by byte; a folded one is refused', () => {
    const text = '0\r\nA: "x\\"y; z"\r\n\r\n';
    const everywhere = Array.from({ length: text.length }, (_, i) => i);
    expect(chunks(text, everywhere).trailers).toEqual(['A', '"x\\"y; z"']);
    expect(chunks('0\r\nA: "x\\"y;\r\n z"\r\n\r\n', everywhere).reason).toBe('bad_trailer');
  });

  it('108. trailers followed by a request line are refused', () => {
    expect(chunks('0\r\nA: b\r\nGET some/path HTTP/1.1\r\n\r\n').reason).toBe('bad_trailer');
  });

  it('109 and 110. the body ends at its last CRLF; what follows is the next message', () => {
    expect(chunks('0\r\n\r\nGET')).toMatchObject({ step: 'end', end: 5 });
    expect(chunks('0\r\n').step).toBe('more');
  });

  it('113. extensions are dropped', () => {
    expect(`${chunks('5;ext=1\r\nabcde\r\n0\r\n\r\n').data}`).toBe('5\r\nabcde\r\n');
  });
});

describe('7h. responses without bodies', () => {
  const framingLines = (text: string) =>
    text.split('\r\n').filter((line) => /^(?:content-length|transfer-encoding)/i.test(line));

  it.each([
    ['114', 'HEAD', '200 OK', 'Content-Length: 43\r\n', ['Content-Length: 43']],
    ['115', 'HEAD', '200 OK', 'Content-Length: 430000\r\n', ['Content-Length: 430000']],
    ['116', 'HEAD', '200 OK', 'Content-Length: 0\r\n', ['Content-Length: 0']],
    ['117', 'HEAD', '200 OK', 'Transfer-Encoding: chunked\r\n', ['Transfer-Encoding: chunked']],
    ['118', 'HEAD', '200 OK', 'Connection: close\r\n', []],
    ['120. 204 loses its length', 'GET', '204 No Content', 'Content-Length: 14\r\n', []],
    ['121', 'GET', '204 No Content', 'Date: x\r\n', []],
    ['124', 'GET', '304 Not Modified', 'Content-Length: 1421093\r\n', ['Content-Length: 1421093']],
    ['125. 204 loses its coding', 'GET', '204 No Content', 'transfer-encoding: chuNked\r\n', []],
    ['126', 'GET', '304 Not Modified', 'connection:close\r\n', []],
  ])('%s. %s, %s with %j has no body', (_case, method, status, lines, expected) => {
    const text = `HTTP/1.1 ${status}\r\n${lines}\r\n`;
    expect(response(text, method).framing).toBe('none');
    expect(framingLines(toClient(text, 1, method))).toEqual(expected);
  });
});

describe('7l. upgrades', () => {
  it('156. an upgrade to nothing is refused', () => {
    expect(refusal(get('Connection: upgrade\r\n'))).toMatchObject({ status: 400, reason: 'invalid_upgrade' });
  });

  it('157. options parted by blanks are an upgrade too', () => {
    const head = request(get('Connection: Upgrade Keep-Alive\r\nUpgrade: WebSocket\r\n'));
    expect(head).toMatchObject({ upgrade: 'WebSocket', keepAlive: true, nominated: [] });
  });
});
