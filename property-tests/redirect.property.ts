/** A law of redirects, with the URL parser that browsers have as the judge: nobody but the operator chooses the host, or ends a line. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseLocation } from '../eventlog/index.ts';
import { locationOf } from '../src/proxy/route/redirect.ts';

const HERE = 'https://app.test/';
// What a parser of targets lets through, and more: any octet.
const octets = fc
  .array(fc.oneof(fc.constantFrom(...'/\\.?#@:;%&[]{}\t\r\n\0 ', 'evil.example', '%2f', '%5c'), octet()), {
    maxLength: 12,
  })
  .map((parts) => parts.join(''));
const piece = fc.constantFrom('{path}', '{rest}', '{query}', '/', '/new', '.', '..', '?a=', '#b', ':8443');
const begin = fc.constantFrom(
  '/',
  '/new',
  '{path}',
  '{rest}',
  'https://good.example',
  'https://{host}',
  'http://[::1]',
);
const template = fc
  .tuple(begin, fc.array(piece, { maxLength: 4 }))
  .map(([first, rest]) => first + rest.join(''));

function octet() {
  return fc.nat(255).map((code) => String.fromCharCode(code));
}

const PARTS = ['', '/r'].flatMap((below) => ['', '?q'].map((query) => ({ below, query })));

function filled(written: string, below: string, query: string): string | undefined {
  const parsed = parseLocation(written);
  if (!parsed.ok) return undefined;
  return locationOf(parsed.value, { host: 'asked.test', path: `/old${below}`, query, prefix: '/old' });
}

/** Undefined: no browser follows that. */
function hostnameOf(location: string | undefined): string | undefined {
  return location !== undefined && URL.canParse(location, HERE)
    ? new URL(location, HERE).hostname
    : undefined;
}

describe('a redirect', () => {
  it('leads where its template leads the harmless, whatever is asked, and stays one line', () => {
    fc.assert(
      fc.property(template, octets, octets, (written, below, asked) => {
        const location = filled(written, below === '' ? '' : `/${below}`, asked === '' ? '' : `?${asked}`);
        if (location === undefined) return;
        expect(location).toMatch(/^[\x21-\x7e]+$/);
        const harmless = PARTS.map((parts) => hostnameOf(filled(written, parts.below, parts.query)));
        expect([...harmless, undefined]).toContain(hostnameOf(location));
      }),
      { numRuns: 3000 },
    );
  });
});
