import { describe, expect, it } from 'vitest';
import { HeadScan, readResponseHead } from '../../../src/wire/index.ts';
import { RESPONSE_LIMITS } from '../limits.ts';
import { bytes, readResponse, response, responseVerdict } from '../read.ts';

const ok = (lines: string) => `HTTP/1.1 200 OK\r\n${lines}\r\n`;

describe('a status line', () => {
  it.each([
    ['HTTP/1.1 421', 421, ''],
    ['HTTP/1.1 421 ', 421, ''],
    ['HTTP/1.1 421 Deliberate Phrase', 421, 'Deliberate Phrase'],
    ['HTTP/1.1 666 THE NUMBER OF THE BEAST', 666, 'THE NUMBER OF THE BEAST'],
    ['HTTP/1.0 200 D\xe9j\xe0\tvu', 200, 'D\xe9j\xe0\tvu'],
  ])('%j has a status and a phrase', (line, status, phrase) => {
    expect(response(`${line}\r\n\r\n`)).toMatchObject({ status, phrase });
  });

  it.each([
    'HTTP/3.0 200 OK',
    'HTTP/1.2 200 OK',
    'HTTP/1.1 20: OK',
    'HTTP/1.1 2/0 OK',
    'HTTP/1.1 20 OK',
    'HTTP/1.1 2000 OK',
    'HTTP/1.1 200OK',
    'HTTP/1.1 099 OK',
    'HTTP/1.1  200 OK',
    'HTTP/1.1\t200 OK',
    'HTTP/1.1 200\tOK',
    'http/1.1 200 OK',
    'ICY 200 OK',
    ' HTTP/1.1 200 OK',
    'HTTP/1.1 200 O\x00K',
    'HTTP/1.1',
    '',
  ])('%j is refused', (line) => {
    expect(responseVerdict(`${line}\r\n\r\n`)).toBe('503 invalid_status');
  });

  it('is refused at its first wrong byte or at its end, not when the head ends', () => {
    for (const start of ['\x15', 'S', 'HTTPS', 'HTTP/2'])
      expect(responseVerdict(start)).toBe('503 invalid_status');
    for (const start of ['', 'H', 'HTTP/1', 'HTTP/1.1 20']) expect(responseVerdict(start)).toBe('incomplete');
    expect(responseVerdict('HELLO\r\n')).toBe('503 invalid_status');
    expect(responseVerdict('HTTP/1.1 200 OK\n')).toBe('503 invalid_status');
  });
});

describe('limits of responses are exact', () => {
  it('a status line of 8192 bytes, then status_line_too_long', () => {
    const line = (length: number) => `HTTP/1.1 200 ${'x'.repeat(length - 13)}`;
    expect(responseVerdict(`${line(8192)}\r\n\r\n`)).toBe('accepted');
    expect(responseVerdict(`${line(8193)}\r\n\r\n`)).toBe('502 status_line_too_long');
    expect(responseVerdict(line(8192))).toBe('incomplete');
    expect(responseVerdict(line(8193))).toBe('502 status_line_too_long');
  });

  it('a Set-Cookie line of 8192 bytes with its name, then set_cookie_too_long', () => {
    const line = (length: number) => `Set-Cookie: ${'x'.repeat(length - 12)}\r\n`;
    expect(responseVerdict(ok(line(8192)))).toBe('accepted');
    expect(responseVerdict(ok(line(8193)))).toBe('502 set_cookie_too_long');
    expect(responseVerdict(ok(line(8193).replace('Set-Cookie', 'sEt-cOOKIE')))).toBe(
      '502 set_cookie_too_long',
    );
    expect(responseVerdict(ok(line(8193).replace('Set-Cookie', 'Set-Cooky2')))).toBe('accepted');
    expect(responseVerdict(ok(`Set-Cookie:${' '.repeat(8182)}\r\n`))).toBe('502 set_cookie_too_long');
  });

  it('any other line of 512 KiB, then header_line_too_long', () => {
    const line = (length: number) => `x: ${'x'.repeat(length - 3)}\r\n`;
    expect(responseVerdict(ok(line(524_288)))).toBe('accepted');
    expect(responseVerdict(ok(line(524_289)))).toBe('502 header_line_too_long');
    expect(responseVerdict(ok(`${'n'.repeat(524_289)}`))).toBe('502 header_line_too_long');
  });

  it('a head of 1 MiB, then response_head_too_large', () => {
    const head = (length: number) => {
      const first = `HTTP/1.1 200 OK\r\na: ${'x'.repeat(524_000)}\r\nb: ${'x'.repeat(500_000)}\r\n`;
      return `${first}c: ${'x'.repeat(length - first.length - 7)}\r\n\r\n`;
    };
    expect(head(1_048_576)).toHaveLength(1_048_576);
    expect(responseVerdict(head(1_048_576))).toBe('accepted');
    expect(responseVerdict(head(1_048_577))).toBe('502 response_head_too_large');
  });
});

