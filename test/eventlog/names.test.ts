/** Names from outside: what is one, and what is said of what is none. */
import { describe, expect, it } from 'vitest';
import { parseDomainName, parseStreamName } from '../../eventlog/index.ts';

describe('a domain in letters that are not ASCII', () => {
  it.each([
    ['bücher.example', 'xn--bcher-kva.example'],
    ['*.BÜCHER.example.', '*.xn--bcher-kva.example'],
    ['日本.example', 'xn--wgv71a.example'],
    ['faß.example', 'xn--fa-hia.example'],
  ])('%s is refused with what to write', (text, ascii) => {
    expect(parseDomainName(text)).toEqual({
      ok: false,
      problem: `expected the host name as DNS and requests write it, ${ascii}, found ${JSON.stringify(text)}`,
    });
    expect(parseDomainName(ascii)).toEqual({ ok: true, value: ascii });
  });

  it.each(['bücher.example:80', 'example/bücher', 'bü cher', 'bücher..example', `${'ü'.repeat(64)}.example`])(
    '%s has no such form to tell',
    (text) => {
      expect(parseDomainName(text)).toMatchObject({
        ok: false,
        problem: expect.stringContaining('expected a host name of at most 253 characters'),
      });
    },
  );

  it('is told as well where a stream is meant', () => {
    expect(parseStreamName('domain-bücher.example')).toEqual(parseDomainName('bücher.example'));
  });
});

describe('an IPv6 literal', () => {
  it.each([
    ['[::1]', '[::1]'],
    ['[0:0:0:0:0:0:0:1]', '[::1]'],
    ['[2001:DB8:0:0:1::1].', '[2001:db8::1:0:0:1]'],
    ['[::ffff:127.0.0.1]', '[::ffff:7f00:1]'],
  ])('%s is %s', (text, value) => {
    expect(parseDomainName(text)).toEqual({ ok: true, value });
  });

  it.each(['[1:::::]', '[1.2.3.4]', '[::]:80', '[::1%eth0]', '[12345::]', '[::1', '[:]'])(
    '%s is none',
    (text) => {
      expect(parseDomainName(text)).toMatchObject({ ok: false });
    },
  );

  it('that stands in the log in another form is a stream still', () => {
    const stream = 'domain-[0:0:0:0:0:0:0:1]';
    expect(parseStreamName(stream)).toMatchObject({ ok: true, value: { stream } });
  });
});

describe('a stream', () => {
  it.each(['pools', 'domains', 'pool', 'domain', '', '-', 'domain-Example.com'])(
    'is not %j: nobody has such a one',
    (text) => {
      const problem = `expected domain-HOST or pool-NAME, found ${JSON.stringify(text)}`;
      expect(parseStreamName(text)).toEqual({ ok: false, problem });
    },
  );
});
