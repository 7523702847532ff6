import { describe, expect, it } from 'vitest';
import {
  isFieldName,
  isFieldValue,
  lastChunk,
  type RequestWriting,
  type ResponseWriting,
  writeInterimHead,
  writeRequestHead,
  writeResponseHead,
} from '../../src/wire/index.ts';
import { request, response } from './read.ts';

const WRITING: RequestWriting = {
  keepAlive: true,
  expectContinue: false,
  trustsPeer: false,
  replaced: undefined,
};
const ANSWERING: ResponseWriting = {
  clientVersion: 1,
  keepAlive: true,
  date: 'Thu, 01 Jan 1970',
  replaced: undefined,
};

function sent(text: string, writing: Partial<RequestWriting> = {}, own: readonly string[] = []): string[] {
  return writeRequestHead(request(text), own, { ...WRITING, ...writing }).split('\r\n');
}

function answered(text: string, writing: Partial<ResponseWriting> = {}, method = 'GET'): string[] {
  return writeResponseHead(response(text, method), [], { ...ANSWERING, ...writing }).split('\r\n');
}

describe('lines that pass', () => {
  const LINES = [
    'A: b',
    'C:d',
    'E:  f',
    'G: h ',
    'I:\tj',
    'K:',
    'L: m\t',
    'N: o  p',
    'Q: \xe9',
    'Host: a',
    'R: s',
  ];
  const WRITTEN = ['A: b', 'C: d', 'E: f', 'G: h', 'I: j', 'K: ', 'L: m', 'N: o  p', 'Q: \xe9'];

  it('to a backend have one space before the value and none behind, however they came', () => {
    const written = sent(`GET / HTTP/1.1\r\n${LINES.join('\r\n')}\r\n\r\n`);
    expect(written.slice(2, -3)).toEqual([...WRITTEN, 'R: s']);
  });

  it('to a client too', () => {
    const written = answered(
      `HTTP/1.1 200 OK\r\n${LINES.join('\r\n')}\r\nContent-Length: 0\r\nDate: x\r\n\r\n`,
    );
    expect(written.slice(1, -4)).toEqual([...WRITTEN, 'Host: a', 'R: s', 'Date: x']);
  });

  it('are told to who asks as they would be written', () => {
    const { fields } = request(`GET / HTTP/1.1\r\n${LINES.join('\r\n')}\r\n\r\n`);
    const told = fields.map((name, at) => (at % 2 === 0 ? `${name}: ${fields[at + 1]}` : ''));
    expect(told.filter((line) => line !== '')).toEqual([...WRITTEN, 'Host: a', 'R: s']);
  });
});

