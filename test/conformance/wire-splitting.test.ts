/**
 * The response side of smuggling: what one request gets out of a backend's bytes, what is left over (after which the
 * connection is never used again), and that the client is sent exactly one message for it.
 */

import { describe, expect, it } from 'vitest';
import { HeadScan } from '../../src/wire/head-scan.ts';
import { lastChunk, readResponseHead, writeResponseHead } from '../../src/wire/index.ts';
import { RESPONSE_LIMITS } from '../wire/limits.ts';
import { llhttpReads } from '../wire/llhttp.ts';
import { bodyOf, readBody } from '../wire/read-whole.ts';

/** `100`, `200 5` with the bytes of the body, then `+n` for n bytes left over, `waits`, or a reason and `!`. */
function answers(stream: string, method = 'GET'): string[] {
  const bytes = Buffer.from(stream, 'latin1');
  const seen: string[] = [];
  let at = 0;
  while (at < bytes.length) {
    const head = readResponseHead(bytes, at, bytes.length, RESPONSE_LIMITS, method, new HeadScan());
    if (head.type === 'incomplete') return [...seen, 'waits'];
    if (head.type === 'refused') return [...seen, `${head.reason}!`];
    at = head.end;
    if (head.status < 200) {
      seen.push(`${head.status}`);
      continue;
    }
    const body = readBody(bodyOf(head.framing, head.contentLength, 'chunks'), bytes, at);
    if (body.step === 'refused') return [...seen, `${head.status}`, `${body.reason}!`];
    if (head.framing === 'close') return [...seen, `${head.status} ${body.data.length} to the end`];
    if (body.step === 'more') return [...seen, `${head.status}`, 'waits'];
    const writing = { clientVersion: 1, keepAlive: true, date: 'd', replaced: undefined } as const;
    const text = writeResponseHead(head, [], writing);
    const last = head.framing === 'chunked' ? lastChunk(body.trailers) : '';
    const sent = Buffer.concat([Buffer.from(text, 'latin1'), body.data, Buffer.from(last, 'latin1')]);
    const reading = llhttpReads('response', sent, head.framing === 'none' && head.contentLength !== 0);
    expect(reading, sent.toString('latin1')).toMatchObject({ verdict: 'complete', end: sent.length });
    seen.push(`${head.status} ${body.data.length}`);
    return body.end < bytes.length ? [...seen, `+${bytes.length - body.end}`] : seen;
  }
  return [...seen, 'waits'];
}

const OK = 'HTTP/1.1 200 OK\r\n';
const NEXT = 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil';

describe('bytes left over', () => {
  it.each([
    ['behind a length', 'GET', `${OK}Content-Length: 2\r\n\r\nab${NEXT}`, ['200 2', `+${NEXT.length}`]],
    [
      'behind the last chunk',
      'GET',
      `${OK}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n${NEXT}`,
      ['200 0', `+${NEXT.length}`],
    ],
    ['behind an answer to HEAD', 'HEAD', `${OK}Content-Length: 2\r\n\r\nab`, ['200 0', '+2']],
    [
      'behind a chunked answer to HEAD',
      'HEAD',
      `${OK}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
      ['200 0', '+5'],
    ],
    ['behind a 204', 'GET', `HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\nab`, ['204 0', '+2']],
    ['behind a 304', 'GET', `HTTP/1.1 304 Not Modified\r\nContent-Length: 2\r\n\r\nab`, ['304 0', '+2']],
    ['behind a length of zero', 'GET', `${OK}Content-Length: 0\r\n\r\n${NEXT}`, ['200 0', `+${NEXT.length}`]],
    ['behind the CRLF some backends add', 'GET', `${OK}Content-Length: 2\r\n\r\nab\r\n`, ['200 2', '+2']],
  ])('%s are seen', (_where, method, stream, expected) => {
    expect(answers(stream, method)).toEqual(expected);
  });
});

describe('interim responses', () => {
  it('go before the final one, and have no body whatever they say', () => {
    expect(answers(`HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nLink: x\r\n\r\n${NEXT}`)).toEqual([
      '100',
      '103',
      '200 4',
    ]);
    expect(answers(`HTTP/1.1 100 Continue\r\nContent-Length: ${NEXT.length}\r\n\r\n${NEXT}`)).toEqual([
      '100',
      '200 4',
    ]);
    expect(answers(`HTTP/1.1 100 Continue\r\nContent-Length: 3\r\n\r\nabc${NEXT}`)).toEqual([
      '100',
      'invalid_status!',
    ]);
    expect(answers(`HTTP/1.1 100 Continue\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${NEXT}`)).toEqual([
      '100',
      'invalid_status!',
    ]);
  });
});

describe('a response is refused', () => {
  it.each([
    [
      'a length beside chunked',
      `${OK}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
      'length_and_transfer_encoding!',
    ],
    [
      'chunked beside a length',
      `${OK}Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n0\r\n\r\n`,
      'length_and_transfer_encoding!',
    ],
    [
      'lengths that differ',
      `${OK}Content-Length: 2\r\nContent-Length: 3\r\n\r\nabc`,
      'invalid_content_length!',
    ],
    ['a hidden length', `${OK}Content-Length : 2\r\n\r\nab`, 'bad_header!'],
    ['a length behind a bare LF', `${OK}X: y\nContent-Length: 0\r\n\r\n`, 'bad_header!'],
    ['a length behind a bare CR', `${OK}X: y\rContent-Length: 0\r\n\r\n`, 'bad_header!'],
    ['a folded coding', `${OK}Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n`, 'bad_header!'],
    ['a coding behind a vertical tab', `${OK}Transfer-Encoding: \vchunked\r\n\r\n0\r\n\r\n`, 'bad_header!'],
    ['another coding', `${OK}Transfer-Encoding: gzip\r\n\r\n`, 'invalid_transfer_encoding!'],
    ['a head that ends in bare LFs', 'HTTP/1.1 200 OK\n\n', 'invalid_status!'],
    ['an empty line before it', `\r\n${NEXT}`, 'invalid_status!'],
    ['a body without head', 'evil', 'invalid_status!'],
    ['no HTTP', '\x16\x03\x01', 'invalid_status!'],
    ['a phrase with a NUL', 'HTTP/1.1 200 O\0K\r\n\r\n', 'invalid_status!'],
    ['a cookie with a line in it', `${OK}Set-Cookie: a=b\n\nHTTP/1.1 200 OK\r\n\r\n`, 'bad_header!'],
  ])('for %s', (_what, stream, expected) => {
    expect(answers(stream)).toEqual([expected]);
  });

  it('in its body, after its head', () => {
    expect(answers(`${OK}Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n`)).toEqual([
      '200',
      'bad_chunk!',
    ]);
    expect(answers(`${OK}Transfer-Encoding: chunked\r\n\r\n0\r\nSet-Cookie\r\n\r\n`)).toEqual([
      '200',
      'bad_trailer!',
    ]);
  });
});

it('without length or chunks a body ends with the connection', () => {
  expect(answers(`${OK}\r\n${NEXT}`)).toEqual([`200 ${NEXT.length} to the end`]);
});
