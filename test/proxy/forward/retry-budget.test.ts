import { expect, it } from 'vitest';
import { RetryBudget } from '../../../src/proxy/index.ts';

it('goes on from what is still known of a pool whose count began anew, and gives nothing twice', () => {
  const budget = new RetryBudget();
  const taken = (ended: number, times: number) =>
    Array.from({ length: times }, () => budget.take(ended, 50, 0)).filter(Boolean).length;
  expect(taken(1000, 5)).toBe(3);
  expect(taken(0, 5)).toBe(0);
  expect(taken(19, 20)).toBe(7);
});

it('has three to give in a window, however few requests there are, and none of no percent', () => {
  const budget = new RetryBudget();
  const taken = (percent: number, nowMs: number) =>
    Array.from({ length: 5 }, () => budget.take(0, percent, nowMs)).filter(Boolean).length;
  expect(taken(0, 0)).toBe(0);
  expect([taken(20, 0), taken(20, 9999), taken(20, 10_000)]).toEqual([3, 0, 3]);
});

it('is of the requests that ended in its window, and the one that asks', () => {
  const budget = new RetryBudget();
  const taken = (ended: number, percent: number) =>
    Array.from({ length: 20 }, () => budget.take(ended, percent, 0)).filter(Boolean).length;
  expect(taken(100, 100)).toBe(3);
  // Seven of the window and this one: eight at all, of which three are spent.
  expect(taken(107, 100)).toBe(5);
  budget.giveBack();
  expect(taken(107, 100)).toBe(1);
});