describe('a request to a backend', () => {
  it('is HTTP/1.1, its Host first and its other fields as they came', () => {
    expect(sent('GET /a?b HTTP/1.0\r\nX-One: 1\r\nhOST: A.test:80\r\nx-one: 2\r\nX-E:\r\n\r\n')).toEqual([
      'GET /a?b HTTP/1.1',
      'Host: A.test:80',
      'X-One: 1',
      'x-one: 2',
      'X-E: ',
      'Connection: keep-alive',
      '',
      '',
    ]);
  });

  it('ends the connection when asked to', () => {
    expect(sent('GET / HTTP/1.1\r\nHost: a\r\n\r\n', { keepAlive: false })).toContain('Connection: close');
  });

  it('has no field of another hop', () => {
    const lines = [
      'Connection: close, X-Mine',
      'X-Mine: 1',
      'Keep-Alive: timeout=1',
      'TE: trailers',
      'TE: deflate',
    ];
    const more = ['Proxy-Connection: x', 'Proxy-Authorization: x', 'Proxy-Authentication: y', 'Trailer: a'];
    const written = sent(`GET / HTTP/1.1\r\nHost: a\r\n${[...lines, ...more].join('\r\n')}\r\n\r\n`);
    expect(written.slice(2, -2)).toEqual(['Proxy-Authentication: y', 'Trailer: a', 'Connection: keep-alive']);
  });

  it('keeps Host and framing though Connection nominates them', () => {
    const written = sent(
      'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nConnection: host, content-length\r\n\r\n',
    );
    expect(written).toEqual(expect.arrayContaining(['Host: a', 'Content-Length: 5']));
  });

  it('writes one Content-Length for several, and a number for its digits', () => {
    const written = sent('POST / HTTP/1.1\r\nHost: a\r\ncontent-length: 010\r\nContent-Length: 010\r\n\r\n');
    expect(written.filter((line) => /length/i.test(line))).toEqual(['Content-Length: 10']);
  });

  it('writes Transfer-Encoding for a chunked body', () => {
    const written = sent('POST / HTTP/1.1\r\nHost: a\r\ntransfer-encoding: CHUNKED\r\n\r\n');
    expect(written.filter((line) => /encoding/i.test(line))).toEqual(['Transfer-Encoding: chunked']);
  });

  it.each([
    ['GET', []],
    ['HEAD', []],
    ['TRACE', []],
    ['POST', ['Content-Length: 0']],
    ['PATCH', ['Content-Length: 0']],
    ['XYZZY', ['Content-Length: 0']],
  ])('%s without body has %j', (method, expected) => {
    const written = sent(`${method} / HTTP/1.1\r\nHost: a\r\n\r\n`);
    expect(written.filter((line) => /length/i.test(line))).toEqual(expected);
  });

  it('hands Expect on only where it is wanted', () => {
    const text = 'POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 1\r\n\r\n';
    expect(sent(text).join()).not.toContain('Expect');
    expect(sent(text, { expectContinue: true })).toContain('Expect: 100-continue');
    expect(sent(text.replace('/1.1', '/1.0'), { expectContinue: true }).join()).not.toContain('Expect');
  });

  it('asks for the upgrade the client asked for', () => {
    const written = sent(
      'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade Keep-Alive\r\nUpgrade: WebSocket\r\n\r\n',
    );
    expect(written.slice(2, -2)).toEqual(['Connection: Upgrade', 'Upgrade: WebSocket']);
  });

  it('does not ask for an upgrade that Connection does not name', () => {
    const written = sent('GET / HTTP/1.1\r\nHost: a\r\nUpgrade: WebSocket\r\n\r\n');
    expect(written.slice(2, -2)).toEqual(['Connection: keep-alive']);
  });

  it('counts Max-Forwards down', () => {
    expect(sent('OPTIONS * HTTP/1.1\r\nHost: a\r\nMax-Forwards: 7\r\n\r\n')).toContain('Max-Forwards: 6');
    expect(sent('OPTIONS * HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\n\r\n').join()).not.toContain(
      'Max-Forwards',
    );
    expect(sent('GET / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 7\r\n\r\n')).toContain('Max-Forwards: 7');
  });

  it('drops what a stranger says of itself, underscores too, and keeps what a friend says', () => {
    const lines = [
      'Forwarded: for=1',
      'X-Forwarded-Host: b',
      'X_Forwarded_For: 1',
      'X-Forwarded-For: 1',
      'via: x',
    ];
    const text = `GET / HTTP/1.1\r\nHost: a\r\n${lines.join('\r\n')}\r\nX-Request-Id: 1\r\n\r\n`;
    expect(sent(text, {}, ['X-Forwarded-For', '2']).slice(2, -3)).toEqual(['X-Forwarded-For: 2']);
    expect(sent(text, { trustsPeer: true }).slice(2, -3)).toEqual([
      'Forwarded: for=1',
      'X-Forwarded-Host: b',
    ]);
  });

  it('drops any other name of that kind too, of whatever length, and no shorter one', () => {
    const any = Array.from({ length: 12 }, (_, n) => `X-Forwarded-${'a'.repeat(n)}: b`);
    expect(sent(`GET / HTTP/1.1\r\nHost: a\r\n${any.join('\r\n')}\r\n\r\n`).slice(2, -3)).toEqual([any[0]]);
  });

  it.each(['Forwarded: for=1', 'X-Forwarded-Host: b', 'Max-Forwards: 7'])('keeps %s of a friend', (line) => {
    const text = `GET / HTTP/1.1\r\nHost: a\r\n${line}\r\n\r\n`;
    expect(sent(text, { trustsPeer: true }).slice(2, -3)).toEqual([line]);
  });

  it('replaces the fields an operator sets', () => {
    const written = sent(
      'GET / HTTP/1.1\r\nHost: a\r\nX-A: 1\r\nx-a: 2\r\nx_A: 2\r\n\r\n',
      { replaced: new Set(['x-a']) },
      ['X-A', '3'],
    );
    expect(written.slice(2, -3)).toEqual(['X-A: 3']);
  });
});

