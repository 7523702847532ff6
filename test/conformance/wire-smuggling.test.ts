/**
 * The published families of request smuggling, as streams of bytes from one client: which requests are served from each,
 * and how the stream ends. Of each request served, what a backend would be sent must be one message to llhttp, whole.
 */

import { describe, expect, it } from 'vitest';
import { HeadScan } from '../../src/wire/head-scan.ts';
import { lastChunk, readRequestHead, writeRequestHead } from '../../src/wire/index.ts';
import { LIMITS } from '../wire/limits.ts';
import { llhttpReads } from '../wire/llhttp.ts';
import { bodyOf, readBody } from '../wire/read-whole.ts';
import { BAD_CHUNKS, BAD_TRAILERS, SMUGGLED } from './bad-chunks.ts';

/** `POST /a 5` for each request served with so many body bytes, then `end`, `waits`, or a reason and `!`. */
function served(stream: string): string[] {
  const bytes = Buffer.from(stream, 'latin1');
  const seen: string[] = [];
  let at = 0;
  while (at < bytes.length) {
    const head = readRequestHead(bytes, at, bytes.length, LIMITS, new HeadScan());
    if (head.type === 'incomplete') return [...seen, 'waits'];
    if (head.type === 'refused') return [...seen, `${head.reason}!`];
    const body = readBody(bodyOf(head.framing, head.contentLength, 'chunks'), bytes, head.end);
    if (body.step === 'refused') return [...seen, `${head.method} ${head.target}`, `${body.reason}!`];
    if (body.step === 'more') return [...seen, `${head.method} ${head.target}`, 'waits'];
    seen.push(`${head.method} ${head.target}`);
    const text = writeRequestHead(head, [], {
      keepAlive: true,
      expectContinue: true,
      trustsPeer: false,
      replaced: undefined,
    });
    const last = head.framing === 'chunked' ? lastChunk(body.trailers) : '';
    expectOneMessage(Buffer.concat([Buffer.from(text, 'latin1'), body.data, Buffer.from(last, 'latin1')]));
    at = body.end;
  }
  return [...seen, 'end'];
}

function expectOneMessage(sent: Buffer): void {
  // A method llhttp does not know says nothing about where the message ends.
  const known = Buffer.from(sent.toString('latin1').replace(/^XYZZY /, 'GET '), 'latin1');
  const reading = llhttpReads('request', known);
  expect(reading, sent.toString('latin1')).toMatchObject({ verdict: 'complete', end: known.length });
}

const post = (lines: string, rest = '') => `POST /a HTTP/1.1\r\nHost: a\r\n${lines}\r\n\r\n${rest}`;
const CHUNKED_SMUGGLE = `0\r\n\r\n${SMUGGLED}`;

describe('CL.TE and TE.CL: a length beside chunked', () => {
  it.each([
    [
      'CL.TE',
      post(`Content-Length: ${CHUNKED_SMUGGLE.length}\r\nTransfer-Encoding: chunked`, CHUNKED_SMUGGLE),
    ],
    ['TE.CL', post(`Transfer-Encoding: chunked\r\nContent-Length: 4`, `5c\r\n${SMUGGLED}\r\n0\r\n\r\n`)],
    [
      'a length of zero beside chunked',
      post('Content-Length: 0\r\nTransfer-Encoding: chunked', CHUNKED_SMUGGLE),
    ],
    [
      'two lengths and chunked',
      post('Content-Length: 5\r\nContent-Length: 5\r\nTransfer-Encoding: chunked', '0\r\n\r\n'),
    ],
  ])('%s is refused', (_family, stream) => {
    expect(served(stream)).toEqual(['length_and_transfer_encoding!']);
  });

  it('a bad length beside chunked is refused for the length', () => {
    expect(served(post('Content-Length: x\r\nTransfer-Encoding: chunked', CHUNKED_SMUGGLE))).toEqual([
      'invalid_content_length!',
    ]);
  });
});