describe('framing of a response', () => {
  it.each([
    ['GET', 'HTTP/1.1 200 OK', 'Content-Length: 43\r\n', 'length', 43],
    ['GET', 'HTTP/1.1 200 OK', 'Content-Length: 43\r\nContent-Length: 43\r\n', 'length', 43],
    ['GET', 'HTTP/1.1 200 OK', 'Content-Length: 0\r\n', 'none', 0],
    ['GET', 'HTTP/1.1 200 OK', 'Content-Length: 1\r\n', 'length', 1],
    ['GET', 'HTTP/1.1 200 OK', 'Transfer-Encoding: ChunKed\r\n', 'chunked', -1],
    ['GET', 'HTTP/1.1 200 OK', '', 'close', -1],
    ['GET', 'HTTP/1.0 200 OK', '', 'close', -1],
    ['HEAD', 'HTTP/1.1 200 OK', 'Content-Length: 43\r\n', 'none', 43],
    ['HEAD', 'HTTP/1.1 200 OK', 'Transfer-Encoding: chunked\r\n', 'none', -1],
    ['HEAD', 'HTTP/1.1 200 OK', '', 'none', -1],
    ['GET', 'HTTP/1.1 204 No Content', 'Content-Length: 14\r\n', 'none', 14],
    ['GET', 'HTTP/1.1 204 No Content', 'Transfer-Encoding: chunked\r\n', 'none', -1],
    ['GET', 'HTTP/1.1 304 Not Modified', 'Content-Length: 1421093\r\n', 'none', 1_421_093],
    ['GET', 'HTTP/1.1 100 Continue', '', 'none', -1],
    ['GET', 'HTTP/1.1 103 Early Hints', 'Link: </a>\r\n', 'none', -1],
    ['GET', 'HTTP/1.1 101 Switching Protocols', 'Upgrade: x\r\n', 'none', -1],
  ])('%s, %s, %j: %s', (method, line, lines, framing, contentLength) => {
    expect(response(`${line}\r\n${lines}\r\n`, method)).toMatchObject({ framing, contentLength });
  });

  it.each([
    ['Content-Length: 43\r\nContent-Length: 41\r\n', '502 invalid_content_length'],
    ['Content-Length: 43,43\r\n', '502 invalid_content_length'],
    ['Content-Length: 208062 \r\n', '502 invalid_content_length'],
    ['Content-Length: 5\t\r\n', '502 invalid_content_length'],
    ['Content-Length: -5\r\n', '502 invalid_content_length'],
    ['Content-Length: 5x\r\n', '502 invalid_content_length'],
    ['Content-Length:\r\n', '502 invalid_content_length'],
    ['Transfer-Encoding: gzip, chunked\r\n', '502 invalid_transfer_encoding'],
    ['Transfer-Encoding: ,\r\n', '502 invalid_transfer_encoding'],
    ['Transfer-Encoding: chunked\t\r\n', '502 invalid_transfer_encoding'],
    ['Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n', '502 invalid_transfer_encoding'],
    ['Transfer-Encoding: chunked\r\nContent-Length: 5\r\n', '502 length_and_transfer_encoding'],
    ['Content-Length: 5\r\nTransfer-Encoding: chunked\r\n', '502 length_and_transfer_encoding'],
    ['Transfer_Encoding: chunked\r\n', '502 bad_header'],
    ['Transfer-Encoding : chunked\r\n', '502 bad_header'],
    ['no colon\r\n', '502 bad_header'],
    ['nocolon\r\n', '502 bad_header'],
    [': empty\r\n', '502 bad_header'],
    ['A: b\r\n folded\r\n', '502 bad_header'],
    [' A: b\r\n', '502 bad_header'],
    ['A: b\nB: c\r\n', '502 bad_header'],
    ['A: b\rB: c\r\n', '502 bad_header'],
    ['A: \0\r\n', '502 bad_header'],
    ['Connection: (\r\n', '502 invalid_connection'],
  ])('%j is refused', (lines, verdict) => {
    expect(responseVerdict(ok(lines))).toBe(verdict);
  });

  it('a transfer coding in an HTTP/1.0 response is refused', () => {
    expect(responseVerdict('HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n')).toBe(
      '502 invalid_transfer_encoding',
    );
  });
});

