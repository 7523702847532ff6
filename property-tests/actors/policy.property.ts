import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { leastRequest } from '../../actors/pool/policy/least-request.ts';
import { random } from '../../actors/pool/policy/random.ts';
import { roundRobin } from '../../actors/pool/policy/round-robin.ts';
import { counts, plainField, row } from '../../test/actors/pool/policy/plain-field.ts';

const rows = fc.array(
  fc.record({ inFlight: fc.nat(50), weight: fc.integer({ min: 1, max: 1000 }), open: fc.boolean() }).map(row),
  { minLength: 1, maxLength: 80 },
);

describe('policies', () => {
  it('pick an open row exactly when there is one, and the same one for the same seed', () => {
    fc.assert(
      fc.property(
        rows,
        fc.integer(),
        fc.constantFrom(leastRequest, roundRobin, random),
        (all, seed, policy) => {
          const copy = () =>
            plainField(
              all.map((each) => ({ ...each })),
              seed,
            );
          const picked = policy(copy());
          expect(picked >= 0).toBe(all.some((each) => each.open));
          if (picked >= 0) expect(all[picked]!.open).toBe(true);
          expect(policy(copy())).toBe(picked);
        },
      ),
    );
  });

  it('least-request picks nobody who has more for its weight than another', () => {
    fc.assert(
      fc.property(rows, fc.integer(), (all, seed) => {
        const picked = all[leastRequest(plainField(all, seed))];
        if (picked === undefined) return;
        for (const each of all.filter(({ open }) => open)) {
          expect(picked.inFlight * each.weight).toBeLessThanOrEqual(each.inFlight * picked.weight);
        }
      }),
    );
  });

  it('round-robin stays within one turn of equal shares, however long it goes', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), fc.nat(500), (size, picks) => {
        const picked = counts(roundRobin, plainField(Array.from({ length: size }, () => row())), picks);
        expect(Math.max(...picked) - Math.min(...picked)).toBeLessThanOrEqual(1);
      }),
    );
  });

  it('round-robin stays near each one’s share by weight, and is within one turn of it after each round', () => {
    const weights = fc.array(fc.integer({ min: 1, max: 100 }), { minLength: 1, maxLength: 10 });
    fc.assert(
      fc.property(weights, fc.nat(2000), (all, picks) => {
        const picked = counts(roundRobin, plainField(all.map((weight) => row({ weight }))), picks);
        const total = all.reduce((a, b) => a + b);
        for (const [i, weight] of all.entries()) {
          expect(Math.abs(picked[i]! - (picks * weight) / total)).toBeLessThanOrEqual(3);
        }
        const whole = counts(roundRobin, plainField(all.map((weight) => row({ weight }))), 10 * total);
        for (const [i, weight] of all.entries())
          expect(Math.abs(whole[i]! - 10 * weight)).toBeLessThanOrEqual(1);
      }),
      { numRuns: 30 },
    );
  });
});