describe('TE.TE: a Transfer-Encoding that only one reader sees', () => {
  it.each([
    ['xchunked', 'Transfer-Encoding: xchunked', 'invalid_transfer_encoding!'],
    ['chunkedx', 'Transfer-Encoding: chunkedx', 'invalid_transfer_encoding!'],
    [
      'twice, the second odd',
      'Transfer-Encoding: chunked\r\nTransfer-Encoding: x',
      'invalid_transfer_encoding!',
    ],
    [
      'twice, the first odd',
      'Transfer-Encoding: x\r\nTransfer-Encoding: chunked',
      'invalid_transfer_encoding!',
    ],
    [
      'twice the same',
      'Transfer-Encoding: chunked\r\nTransfer-encoding: chunked',
      'invalid_transfer_encoding!',
    ],
    ['chunked, identity', 'Transfer-Encoding: chunked, identity', 'invalid_transfer_encoding!'],
    ['identity, chunked', 'Transfer-Encoding: identity, chunked', 'unsupported_transfer_coding!'],
    ['identity', 'Transfer-Encoding: identity', 'invalid_transfer_encoding!'],
    ['cow', 'Transfer-Encoding: cow', 'invalid_transfer_encoding!'],
    ['quoted', 'Transfer-Encoding: "chunked"', 'invalid_transfer_encoding!'],
    ['in quotation marks', "Transfer-Encoding: 'chunked'", 'invalid_transfer_encoding!'],
    ['with a parameter', 'Transfer-Encoding: chunked;q=1', 'invalid_transfer_encoding!'],
    ['with a comma behind', 'Transfer-Encoding: chunked,', 'invalid_transfer_encoding!'],
    ['with a comma before', 'Transfer-Encoding: ,chunked', 'invalid_transfer_encoding!'],
    ['empty', 'Transfer-Encoding:', 'invalid_transfer_encoding!'],
    ['a space before the colon', 'Transfer-Encoding : chunked', 'space_before_colon!'],
    ['a tab before the colon', 'Transfer-Encoding\t: chunked', 'space_before_colon!'],
    ['a space before the name', ' Transfer-Encoding: chunked', 'obs_fold!'],
    ['a vertical tab before the value', 'Transfer-Encoding:\vchunked', 'control_byte!'],
    ['a form feed before the value', 'Transfer-Encoding:\fchunked', 'control_byte!'],
    ['a vertical tab before the name', '\vTransfer-Encoding: chunked', 'invalid_header_name!'],
    ['a no-break space before the value', 'Transfer-Encoding: \xa0chunked', 'invalid_transfer_encoding!'],
    ['a tab behind the value', 'Transfer-Encoding: chunked\t', 'invalid_transfer_encoding!'],
    ['folded', 'Transfer-Encoding:\r\n chunked', 'obs_fold!'],
    ['folded behind a tab', 'Transfer-Encoding:\r\n\tchunked', 'obs_fold!'],
    ['behind a bare LF', 'X: y\nTransfer-Encoding: chunked', 'bare_lf!'],
    ['behind a bare CR', 'X: y\rTransfer-Encoding: chunked', 'bare_cr!'],
    ['behind a NUL', 'X: y\0Transfer-Encoding: chunked', 'control_byte!'],
    ['a NUL in the name', 'Transfer\0-Encoding: chunked', 'invalid_header_name!'],
    ['a NUL behind the value', 'Transfer-Encoding: chunked\0', 'control_byte!'],
    ['with an underscore', 'Transfer_Encoding: chunked', 'confusable_header_name!'],
    ['without a colon', 'Transfer-Encoding chunked', 'space_before_colon!'],
    ['with an 8-bit byte in the name', 'Tr\xe4nsfer-Encoding: chunked', 'invalid_header_name!'],
    ['in HTTP/1.0', '', 'invalid_transfer_encoding!'],
  ])('%s', (family, line, expected) => {
    const stream =
      family === 'in HTTP/1.0'
        ? `POST /a HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${CHUNKED_SMUGGLE}`
        : post(line, CHUNKED_SMUGGLE);
    expect(served(stream)).toEqual([expected]);
  });

  it('any case and blanks at the ends are chunked to everybody', () => {
    for (const line of [
      'transfer-encoding:chunked',
      'TRANSFER-ENCODING:   CHUNKED',
      'Transfer-Encoding: chunked ',
    ]) {
      expect(served(post(line, CHUNKED_SMUGGLE))).toEqual(['POST /a', 'GET /smuggled', 'end']);
    }
  });
});

