import { describe, expect, it } from 'vitest';
import { HeadScan, readRequestHead } from '../../../src/wire/index.ts';
import { LIMITS } from '../limits.ts';
import { bytes, readRequest, refusal, request, verdict, withLine } from '../read.ts';

describe('a request head', () => {
  it('keeps fields as they came: order, case, repeats and empty values', () => {
    const head = request(
      'GET /a HTTP/1.1\r\nHost: a.test\r\nX-One: 1\r\nx-one:2\r\nX-Empty:\r\nX-Pad:  \t v w \t\r\n\r\n',
    );
    expect(head.fields).toEqual([
      'Host',
      'a.test',
      'X-One',
      '1',
      'x-one',
      '2',
      'X-Empty',
      '',
      'X-Pad',
      'v w',
    ]);
  });

  it('keeps the bytes of obs-text', () => {
    expect(request(withLine('X: \xe9\xff')).fields.at(-1)).toBe('\xe9\xff');
  });

  it('ends at its empty line, wherever it stands in the buffer', () => {
    const buffer = bytes('####GET / HTTP/1.1\r\nHost: a\r\n\r\nbody');
    const head = readRequestHead(buffer, 4, buffer.length, LIMITS, new HeadScan());
    expect(head).toMatchObject({ type: 'request', end: buffer.length - 4 });
  });

  it('does not see bytes behind the end it is given', () => {
    const buffer = bytes('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    expect(readRequestHead(buffer, 0, buffer.length - 1, LIMITS, new HeadScan()).type).toBe('incomplete');
  });

  it('reads the next head with the same scan, after a head and after a refusal', () => {
    const scan = new HeadScan();
    const buffer = bytes('GET /1 HTTP/1.1\r\nHost: a\r\nX: 1\r\n\r\nGET /2 HTTP/1.1\r\nHost: b\r\n\r\n');
    const first = readRequestHead(buffer, 0, buffer.length, LIMITS, scan);
    if (first.type !== 'request') throw new Error('expected a request');
    expect(readRequestHead(buffer, first.end, buffer.length, LIMITS, scan)).toMatchObject({
      target: '/2',
      host: 'b',
    });
    readRequestHead(bytes('GET / HTTP/1.1\r\nHo st: a\r\n'), 0, 26, LIMITS, scan);
    expect(readRequestHead(buffer, 0, buffer.length, LIMITS, scan)).toMatchObject({
      target: '/1',
      host: 'a',
    });
  });

  it('says what it could read of a head it refuses', () => {
    const head = refusal('PUT /p?q HTTP/1.1\r\nHost: A.test:81\r\nExpect: whatever\r\n\r\n');
    expect(head).toMatchObject({ status: 417, method: 'PUT', target: '/p?q', domain: 'a.test' });
  });

  it('says what it refuses, or at which byte of the message, wherever that stands in the buffer', () => {
    const where = (text: string) => {
      const buffer = bytes(`####${text}`);
      const head = readRequestHead(buffer, 4, buffer.length, LIMITS, new HeadScan());
      return head.type === 'refused' ? head.detail : head.type;
    };
    const lines = 'GET / HTTP/1.1\r\nA: b\r\n';
    expect(where(`${lines}Content-Length: 5x\r\n\r\n`)).toBe('Content-Length: "5x"');
    expect(where('\r\rGET')).toBe('at byte 1 of the message, found "\\r"');
    expect(where('\r\n'.repeat(6))).toBe('at byte 10 of the message, found "\\r"');
    expect(where('\r\nGET /\x01 HTTP/1.1\r\n')).toBe('at byte 7 of the message, found "\\u0001"');
    expect(where('GET / HTTP/1.1\rX')).toBe('at byte 15 of the message, found "X"');
    expect(where(`${lines} c`)).toBe('at byte 22 of the message, found " "');
    expect(where(`${lines}:`)).toBe('at byte 22 of the message, found ":"');
    expect(where(`${lines}C D`)).toBe('at byte 23 of the message, found " "');
    expect(where(`${lines}C: \x01`)).toBe('at byte 25 of the message, found "\\u0001"');
    expect(where(`${lines}C: d\rX`)).toBe('at byte 27 of the message, found "X"');
    expect(where(`${lines}\rX`)).toBe('at byte 23 of the message, found "X"');
    expect(where(`\r\n${lines}${'a:b\r\n'.repeat(1000)}`)).toBe('at byte 5019 of the message, found "a"');
  });

  it('tells of what contradicts itself no more than that head said', () => {
    refusal('TRACE / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nMax-Forwards: 7\r\n\r\n');
    const { detail } = refusal(withLine('Expect: b\r\nConnection: upgrade\r\nUpgrade: c'));
    expect(JSON.parse(detail)).toEqual({
      length: '',
      chunked: false,
      expect: 'b',
      upgrade: 'c',
      maxForwards: '',
    });
  });

  it('escapes what it quotes of a peer', () => {
    expect(refusal('GET / HTTP/1.1\r\nHost: a\r\nX: \x1b[2J\r\n\r\n').detail).not.toContain('\x1b');
  });
});

/** Each limit in a pair: the last that is taken, the first that is not. */
describe('limits are exact', () => {
  const line = (length: number) => `GET /${'x'.repeat(length - 'GET / HTTP/1.1'.length)} HTTP/1.1\r\n`;

  it('a request line of 8192 bytes, then 414', () => {
    expect(verdict(`${line(8192)}Host: a\r\n\r\n`)).toBe('accepted');
    expect(verdict(`${line(8193)}Host: a\r\n\r\n`)).toBe('414 request_line_too_long');
  });

  it('a request line is too long as soon as it is, not when it ends', () => {
    expect(verdict(`GET /${'x'.repeat(8187)}`)).toBe('incomplete');
    expect(verdict(`GET /${'x'.repeat(8188)}`)).toBe('414 request_line_too_long');
  });

  it('a method of 127 bytes, then 400', () => {
    expect(verdict(`${'M'.repeat(127)} / HTTP/1.1\r\nHost: a\r\n\r\n`)).toBe('accepted');
    expect(verdict(`${'M'.repeat(128)} / HTTP/1.1\r\nHost: a\r\n\r\n`)).toBe('400 invalid_method');
  });

  it('a header name of 1000 bytes, then 431', () => {
    expect(verdict(withLine(`${'n'.repeat(1000)}: v`))).toBe('accepted');
    expect(verdict(withLine(`${'n'.repeat(1001)}: v`))).toBe('431 header_name_too_long');
  });

  it('a header name is too long before its colon has come', () => {
    const start = 'GET / HTTP/1.1\r\nHost: a\r\n';
    expect(verdict(`${start}${'n'.repeat(1000)}`)).toBe('incomplete');
    expect(verdict(`${start}${'n'.repeat(1001)}`)).toBe('431 header_name_too_long');
  });

  it('a header value of 8192 bytes behind its blanks, then 431', () => {
    expect(verdict(withLine(`h: \t ${'v'.repeat(8192)}`))).toBe('accepted');
    expect(verdict(withLine(`h:${'v'.repeat(8193)}`))).toBe('431 header_value_too_long');
  });

  it('a header value is too long before its line has ended', () => {
    const start = 'GET / HTTP/1.1\r\nHost: a\r\nh: ';
    expect(verdict(`${start}${'v'.repeat(8192)}`)).toBe('incomplete');
    expect(verdict(`${start}${'v'.repeat(8193)}`)).toBe('431 header_value_too_long');
  });

  it('1000 header lines, then 431', () => {
    const head = (lines: number) => `GET / HTTP/1.1\r\nHost: a\r\n${'a:b\r\n'.repeat(lines - 1)}\r\n`;
    expect(verdict(head(1000))).toBe('accepted');
    expect(verdict(head(1001))).toBe('431 too_many_headers');
    expect(verdict(head(1001).slice(0, -6))).toBe('431 too_many_headers');
  });

  it('a head of 65536 bytes with its last CRLF, then 431', () => {
    const head = (length: number) => {
      const first = `GET / HTTP/1.1\r\nHost: a\r\n`;
      const lines = `h: ${'v'.repeat(8000)}\r\n`.repeat(8);
      const last = length - first.length - lines.length - 'l: \r\n\r\n'.length;
      return `${first}${lines}l: ${'v'.repeat(last)}\r\n\r\n`;
    };
    expect(head(65_536).length).toBe(65_536);
    expect(verdict(head(65_536))).toBe('accepted');
    expect(verdict(head(65_537))).toBe('431 head_too_large');
    expect(verdict(head(70_000).slice(0, 65_535))).toBe('incomplete');
    expect(verdict(head(70_000).slice(0, 65_536))).toBe('431 head_too_large');
  });

  it('five empty lines before a request, then 400', () => {
    expect(verdict(`${'\r\n'.repeat(5)}GET / HTTP/1.1\r\nHost: a\r\n\r\n`)).toBe('accepted');
    expect(verdict(`${'\r\n'.repeat(6)}GET / HTTP/1.1\r\nHost: a\r\n\r\n`)).toBe('400 empty_lines');
  });

  it('a host name of 253 bytes and labels of 63, then 400', () => {
    const host = (bytes: number) => `${'a'.repeat(61)}.`.repeat(4).concat('b'.repeat(bytes - 248));
    expect(verdict(`GET / HTTP/1.1\r\nHost: ${host(253)}\r\n\r\n`)).toBe('accepted');
    expect(verdict(`GET / HTTP/1.1\r\nHost: ${host(254)}\r\n\r\n`)).toBe('400 invalid_host');
    expect(verdict(`GET / HTTP/1.1\r\nHost: ${'a'.repeat(63)}\r\n\r\n`)).toBe('accepted');
    expect(verdict(`GET / HTTP/1.1\r\nHost: ${'a'.repeat(64)}\r\n\r\n`)).toBe('400 invalid_host');
  });

  it('a Content-Length of 2^53 - 1, then 400', () => {
    expect(verdict(withLine('Content-Length: 9007199254740991'))).toBe('accepted');
    expect(verdict(withLine('Content-Length: 9007199254740992'))).toBe('400 invalid_content_length');
  });
});

describe('waiting', () => {
  it('is never a head while a byte of it is missing, and the same head whichever byte came last', () => {
    const text =
      '\r\n\r\nPOST /p?q HTTP/1.1\r\nHost: A.test.:81\r\nConnection: keep-alive, X-Y\r\nContent-Length: 5 \r\n' +
      'X-Y: 1 \t\r\nExpect: 100-continue\r\nX-Empty:\r\nX-Pad:   \r\n\r\n';
    const buffer = bytes(text);
    const whole = readRequest(text);
    for (let cut = 0; cut < buffer.length; cut++) {
      const scan = new HeadScan();
      expect(readRequestHead(buffer, 0, cut, LIMITS, scan).type, `after ${cut} bytes`).toBe('incomplete');
      expect(readRequestHead(buffer, 0, buffer.length, LIMITS, scan), `cut at ${cut}`).toEqual(whole);
    }
  });

  it.each(['X-Hop: 1\r\nConnection: x-hop', 'Connection: close', 'Connection: keep-alive'])(
    'says nothing of the one before it, which had %j',
    (lines) => {
      for (const version of [1, 0] as const) {
        request(withLine(lines));
        const head = request(`GET / HTTP/1.${version}\r\nHost: a.test\r\n\r\n`);
        expect([head.nominated, head.keepAlive]).toEqual([[], version === 1]);
      }
    },
  );

  it('costs as much for 64 KiB a byte at a time as its bytes, not their square', async () => {
    const buffer = bytes(`GET / HTTP/1.1\r\nHost: a\r\n${`h: ${'v'.repeat(8000)}\r\n`.repeat(8)}`);
    const tookMs = () => {
      const scan = new HeadScan();
      const startedAt = performance.now();
      for (let end = 1; end <= buffer.length; end++) readRequestHead(buffer, 0, end, LIMITS, scan);
      return performance.now() - startedAt;
    };
    // A re-scan from the start would look at 2 billion bytes, a second or more, whenever it is tried.
    await expect.poll(tookMs, { interval: 0 }).toBeLessThan(300);
  });
});