describe('a response to a client', () => {
  it('is HTTP/1.1, with a Date when the backend gave none', () => {
    expect(answered('HTTP/1.0 200 Fine\r\nX-A: 1\r\nContent-Length: 3\r\n\r\n')).toEqual([
      'HTTP/1.1 200 Fine',
      'X-A: 1',
      'Date: Thu, 01 Jan 1970',
      'Content-Length: 3',
      'Connection: keep-alive',
      '',
      '',
    ]);
    expect(answered('HTTP/1.1 200 OK\r\ndate: today\r\n\r\n').filter((line) => /date/i.test(line))).toEqual([
      'date: today',
    ]);
  });

  it("has one Date: the operator's, else that of the backend, else ours, as where Connection takes that away", () => {
    const dates = (lines: string, own: readonly string[] = []) => {
      const replaced = own.length === 0 ? undefined : new Set(['date']);
      const head = response(`HTTP/1.1 200 OK\r\n${lines}Content-Length: 0\r\n\r\n`);
      const text = writeResponseHead(head, own, { ...ANSWERING, replaced });
      return text.split('\r\n').filter((line) => /^date:/i.test(line));
    };
    expect(dates('')).toEqual(['Date: Thu, 01 Jan 1970']);
    expect(dates('Connection: x\r\n')).toEqual(['Date: Thu, 01 Jan 1970']);
    expect(dates('Connection: x\r\nDate: theirs\r\n')).toEqual(['Date: theirs']);
    expect(dates('Connection: date\r\nDate: theirs\r\n')).toEqual(['Date: Thu, 01 Jan 1970']);
    for (const lines of ['', 'Date: theirs\r\n', 'Connection: date\r\nDate: theirs\r\n'])
      expect(dates(lines, ['Date', 'mine'])).toEqual(['Date: mine']);
  });

  it('keeps the space of an empty phrase', () => {
    expect(answered('HTTP/1.1 421\r\n\r\n')[0]).toBe('HTTP/1.1 421 ');
  });

  it('has no field of another hop', () => {
    const lines = [
      'Connection: X-Mine',
      'X-Mine: 1',
      'Keep-Alive: x',
      'Upgrade: h2c',
      'TE: x',
      'Trailer: a',
      'Via: b',
    ];
    const written = answered(
      `HTTP/1.1 200 OK\r\n${lines.join('\r\n')}\r\nDate: x\r\nContent-Length: 0\r\n\r\n`,
    );
    expect(written.slice(1, -2)).toEqual([
      'Trailer: a',
      'Date: x',
      'Content-Length: 0',
      'Connection: keep-alive',
    ]);
  });

  it('is chunked for HTTP/1.1 and ends with the connection for HTTP/1.0', () => {
    const text = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n';
    expect(answered(text)).toContain('Transfer-Encoding: chunked');
    expect(answered(text, { clientVersion: 0, keepAlive: false }).join()).not.toContain('chunked');
  });

  it.each([
    ['HEAD', 'HTTP/1.1 200 OK', 'Content-Length: 43', ['Content-Length: 43']],
    ['HEAD', 'HTTP/1.1 200 OK', 'Transfer-Encoding: chunked', ['Transfer-Encoding: chunked']],
    ['HEAD', 'HTTP/1.1 200 OK', 'A: b', []],
    ['GET', 'HTTP/1.1 304 Not Modified', 'Content-Length: 10', ['Content-Length: 10']],
    ['GET', 'HTTP/1.1 204 No Content', 'Content-Length: 10', []],
    ['GET', 'HTTP/1.1 204 No Content', 'Transfer-Encoding: chunked', []],
    ['GET', 'HTTP/1.1 200 OK', 'Content-Length: 0', ['Content-Length: 0']],
    ['GET', 'HTTP/1.1 200 OK', 'A: b', []],
  ])('to %s: %s with %s is framed by %j', (method, line, field, expected) => {
    const written = answered(`${line}\r\n${field}\r\n\r\n`, {}, method);
    expect(written.filter((text) => /^(?:content-length|transfer-encoding)/i.test(text))).toEqual(expected);
  });

  it('switches protocols, and says in a 426 which would do', () => {
    const switched = answered(
      'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
    );
    expect(switched.slice(2, -2)).toEqual(['Connection: Upgrade', 'Upgrade: websocket']);
    const required = answered(
      'HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\nContent-Length: 0\r\n\r\n',
    );
    expect(required.slice(3, -2)).toEqual(['Connection: keep-alive, Upgrade', 'Upgrade: websocket']);
  });

  it('is bare when it is a 100, and brings its fields when it is a 103', () => {
    const bare = writeInterimHead(response('HTTP/1.1 100 Continue\r\nConnection: close\r\nX-A: b\r\n\r\n'));
    expect(bare).toBe('HTTP/1.1 100 Continue\r\n\r\n');
    const hints =
      'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nConnection: X-B\r\nX-B: c\r\nContent-Length: 3\r\n\r\n';
    expect(writeInterimHead(response(hints))).toBe('HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n');
  });
});

