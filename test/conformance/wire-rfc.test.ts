/** The clauses of RFC 9110 and RFC 9112 that bind whoever reads and writes messages, named by section. */
import { describe, expect, it } from 'vitest';
import { parseDomainName } from '../../eventlog/index.ts';
import { writeRequestHead } from '../../src/wire/index.ts';
import { request, response, responseVerdict, verdict, withLine } from '../wire/read.ts';

const start = (line: string) => verdict(`${line}\r\nHost: a.test\r\n\r\n`);

describe('RFC 9112', () => {
  it('§2.2 ignores empty lines before the request line', () => {
    expect(verdict('\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n')).toBe('accepted');
  });

  it('§2.2 refuses a bare LF and a bare CR as the end of a line', () => {
    expect(verdict('GET / HTTP/1.1\nHost: a\n\n')).toBe('400 bare_lf');
    expect(verdict('\nGET / HTTP/1.1\r\nHost: a\r\n\r\n')).toBe('400 bare_lf');
    expect(verdict(withLine('A: b\nC: d'))).toBe('400 bare_lf');
    expect(verdict(withLine('A\nB: c'))).toBe('400 bare_lf');
    expect(verdict('GET / HTTP/1.1\rHost: a\r\n\r\n')).toBe('400 bare_cr');
    expect(verdict(withLine('A: b\rC: d'))).toBe('400 bare_cr');
    expect(verdict('GET / HTTP/1.1\r\nHost: a\r\n\r\r\n')).toBe('400 bare_cr');
    expect(verdict('\rGET / HTTP/1.1\r\nHost: a\r\n\r\n')).toBe('400 bare_cr');
  });

  it('§2.2 refuses a blank between the start line and the first field', () => {
    expect(verdict('GET / HTTP/1.1\r\n Host: a\r\n\r\n')).toBe('400 obs_fold');
    expect(verdict('GET / HTTP/1.1\r\n\tHost: a\r\n\r\n')).toBe('400 obs_fold');
  });

  it('§2.3 takes HTTP/1.0 and HTTP/1.1 and answers 505 to other versions', () => {
    expect(start('GET / HTTP/1.0')).toBe('accepted');
    expect(start('GET / HTTP/1.1')).toBe('accepted');
    for (const version of ['HTTP/0.9', 'HTTP/1.2', 'HTTP/2.0', 'HTTP/3.0', 'HTTP/9.9']) {
      expect(start(`GET / ${version}`), version).toBe('505 unsupported_version');
    }
    expect(verdict('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')).toBe('505 unsupported_version');
  });

  it('§2.3 refuses what is no version', () => {
    for (const version of [
      'http/1.1',
      'HTTP/1',
      'HTTP/1.',
      'HTTP/1.10',
      'HTTP/01.1',
      'HTTPS/1.1',
      'HTTP/1.1x',
      'HTTP/1,1',
      'HTTP/1.:',
      'HTTP//.1',
      '',
    ]) {
      expect(start(`GET / ${version}`), version).toBe('400 malformed_request_line');
    }
  });

  it('§3 wants one space between the parts of a request line and none around them', () => {
    for (const line of [
      'GET  / HTTP/1.1',
      'GET /  HTTP/1.1',
      'GET / HTTP/1.1 ',
      ' GET / HTTP/1.1',
      'GET /',
    ]) {
      expect(start(line), line).toBe('400 malformed_request_line');
    }
    expect(start('GET\t/ HTTP/1.1')).toBe('400 control_byte');
    expect(start('GET / a HTTP/1.1')).toBe('400 malformed_request_line');
    expect(start('GET')).toBe('400 malformed_request_line');
  });

  it('§3.1 takes any token as method, letter for letter', () => {
    for (const method of ['GET', 'get', 'M-SEARCH', "!#$%&'*+-.^_`|~09az"]) {
      expect(request(`${method} / HTTP/1.1\r\nHost: a\r\n\r\n`).method).toBe(method);
    }
    for (const method of ['G(T', 'G@T', 'GET/', 'G"T', '"GET"', 'G:T']) {
      expect(start(`${method} / HTTP/1.1`), method).toBe('400 invalid_method');
    }
  });

  it('§3.2.1 passes path and query on, percent-encoding untouched', () => {
    for (const target of ['/', '/a/b', '//a', '/%2e%2E/%zz', '/?a=b&c=%20', '/a;b=c?d?e', '/|{}^`"<>\\']) {
      expect(request(`GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`).target).toBe(target);
    }
  });

  it('§3.2 refuses a fragment, a byte that is not visible ASCII, and a relative path', () => {
    for (const target of ['/#f', '/a?b#', 'a', '?a', '.', '/\xe9', 'a.test/b', 'mailto:a@b']) {
      expect(start(`GET ${target} HTTP/1.1`), target).toMatch(/^400 (?:invalid_target|control_byte)$/);
    }
    expect(start('GET /\x7f HTTP/1.1')).toBe('400 control_byte');
    expect(start('GET /\0 HTTP/1.1')).toBe('400 control_byte');
  });

  it('§3.2.2 takes an absolute-form whose authority is the Host, and reduces it to its path', () => {
    const absolute = (target: string, host: string) => `GET ${target} HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
    expect(request(absolute('http://a.test/p?q', 'a.test'))).toMatchObject({
      target: '/p?q',
      host: 'a.test',
    });
    expect(request(absolute('HTTP://A.test:81', 'a.Test:81')).target).toBe('/');
    expect(request(absolute('http://a.test?q', 'a.test')).target).toBe('/?q');
    expect(request(absolute('http://AZ.test/', 'az.TEST')).target).toBe('/');
    expect(verdict(absolute('http://b.test/', 'a.test'))).toBe('400 target_host_mismatch');
    expect(verdict(absolute('http://a.test:80/', 'a.test'))).toBe('400 target_host_mismatch');
    expect(verdict(absolute('http://u@a.test/', 'a.test'))).toBe('400 invalid_target');
    expect(verdict(absolute('http:///p', 'a.test'))).toBe('400 invalid_target');
    expect(verdict(absolute('ftp://a.test/', 'a.test'))).toBe('400 invalid_target');
    expect(verdict(absolute('http:/a.test/', 'a.test'))).toBe('400 invalid_target');
  });

  it('§3.2.3 refuses CONNECT, in every form', () => {
    expect(start('CONNECT a.test:80 HTTP/1.1')).toBe('400 connect_not_supported');
    expect(start('CONNECT http://example.com:80 HTTP/1.1')).toBe('400 connect_not_supported');
    expect(start('CONNECT / HTTP/1.1')).toBe('400 connect_not_supported');
  });

  it('§3.2.4 takes an asterisk for OPTIONS only', () => {
    expect(request('OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n').target).toBe('*');
    expect(request('OPTIONS http://a HTTP/1.1\r\nHost: a\r\n\r\n').target).toBe('*');
    expect(start('GET * HTTP/1.1')).toBe('400 invalid_target');
    expect(start('OPTIONS ** HTTP/1.1')).toBe('400 invalid_target');
  });

  it('§3.2 wants exactly one valid Host, in HTTP/1.0 too', () => {
    expect(verdict('GET / HTTP/1.1\r\n\r\n')).toBe('400 missing_host');
    expect(verdict('GET / HTTP/1.0\r\n\r\n')).toBe('400 missing_host');
    expect(verdict('GET / HTTP/1.1\r\nHost:\r\n\r\n')).toBe('400 invalid_host');
    expect(verdict('GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n')).toBe('400 repeated_host');
    expect(verdict('GET / HTTP/1.1\r\nHost: a\r\nhost: b\r\n\r\n')).toBe('400 repeated_host');
    for (const host of [
      'a b',
      'a,b',
      'a/b',
      'a:b',
      'a:65536',
      'a:000080',
      'a:80@b.test',
      'a:-1',
      'a@b',
      'a%41',
      '.a',
      'a..b',
      '.',
      ':80',
      '[::1',
      '[]',
      '[::g]',
      '[::1%eth0]',
      '[::1]a',
      '[1.2.3.4]',
      '\xe9',
      'a?',
      'a#',
      "a'",
      'http://a',
    ]) {
      expect(verdict(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`), host).toBe('400 invalid_host');
    }
  });

  it('§3.2 reads a host without case, port and final dot, and keeps an IPv6 literal', () => {
    const domain = (host: string) => request(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`).domain;
    expect(
      ['A.Test', 'a.test.', 'a.test:80', 'a.test.:', 'a_b', '127.0.0.1:1', '[::1]', '[FD00::A]:80'].map(
        domain,
      ),
    ).toEqual(['a.test', 'a.test', 'a.test', 'a.test', 'a_b', '127.0.0.1', '[::1]', '[fd00::a]']);
  });

  it('§3.2 reads an IPv6 literal as the one address that it is, as a domain is given', () => {
    const forms = [
      ['[0:0:0:0:0:0:0:1]:80', '[::1]'],
      ['[::FFFF:127.0.0.1]', '[::ffff:7f00:1]'],
      ['[2001:db8::1:0:0:1]', '[2001:db8::1:0:0:1]'],
      ['[2001:db8:0:0:1::1]', '[2001:db8::1:0:0:1]'],
    ] as const;
    for (const [host, domain] of forms) {
      expect(request(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`).domain).toBe(domain);
      expect(parseDomainName(host.replace(/:80$/, ''))).toEqual({ ok: true, value: domain });
    }
  });

  it('§3.2 takes the decimal and octal forms of an IPv4 address for names', () => {
    const forms = ['127.1', '2130706433', '0x7f000001', '0177.0.0.1'];
    for (const host of forms) expect(request(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`).domain).toBe(host);
  });

  it('§5.1 refuses a blank before the colon', () => {
    expect(verdict(withLine('A : b'))).toBe('400 space_before_colon');
    expect(verdict(withLine('A\t: b'))).toBe('400 space_before_colon');
    expect(responseVerdict('HTTP/1.1 200 OK\r\nA : b\r\n\r\n')).toBe('502 bad_header');
  });

  it('§5 refuses a line without colon, an empty name and a name that is no token', () => {
    expect(verdict(withLine('nocolon'))).toBe('400 missing_colon');
    expect(verdict(withLine(': b'))).toBe('400 empty_header_name');
    for (const name of [
      'a(b',
      'a@b',
      'a/b',
      'a"b',
      'a\\b',
      'a,b',
      'a;b',
      'a=b',
      'a[b',
      '\xe9',
      'a\0',
      'a\x7f',
      '{a',
    ]) {
      expect(verdict(withLine(`${name}: b`)), name).toBe('400 invalid_header_name');
    }
  });

  it('§5.1 leaves out blanks around a value, and only SP and HTAB are blanks', () => {
    expect(request(withLine('A: \t b\tc \t')).fields.slice(2)).toEqual(['A', 'b\tc']);
    expect(request(withLine('A: \xa0b\xa0')).fields.slice(2)).toEqual(['A', '\xa0b\xa0']);
    expect(verdict(withLine('A: \vb'))).toBe('400 control_byte');
    expect(verdict(withLine('A: b\f'))).toBe('400 control_byte');
  });

  it('§5.2 refuses a folded line, in requests and responses', () => {
    expect(verdict(withLine('A: b\r\n c'))).toBe('400 obs_fold');
    expect(verdict(withLine('A: b\r\n\tc'))).toBe('400 obs_fold');
    expect(responseVerdict('HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n')).toBe('502 bad_header');
  });

  it('§6.1 answers 501 to a transfer coding it does not understand in front of chunked', () => {
    expect(verdict(withLine('Transfer-Encoding: gzip, chunked'))).toBe('501 unsupported_transfer_coding');
    expect(verdict(withLine('Transfer-Encoding: br,gzip ,\tchunked'))).toBe(
      '501 unsupported_transfer_coding',
    );
  });

  it('§6.1 refuses a transfer coding in HTTP/1.0', () => {
    expect(verdict('POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n')).toBe(
      '400 invalid_transfer_encoding',
    );
  });

  it('§6.3 refuses a request whose last coding is not chunked, or is chunked twice', () => {
    for (const value of [
      'gzip',
      'chunked, gzip',
      'chunked, chunked',
      'identity',
      '',
      ',',
      'chunked,',
      'xchunked',
      'chunked;a=b',
      '/gzip, chunked',
    ]) {
      expect(verdict(withLine(`Transfer-Encoding: ${value}`)), value).toBe('400 invalid_transfer_encoding');
    }
  });

  it('§6.3 refuses a length beside a transfer coding, in either order', () => {
    const both = 'Content-Length: 5\r\nTransfer-Encoding: chunked';
    expect(verdict(withLine(both))).toBe('400 length_and_transfer_encoding');
    expect(verdict(withLine(both.split('\r\n').reverse().join('\r\n')))).toBe(
      '400 length_and_transfer_encoding',
    );
  });

  it('§6.3 refuses lengths that differ, a list of lengths and what is no number', () => {
    expect(verdict(withLine('Content-Length: 5\r\nContent-Length: 6'))).toBe(
      '400 conflicting_content_length',
    );
    expect(verdict(withLine('Content-Length: 5\r\nContent-Length: 05'))).toBe(
      '400 conflicting_content_length',
    );
    for (const value of [
      '',
      '5,5',
      '5, 5',
      '5 5',
      '+5',
      '-5',
      '0x5',
      '5.0',
      '5e1',
      'ten',
      '٥',
      '5;',
      '1_000',
    ]) {
      expect(verdict(withLine(`Content-Length: ${value}`)), value).toBe('400 invalid_content_length');
    }
  });

  it('§6.3 has a request without length or coding end with its head', () => {
    expect(request('POST / HTTP/1.1\r\nHost: a\r\n\r\n')).toMatchObject({
      framing: 'none',
      contentLength: -1,
    });
    expect(request(withLine('Content-Length: 0'))).toMatchObject({ framing: 'none', contentLength: 0 });
    expect(request(withLine('Content-Length: 1'))).toMatchObject({ framing: 'length', contentLength: 1 });
  });

  it('§9.3 keeps a connection by version, and close wins', () => {
    const keeps = (version: string, line: string) =>
      request(`GET / ${version}\r\nHost: a\r\n${line}\r\n\r\n`).keepAlive;
    expect(keeps('HTTP/1.1', 'A: b')).toBe(true);
    expect(keeps('HTTP/1.1', 'Connection: CLOSE')).toBe(false);
    expect(keeps('HTTP/1.1', 'Connection: keep-alive\r\nConnection: x, close')).toBe(false);
    expect(keeps('HTTP/1.0', 'A: b')).toBe(false);
    expect(keeps('HTTP/1.0', 'Connection: Keep-Alive')).toBe(true);
    expect(keeps('HTTP/1.0', 'Connection: keep-alive, close')).toBe(false);
  });
});

describe('RFC 9110', () => {
  it('§4.2.3 has an empty path be a slash', () => {
    expect(request('GET http://a HTTP/1.1\r\nHost: a\r\n\r\n').target).toBe('/');
  });

  it('§5.5 refuses NUL and other control bytes in a value, and takes HTAB and obs-text', () => {
    for (let byte = 0; byte < 256; byte++) {
      const isAllowed = byte === 9 || (byte >= 32 && byte !== 127);
      const found = verdict(withLine(`A: b${String.fromCharCode(byte)}c`));
      expect(found === 'accepted', `byte ${byte}: ${found}`).toBe(isAllowed);
    }
  });

  it('§5.6.2 takes just the letters of a token in a name', () => {
    for (let byte = 0; byte < 256; byte++) {
      const character = String.fromCharCode(byte);
      const isAllowed = character === ':' || /^[!#$%&'*+\-.^_`|~0-9A-Za-z]$/.test(character);
      const found = verdict(withLine(`A${character}B: c`));
      expect(found === 'accepted', `byte ${byte}: ${found}`).toBe(isAllowed);
    }
  });

  it('§7.4 answers 421 to an https target on a connection without TLS', () => {
    expect(verdict('GET https://a/ HTTP/1.1\r\nHost: a\r\n\r\n')).toBe('421 misdirected_scheme');
  });

  it('§7.6.1 drops fields named by Connection, and reads its options in any case and any list form', () => {
    const head = request(
      withLine('Connection: Foo,, ,BAR ,keep-alive\r\nfoo: 1\r\nBar: 2\r\nBaz: 3\r\nConnection: qux'),
    );
    expect(head.nominated).toEqual(['foo', 'bar', 'qux']);
    const written = writeRequestHead(head, [], {
      keepAlive: true,
      expectContinue: false,
      trustsPeer: false,
      replaced: undefined,
    });
    expect(written).toBe('GET / HTTP/1.1\r\nHost: a.test\r\nBaz: 3\r\nConnection: keep-alive\r\n\r\n');
  });

  it('§7.6.1 refuses a Connection that is no list of tokens', () => {
    for (const value of [',', ' , ,', 'a(b', '"close"', 'close;', 'a/b', '\xe9']) {
      expect(verdict(withLine(`Connection: ${value}`)), value).toBe('400 invalid_connection');
    }
    expect(verdict(withLine('Connection:'))).toBe('accepted');
  });

  it('§7.6.2 reads Max-Forwards for OPTIONS and TRACE only', () => {
    const forwards = (method: string, value: string) =>
      verdict(`${method} / HTTP/1.1\r\nHost: a\r\nMax-Forwards: ${value}\r\n\r\n`);
    expect(request('TRACE / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\n\r\n').maxForwards).toBe(0);
    expect(request('OPTIONS / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 12\r\n\r\n').maxForwards).toBe(12);
    expect(request('GET / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\n\r\n').maxForwards).toBe(-1);
    for (const value of ['x', '-1', '', '1, 2', '1\r\nMax-Forwards: 1']) {
      expect(forwards('TRACE', value), value).toBe('400 invalid_max_forwards');
      expect(forwards('GET', value), value).toBe('accepted');
    }
    expect(
      request(`TRACE / HTTP/1.1\r\nHost: a\r\nMax-Forwards: ${'9'.repeat(400)}\r\n\r\n`).maxForwards,
    ).toBe(Number.MAX_SAFE_INTEGER);
  });

  it('§7.8 takes an upgrade only with both fields, in HTTP/1.1, and never to h2c', () => {
    const upgrade = (lines: string, version = 'HTTP/1.1') =>
      request(`GET / ${version}\r\nHost: a\r\n${lines}\r\n\r\n`).upgrade;
    expect(upgrade('Connection: upgrade\r\nUpgrade: websocket')).toBe('websocket');
    expect(upgrade('Connection: upgrade\r\nUpgrade: a/1\r\nUpgrade: b')).toBe('a/1, b');
    expect(upgrade('Upgrade: websocket')).toBe('');
    expect(upgrade('Connection: upgrade\r\nUpgrade: websocket', 'HTTP/1.0')).toBe('');
    expect(upgrade('Connection: upgrade\r\nUpgrade: h2c')).toBe('');
    expect(upgrade('Connection: upgrade\r\nUpgrade: H2C, websocket')).toBe('websocket');
    const malformed = ['h2c websocket', 'websocket\th2c', '/h2c', 'h2c /1', 'a/b/c', 'a/'];
    for (const lines of [
      '',
      'Upgrade:',
      'Upgrade: ,',
      'Upgrade: (',
      ...malformed.map((value) => `Upgrade: ${value}`),
    ]) {
      expect(verdict(withLine(`Connection: upgrade${lines === '' ? '' : `\r\n${lines}`}`)), lines).toBe(
        '400 invalid_upgrade',
      );
    }
  });

  it('§8.6 a 304 and an answer to HEAD may say the length of a body that is not sent', () => {
    const head = response('HTTP/1.1 304 Not Modified\r\nContent-Length: 10\r\n\r\n');
    expect([head.framing, head.contentLength]).toEqual(['none', 10]);
  });

  it('§9.3.8 refuses content in TRACE', () => {
    expect(verdict('TRACE / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx')).toBe('400 content_in_trace');
    expect(verdict('TRACE / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n')).toBe(
      '400 content_in_trace',
    );
    expect(verdict('TRACE / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n')).toBe('accepted');
  });

  it('§10.1.1 reads Expect: 100-continue, answers 417 to others, and ignores it in HTTP/1.0', () => {
    const expectation = (value: string) => verdict(`POST / HTTP/1.1\r\nHost: a\r\nExpect: ${value}\r\n\r\n`);
    expect(request(withLine('Expect: 100-Continue')).expectContinue).toBe(true);
    expect(request(withLine('Expect: 100-continue, 100-continue')).expectContinue).toBe(true);
    expect(request(withLine('Expect:')).expectContinue).toBe(false);
    expect(request('POST / HTTP/1.0\r\nHost: a\r\nExpect: 100 bad\r\n\r\n').expectContinue).toBe(false);
    for (const value of [
      'whatever',
      '100-stay',
      'a=b',
      'a="b, \\" c";d=e ; f',
      'a=""',
      '100-continue, a',
      '100-continue;q=1',
      'a;',
      'a;;b',
      'a ;b=c',
    ]) {
      expect(expectation(value), value).toBe('417 unsupported_expectation');
    }
    for (const value of ['100 continue', 'a=', 'a="b', '=', 'a b', '(', 'a;b=', '100-continue a']) {
      expect(expectation(value), value).toBe('400 invalid_expect');
    }
  });
});
