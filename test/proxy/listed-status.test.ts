import { expect, it } from 'vitest';
import { isListed, type Statuses } from '../../src/proxy/listed-status.ts';

it('a status is listed by itself or in a range, both ends of which are', () => {
  const statuses: Statuses = [429, '500-599', '404'];
  const found = [403, 404, 405, 428, 429, 430, 499, 500, 599, 600, 1000].filter((status) =>
    isListed(statuses, status),
  );
  expect(found).toEqual([404, 429, 500, 599]);
  expect(isListed([], 500)).toBe(false);
});

it('of several lists each has its own, whichever was asked about before', () => {
  const [one, other]: [Statuses, Statuses] = [[500], [503]];
  for (let round = 0; round < 2; round++) {
    expect([500, 503].map((status) => isListed(one, status))).toEqual([true, false]);
    expect([500, 503].map((status) => isListed(other, status))).toEqual([false, true]);
  }
});