describe('CL.CL: a length that two readers read differently', () => {
  it.each([
    ['two that differ', 'Content-Length: 0\r\nContent-Length: 40', 'conflicting_content_length!'],
    ['a list', 'Content-Length: 5, 5', 'invalid_content_length!'],
    ['a plus', 'Content-Length: +5', 'invalid_content_length!'],
    ['hex', 'Content-Length: 0x5', 'invalid_content_length!'],
    ['a point', 'Content-Length: 5.0', 'invalid_content_length!'],
    ['an exponent', 'Content-Length: 5e0', 'invalid_content_length!'],
    ['a blank inside', 'Content-Length: 1 0', 'invalid_content_length!'],
    ['a tab behind', 'Content-Length: 5\t', 'invalid_content_length!'],
    ['minus zero', 'Content-Length: -0', 'invalid_content_length!'],
    ['beyond 64 bits', 'Content-Length: 18446744073709551621', 'invalid_content_length!'],
    ['an underscore', 'Content_Length: 5', 'confusable_header_name!'],
    ['a space before the colon', 'Content-Length : 5', 'space_before_colon!'],
    ['folded', 'Content-Length:\r\n 5', 'obs_fold!'],
    ['a vertical tab', 'Content-Length: \v5', 'control_byte!'],
    ['a NUL', 'Content-Length: 5\0', 'control_byte!'],
    ['a quotation', 'Content-Length: "5"', 'invalid_content_length!'],
    ['a bare LF behind', 'Content-Length: 5\nX: y', 'bare_lf!'],
  ])('%s is refused', (_family, line, expected) => {
    expect(served(post(line, `12345${SMUGGLED}`))).toEqual([expected]);
  });

  it('leading zeros are decimal to us and are gone for the backend', () => {
    expect(served(post('Content-Length: 010', `0123456789${SMUGGLED}`))).toEqual([
      'POST /a',
      'GET /smuggled',
      'end',
    ]);
  });
});

describe('0.CL and CL.0: a body that one reader does not expect', () => {
  it.each(['GET', 'HEAD', 'OPTIONS', 'DELETE', 'POST', 'XYZZY'])('a body of %s is its own', (method) => {
    const stream = `${method} /a HTTP/1.1\r\nHost: a\r\nContent-Length: ${SMUGGLED.length}\r\n\r\n${SMUGGLED}`;
    expect(served(stream)).toEqual([`${method} /a`, 'end']);
  });

  it('a TRACE with a body is refused, as backends do not expect one', () => {
    expect(served(`TRACE /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n12345`)).toEqual([
      'content_in_trace!',
    ]);
  });

  it('a length hidden behind a vertical tab, as 0.CL wants it, is refused', () => {
    expect(served(post('Content-Length\v: 5', SMUGGLED))).toEqual(['invalid_header_name!']);
  });

  it('Expect beside a length makes no other body of it', () => {
    const body = 'x'.repeat(SMUGGLED.length);
    expect(
      served(post(`Expect: 100-continue\r\nContent-Length: ${body.length}`, `${body}${SMUGGLED}`)),
    ).toEqual(['POST /a', 'GET /smuggled', 'end']);
    expect(served(post('Expect: y 100-continue\r\nContent-Length: 5', SMUGGLED))).toEqual([
      'invalid_expect!',
    ]);
    expect(served(post('Expect: 100-continue\r\nExpect: x\r\nContent-Length: 5', SMUGGLED))).toEqual([
      'unsupported_expectation!',
    ]);
    // What V-H in the Expect family hides: folded and repeated lines.
    expect(served(post('Expect:\r\n 100-continue\r\nContent-Length: 5', SMUGGLED))).toEqual(['obs_fold!']);
  });
});

describe('chunk sizes, extensions and ends', () => {
  const chunked = (body: string) => served(post('Transfer-Encoding: chunked', body));

  it.each(BAD_CHUNKS)('%s is refused', (_family, body) => {
    expect(chunked(body)).toEqual(['POST /a', 'bad_chunk!']);
  });

  it.each(BAD_TRAILERS)('%s is refused', (_family, body) => {
    expect(chunked(body)).toEqual(['POST /a', 'bad_trailer!']);
  });

  it('extensions that are sound are dropped, and hide nothing', () => {
    expect(chunked(`1;a="0\\r\\n\\r\\n";b\r\nx\r\n0;c\r\n\r\n${SMUGGLED}`)).toEqual([
      'POST /a',
      'GET /smuggled',
      'end',
    ]);
  });

  it('without its last CRLF a body waits, and takes the next request for trailers', () => {
    expect(chunked('0\r\n')).toEqual(['POST /a', 'waits']);
    expect(chunked('0\r\nX: GET /smuggled HTTP/1.1\r\n')).toEqual(['POST /a', 'waits']);
  });
});

