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
