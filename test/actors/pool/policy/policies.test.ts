import { describe, expect, it } from 'vitest';
import { consistentHash } from '../../../../actors/pool/policy/consistent-hash.ts';
import { leastRequest } from '../../../../actors/pool/policy/least-request.ts';
import { p2c } from '../../../../actors/pool/policy/p2c.ts';
import { peakEwma } from '../../../../actors/pool/policy/peak-ewma.ts';
import { policyCode, policyName, policyOf } from '../../../../actors/pool/policy/policies.ts';
import { NONE } from '../../../../actors/pool/policy/policy.ts';
import { random } from '../../../../actors/pool/policy/random.ts';
import { roundRobin } from '../../../../actors/pool/policy/round-robin.ts';
import { counts, expectShares, plainField, row } from './plain-field.ts';

const PICKS = 30_000;
const NAMES = ['least-request', 'round-robin', 'random', 'p2c', 'peak-ewma', 'consistent-hash'] as const;

describe('every policy', () => {
  for (const policy of [leastRequest, roundRobin, random, p2c, peakEwma, consistentHash]) {
    it(`${policy.name} picks nothing, and draws nothing, where nothing is open`, () => {
      const field = plainField([row({ open: false }), row({ open: false })]);
      expect(policy(field)).toBe(NONE);
      expect(policy(plainField([]))).toBe(NONE);
      expect({ draws: field.draws, mark: field.mark() }).toEqual({ draws: 0, mark: 0 });
    });

    it(`${policy.name} picks the one that is open`, () => {
      const rows = [row({ open: false }), row({ inFlight: 9 }), row({ open: false })];
      for (let i = 0; i < 20; i++) expect(policy(plainField(rows, i))).toBe(1);
    });
  }

  it('is found by its name and by its code', () => {
    for (const name of NAMES) {
      expect(policyName(policyCode(name))).toBe(name);
    }
    expect(policyOf(policyCode('random'))).toBe(random);
    expect(() => policyOf(99)).toThrow('found 99');
  });
});

describe('least-request', () => {
  it('picks the fewest in flight', () => {
    expect(leastRequest(plainField([row({ inFlight: 3 }), row({ inFlight: 1 }), row({ inFlight: 2 })]))).toBe(
      1,
    );
  });

  it('compares by weight, exactly', () => {
    const thirds = [row({ inFlight: 1, weight: 3 }), row({ inFlight: 333, weight: 1000 })];
    expect(leastRequest(plainField(thirds))).toBe(1);
    const others = [row({ inFlight: 1, weight: 3 }), row({ inFlight: 334, weight: 1000 })];
    expect(leastRequest(plainField(others))).toBe(0);
  });

  it('is fair among equals', () => {
    const rows = [row({ inFlight: 2 }), row({ inFlight: 1 }), row({ inFlight: 1 }), row({ inFlight: 1 })];
    expectShares(counts(leastRequest, plainField(rows), PICKS), [0, 1, 1, 1]);
  });

  it('is fair by weight among equals of unequal weight', () => {
    const idle = [row({ weight: 2 }), row({ weight: 1 }), row({ weight: 3 })];
    expectShares(counts(leastRequest, plainField(idle), PICKS), [2, 1, 3]);
    const busy = [
      row({ weight: 2, inFlight: 2 }),
      row({ weight: 1, inFlight: 1 }),
      row({ weight: 9, inFlight: 10 }),
    ];
    expectShares(counts(leastRequest, plainField(busy), PICKS), [2, 1, 0]);
  });
});

describe('random', () => {
  it('draws by weight among the open', () => {
    const rows = [
      row({ weight: 1 }),
      row({ weight: 5, open: false }),
      row({ weight: 3 }),
      row({ weight: 6 }),
    ];
    expectShares(counts(random, plainField(rows), PICKS), [1, 0, 3, 6]);
  });
});

describe('round-robin', () => {
  it('gives each its turn in order', () => {
    const field = plainField([row(), row(), row()]);
    expect(Array.from({ length: 7 }, () => roundRobin(field))).toEqual([0, 1, 2, 0, 1, 2, 0]);
  });

  it('lays the turns of a heavy one among the others’', () => {
    const field = plainField([row({ weight: 5 }), row(), row()]);
    const turns = Array.from({ length: 14 }, () => 'abc'[roundRobin(field)]).join('');
    expect([...turns].filter((turn) => turn === 'a').length).toBe(10);
    expect(turns).not.toContain('aaaaaa');
  });

  it('does not give one that was away the turns it missed', () => {
    const rows = [row(), row(), row()];
    const field = plainField(rows);
    rows[1]!.open = false;
    for (let i = 0; i < 100; i++) roundRobin(field);
    rows[1]!.open = true;
    expect(counts(roundRobin, field, 30)).toEqual([10, 10, 10]);
  });

  it('gives a newcomer its turn within a round', () => {
    const rows = [row(), row(), row({ open: false })];
    const field = plainField(rows);
    for (let i = 0; i < 11; i++) roundRobin(field);
    rows[2]!.open = true;
    expect(Array.from({ length: 3 }, () => roundRobin(field))).toContain(2);
  });
});