describe('a backend connection', () => {
  it.each([
    ['HTTP/1.1 200 OK', 'Content-Length: 0\r\n', true],
    ['HTTP/1.1 200 OK', 'Content-Length: 0\r\nConnection: close\r\n', false],
    ['HTTP/1.1 200 OK', 'Content-Length: 0\r\nConnection: keep-alive, Close\r\n', false],
    ['HTTP/1.1 200 OK', 'Content-Length: 0\r\nConnection:\r\n', true],
    ['HTTP/1.1 200 OK', 'Content-Length: 0\r\nConnection: ,\r\n', true],
    ['HTTP/1.1 200 OK', '', false],
    ['HTTP/1.0 200 OK', 'Content-Length: 0\r\n', false],
    ['HTTP/1.0 200 OK', 'Content-Length: 0\r\nConnection: Keep-Alive\r\n', true],
    ['HTTP/1.0 200 OK', 'Content-Length: 0\r\nConnection: keepalive\r\n', false],
  ])('after %s with %j may be kept: %s', (line, lines, keepAlive) => {
    expect(response(`${line}\r\n${lines}\r\n`).keepAlive).toBe(keepAlive);
  });
});

it('says what it refuses, and at which byte, wherever that stands in the buffer', () => {
  const detail = (text: string) => {
    const buffer = bytes(`####${text}`);
    const head = readResponseHead(buffer, 4, buffer.length, RESPONSE_LIMITS, 'GET', new HeadScan());
    return head.type === 'refused' ? head.detail : head.type;
  };
  expect(detail(ok('A: b\r\nContent-Length: 5x\r\n'))).toBe('Content-Length: "5x"');
  expect(detail(ok('A: b\r\nC D'))).toBe('at byte 24 of the message, found " "');
});

it('waits for every byte of a head, and reads the same whichever came last', () => {
  const text =
    'HTTP/1.1 200 Fine \xe9\r\nSet-Cookie: a=b \r\nContent-Length: 3\r\nConnection: x-y\t\r\nX-Y:\r\n\r\n';
  const buffer = bytes(text);
  const whole = readResponse(text);
  for (let cut = 0; cut < buffer.length; cut++) {
    const scan = new HeadScan();
    expect(readResponseHead(buffer, 0, cut, RESPONSE_LIMITS, 'GET', scan).type).toBe('incomplete');
    expect(readResponseHead(buffer, 0, buffer.length, RESPONSE_LIMITS, 'GET', scan)).toEqual(whole);
  }
});
