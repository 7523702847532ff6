import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { consistentHash } from '../../actors/pool/policy/consistent-hash.ts';
import { leastRequest } from '../../actors/pool/policy/least-request.ts';
import { p2c } from '../../actors/pool/policy/p2c.ts';
import { learnLatency, peakEwma } from '../../actors/pool/policy/peak-ewma.ts';
import { random } from '../../actors/pool/policy/random.ts';
import { roundRobin } from '../../actors/pool/policy/round-robin.ts';
import { counts, plainField, row } from '../../test/actors/pool/policy/plain-field.ts';

const rows = fc.array(
  fc
    .record({
      inFlight: fc.nat(50),
      weight: fc.integer({ min: 1, max: 1000 }),
      open: fc.boolean(),
      key: fc.maxSafeNat(),
      latencyMs: fc.constantFrom(-1, 0, 0.5, 20, 700),
      failing: fc.constantFrom(0, 0, 0.02, 0.5, 1),
      learntAtMs: fc.nat(100_000),
    })
    .map(row),
  { minLength: 1, maxLength: 80, size: 'max' },
);

describe('policies', () => {
  it('pick an open row exactly when there is one, and the same one for the same seed', () => {
    fc.assert(
      fc.property(
        rows,
        fc.integer(),
        fc.constantFrom(leastRequest, roundRobin, random, p2c, peakEwma, consistentHash),
        fc.maxSafeNat(),
        (all, seed, policy, hash) => {
          const copy = () => {
            const field = plainField(
              all.map((each) => ({ ...each })),
              seed,
            );
            return Object.assign(field, { hash, nowMs: 50_000 });
          };
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

  it('p2c never picks one than which all others have less for their weight', () => {
    fc.assert(
      fc.property(rows, fc.integer(), (all, seed) => {
        const picked = all[p2c(plainField(all, seed))];
        const others = all.filter((each) => each.open && each !== picked);
        if (picked === undefined || others.length === 0) return;
        expect(others.some((each) => picked.inFlight * each.weight <= each.inFlight * picked.weight)).toBe(
          true,
        );
      }),
    );
  });

  it('peak-ewma keeps what it learns within what it was told, and never below nothing', () => {
    const sample = fc.record({
      afterMs: fc.integer({ min: -1000, max: 60_000 }),
      latencyMs: fc.double({ min: 0, max: 30_000, noNaN: true }),
      hasFailed: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(sample, { minLength: 1, maxLength: 50, size: 'max' }), (samples) => {
        const field = plainField([row()]);
        for (const { afterMs, latencyMs, hasFailed } of samples) {
          field.nowMs += afterMs;
          learnLatency(field, 0, latencyMs, hasFailed);
        }
        const told = samples.map(({ latencyMs, hasFailed }) =>
          hasFailed ? Math.max(latencyMs, 1000) : latencyMs,
        );
        expect(field.latencyMs(0)).toBeGreaterThanOrEqual(0);
        expect(field.latencyMs(0)).toBeLessThanOrEqual(Math.max(...told));
        expect(field.failing(0)).toBeGreaterThanOrEqual(0);
        expect(field.failing(0)).toBeLessThanOrEqual(1);
      }),
    );
  });
});

describe('consistent-hash', () => {
  const keys = fc.array(fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }), {
    minLength: 1,
    maxLength: 200,
    size: 'max',
  });
  const backends = fc.uniqueArray(
    fc.record({
      key: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
      weight: fc.integer({ min: 1, max: 20 }),
    }),
    { selector: ({ key }) => key, minLength: 2, maxLength: 30, size: 'max' },
  );
  const homeOf = (all: readonly { key: number; weight: number }[], hash: number) => {
    const field = plainField(all.map((each) => row(each)));
    field.hash = hash;
    return all[consistentHash(field)]!.key;
  };

  it('moves, when a backend goes, only its keys; and when one comes, keys only to it', () => {
    fc.assert(
      fc.property(backends, keys, fc.nat(), (all, hashes, which) => {
        const gone = all[which % all.length]!;
        const rest = all.filter((each) => each !== gone);
        for (const hash of hashes) {
          const home = homeOf(all, hash);
          if (home !== gone.key) expect(homeOf(rest, hash)).toBe(home);
        }
      }),
    );
  });

  it('has the same home for a key whatever the order of the backends', () => {
    fc.assert(
      fc.property(backends, keys, (all, hashes) => {
        for (const hash of hashes) expect(homeOf(all.toReversed(), hash)).toBe(homeOf(all, hash));
      }),
    );
  });

  it('gives no backend more than five quarters of its share, rounded up, however keys are chosen', () => {
    fc.assert(
      fc.property(backends, keys, (all, hashes) => {
        const rows = all.map((each) => row(each));
        const field = plainField(rows);
        const weights = rows.reduce((sum, { weight }) => sum + weight, 0);
        for (const [i, hash] of hashes.entries()) {
          // Few keys ask again and again: the worst for balance.
          field.hash = i % 3 === 0 ? hash : hashes[0]!;
          const picked = rows[consistentHash(field)]!;
          picked.inFlight += 1;
          expect(picked.inFlight).toBeLessThanOrEqual(Math.ceil((1.25 * (i + 1) * picked.weight) / weights));
        }
      }),
    );
  });
});
