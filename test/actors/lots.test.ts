import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isBetterLot, lotOf, mix } from '../../actors/lots.ts';

const bits = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const weight = fc.integer({ min: 1, max: 100 });
const candidate = fc.nat({ max: 9 });

describe('a lot', () => {
  it('is minus the logarithm of its chance over its weight, to some eight digits', () => {
    fc.assert(
      fc.property(bits, weight, (of, over) => {
        expect(Math.abs(lotOf(of, over) + Math.log((of + 0.5) / 2 ** 32) / over)).toBeLessThan(2e-8);
      }),
      { examples: [0, 1, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1].map((of): [number, number] => [of, 1]) },
    );
  });

  it('is better than another if it is less, and of equals one is, whoever asks', () => {
    fc.assert(
      fc.property(bits, weight, candidate, bits, weight, candidate, (a, aWeight, one, b, bWeight, other) => {
        const isBetter = isBetterLot(a, aWeight, one, b, bWeight, other);
        const [lot, otherLot] = [lotOf(a, aWeight), lotOf(b, bWeight)];
        if (Math.abs(lot - otherLot) > 1e-6) expect(isBetter).toBe(lot < otherLot);
        else if (one !== other) expect(isBetterLot(b, bWeight, other, a, aWeight, one)).toBe(!isBetter);
        expect(isBetterLot(a, aWeight, one, a, aWeight, other)).toBe(one > other);
        if (a !== b) expect(isBetterLot(a, aWeight, one, b, aWeight, other)).toBe(a > b);
      }),
    );
  });

  it('of a key and a candidate is the same for good: a replay finds who was chosen, and homes stay where they are', () => {
    const some = [
      [0, 0],
      [1, 2],
      [2, 1],
      [2 ** 52 - 1, 2 ** 33 + 5],
      [0x1_2345_6789, 0x9_8765_4321],
    ] as const;
    expect(some.map(([key, hash]) => mix(key, hash))).toEqual([
      1852507016, 2401917450, 1108758759, 1959772443, 2247430302,
    ]);
  });
});
