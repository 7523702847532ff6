import { expect, it } from 'vitest';
import { LimitTooLow, requireAddressSpace } from '../../src/router/system-limits.ts';

const GIB = 1024 ** 3;

it.each([
  [0, 8],
  [1, 9],
  [2, 10],
])('with %i workers, so many GiB of addresses are enough and a byte less is not: %i', (workers, least) => {
  requireAddressSpace(least * GIB, workers);
  expect(() => requireAddressSpace(least * GIB - 1, workers)).toThrow(LimitTooLow);
});
