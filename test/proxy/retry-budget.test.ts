import { expect, it } from 'vitest';
import { RetryBudget } from '../../src/proxy/index.ts';

it('goes on from what is still known of a pool whose count began anew, and gives nothing twice', () => {
  const budget = new RetryBudget();
  const taken = (ended: number, times: number) =>
    Array.from({ length: times }, () => budget.take(ended, 50, 0)).filter(Boolean).length;
  expect(taken(1000, 5)).toBe(3);
  expect(taken(0, 5)).toBe(0);
  expect(taken(19, 20)).toBe(7);
});
