import { describe, expect, it } from 'vitest';
import { p2c } from '../../../../actors/pool/policy/p2c.ts';
import { counts, expectShares, plainField, row } from './plain-field.ts';

const PICKS = 30_000;

describe('p2c', () => {
  it('picks the less busy of two, always', () => {
    for (let seed = 0; seed < 50; seed++)
      expect(p2c(plainField([row({ inFlight: 3 }), row({ inFlight: 2 })], seed))).toBe(1);
  });

  it('compares by weight', () => {
    const rows = [row({ inFlight: 4, weight: 2 }), row({ inFlight: 3, weight: 1 })];
    for (let seed = 0; seed < 50; seed++) expect(p2c(plainField(rows, seed))).toBe(0);
  });

  it('never picks the busiest of several, since it draws two that differ', () => {
    const rows = [row({ inFlight: 9 }), row(), row(), row({ open: false })];
    expectShares(counts(p2c, plainField(rows), PICKS), [0, 1, 1, 0]);
  });

  it('uses an idle pool in proportion to weight', () => {
    const rows = [
      row({ weight: 1 }),
      row({ weight: 5, open: false }),
      row({ weight: 3 }),
      row({ weight: 6 }),
    ];
    expectShares(counts(p2c, plainField(rows), PICKS), [1, 0, 3, 6]);
  });
});
