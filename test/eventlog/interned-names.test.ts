import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InternedNames } from '../../eventlog/index.ts';

/** What it is to say, in the slow way. */
function placesOf(names: readonly string[]): readonly number[] {
  const distinct = [...new Set(names)];
  return names.map((name) => distinct.indexOf(name));
}

/** Two names of one hash. Of so many, 32 bits are not enough for all. */
function collision(): readonly [string, string] {
  const seen = new Map<number, string>();
  for (let count = 0; ; count++) {
    const name = `n${count}`;
    let hash = 0x811c9dc5;
    for (let at = 0; at < name.length; at++) hash = Math.imul(hash ^ name.charCodeAt(at), 0x01000193);
    const other = seen.get(hash);
    if (other !== undefined) return [other, name];
    seen.set(hash, name);
  }
}

describe('interned names', () => {
  it('are those of the first time that each name was said', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.string(), fc.constantFrom('a', 'b', 'aa', ''))), (names) => {
        const places = new InternedNames();
        expect(names.map((name) => places.placeOf(name))).toEqual(placesOf(names));
        expect(places.names).toEqual([...new Set(names)]);
        for (const name of [...names, 'never said']) expect(places.has(name)).toBe(new Set(names).has(name));
      }),
    );
  });

  it('are two for two names of one hash', () => {
    const [one, other] = collision();
    const places = new InternedNames();
    expect([one, 'between'].map((name) => places.placeOf(name))).toEqual([0, 1]);
    expect(places.has(other)).toBe(false);
    expect([other, one, other, 'between'].map((name) => places.placeOf(name))).toEqual([2, 0, 2, 1]);
  });
});