describe('the start of a request', () => {
  it.each([
    ['a bare LF before it', `\n${SMUGGLED}`, 'bare_lf!'],
    ['blanks before it', ` ${SMUGGLED}`, 'malformed_request_line!'],
    ['a NUL before it', `\0${SMUGGLED}`, 'control_byte!'],
    ['a second request line', `GET /a HTTP/1.1\r\n${SMUGGLED}`, 'space_before_colon!'],
    ['a version in the target', 'GET /a HTTP/1.1 HTTP/1.1\r\nHost: a\r\n\r\n', 'malformed_request_line!'],
    ['a bare CR in the target', 'GET /a\rX: y HTTP/1.1\r\nHost: a\r\n\r\n', 'bare_cr!'],
    ['a bare LF in the target', 'GET /a\nX: y HTTP/1.1\r\nHost: a\r\n\r\n', 'bare_lf!'],
    ['a tab in the target', 'GET /a\tb HTTP/1.1\r\nHost: a\r\n\r\n', 'control_byte!'],
    ['HTTP/0.9', 'GET /a\r\nHost: a\r\n\r\n', 'malformed_request_line!'],
    ['a version with a digit more', 'GET /a HTTP/1.11\r\nHost: a\r\n\r\n', 'malformed_request_line!'],
    ['HTTP/2 by prior knowledge', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'unsupported_version!'],
    ['a TLS hello', '\x16\x03\x01\x02\0\x01', 'control_byte!'],
    ['a PROXY header', 'PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\nGET / HTTP/1.1\r\n', 'malformed_request_line!'],
    [
      'an h2c upgrade hidden in CONNECT',
      'CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n',
      'connect_not_supported!',
    ],
  ])('%s is refused', (_family, stream, expected) => {
    const got = served(stream);
    // The two words for a request line that is none do not matter here; that it is refused does.
    expect(got.map((word) => word.replace('invalid_target!', 'malformed_request_line!'))).toEqual([expected]);
  });
});

describe('who the request is for', () => {
  it.each([
    ['two hosts', 'Host: a\r\nHost: b', 'repeated_host!'],
    ['a host with a space before the colon', 'Host : b\r\nHost: a', 'space_before_colon!'],
    ['a folded host', 'Host:\r\n a', 'obs_fold!'],
    ['a host with a line in it', 'Host: a\rX: y', 'bare_cr!'],
    ['a host and a path', 'Host: a/b', 'invalid_host!'],
    ['a host with user information', 'Host: a@b', 'invalid_host!'],
    ['two hosts in a list', 'Host: a, b', 'invalid_host!'],
    ['an encoded host', 'Host: %61', 'invalid_host!'],
    ['a host with a tab', 'Host: a\tb', 'invalid_host!'],
  ])('%s is refused', (_family, lines, expected) => {
    expect(served(`GET /a HTTP/1.1\r\n${lines}\r\n\r\n`)).toEqual([expected]);
  });

  it.each(['http://b/', 'http://a@b/', 'http://b:80@a/', 'http://a:80/', 'http://a\\@b/', 'http://a.b/'])(
    'a target of %s beside Host: a is refused',
    (target) => {
      const [end] = served(`GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`);
      expect(end).toMatch(/^(?:target_host_mismatch|invalid_target)!$/);
    },
  );
});

describe('what only this hop should see', () => {
  const written = (lines: string) => {
    const bytes = Buffer.from(`POST /a HTTP/1.1\r\nHost: a\r\n${lines}\r\n\r\n`, 'latin1');
    const head = readRequestHead(bytes, 0, bytes.length, LIMITS, new HeadScan());
    if (head.type !== 'request') throw new Error(`expected a request, found ${JSON.stringify(head)}`);
    const writing = { keepAlive: true, expectContinue: false, trustsPeer: false, replaced: undefined };
    return writeRequestHead(head, ['X-Forwarded-For', '192.0.2.1'], writing);
  };

  it('Connection cannot take away what the router says', () => {
    const text = written(
      'Connection: close, x-forwarded-for, host, content-length, transfer-encoding\r\nContent-Length: 5',
    );
    for (const line of ['Host: a\r\n', 'X-Forwarded-For: 192.0.2.1\r\n', 'Content-Length: 5\r\n']) {
      expect(text).toContain(line);
    }
  });

  it('nothing of an h2c upgrade reaches a backend', () => {
    const text = written('Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk');
    expect(text).not.toMatch(/h2c|http2-settings|upgrade/i);
  });
});