describe('the last chunk', () => {
  it('brings the trailers, without those that speak in the name of the router, or only before the content', () => {
    expect(lastChunk([])).toBe('0\r\n\r\n');
    const ours =
      'Via Forwarded X-Forwarded-For x-forwarded-proto X-Forwarded-Port X-Forwarded-Host X_Request_Id';
    const fields = [...ours.split(' '), 'X-Request-Start'].flatMap((name) => [name, '1']);
    expect(lastChunk(['A', 'b', ...fields, 'C', '', 'Date', 'd', 'Set-Cookie', 'e', 'if_match', 'f'])).toBe(
      '0\r\nA: b\r\nC: \r\nDate: d\r\n\r\n',
    );
  });

  it('leaves out what Connection names, in any case', () => {
    expect(lastChunk(['X-Mine', 'a', 'X-Other', 'b'], ['x-mine'])).toBe('0\r\nX-Other: b\r\n\r\n');
  });
});

describe('a field of our own', () => {
  it('has a name that is a token', () => {
    expect(['X-A', 'x_1!'].map(isFieldName)).toEqual([true, true]);
    expect(['', 'X A', 'X:', 'X\r\n', 'É', '日'].map(isFieldName)).toEqual([
      false,
      false,
      false,
      false,
      false,
      false,
    ]);
  });

  it('has a value that stays on its line and reads back as itself', () => {
    expect(['', 'a b', '\xe9', 'a\tb'].map(isFieldValue)).toEqual([true, true, true, true]);
    expect(['a\r\nB: c', 'a\0', ' a', 'a ', '日', '\x7f'].map(isFieldValue)).toEqual([
      false,
      false,
      false,
      false,
      false,
      false,
    ]);
  });
});
