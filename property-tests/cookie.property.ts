/** A cookie is found where a reader who takes the line apart, pair by pair, finds it. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { cookieOf } from '../src/proxy/route/request-part.ts';
import type { RequestHead } from '../src/wire/index.ts';

const piece = fc.constantFrom('home', 'homes', 'ho', 'a', '=', '=', ';', ';', ' ', '\t', '"', '1');
const line = fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join(''));

function found(lines: readonly string[], name: string): string {
  for (const pair of lines.join('; ').split(';')) {
    const equals = pair.indexOf('=');
    if (equals >= 0 && pair.slice(0, equals).trim() === name) return pair.slice(equals + 1).trim();
  }
  return '';
}

it('the first pair of a name is its cookie, whatever else stands in however many lines', () => {
  fc.assert(
    fc.property(fc.array(line, { maxLength: 3 }), fc.constantFrom('home', 'a'), (lines, name) => {
      const head = { fields: lines.flatMap((each) => ['Cookie', each]) } as unknown as RequestHead;
      expect(cookieOf(head, name)).toBe(found(lines, name));
    }),
    { numRuns: 2000 },
  );
});
