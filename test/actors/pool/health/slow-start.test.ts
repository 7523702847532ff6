import { expect, it } from 'vitest';
import { shareOf } from '../../../../actors/pool/health/slow-start.ts';

it.each([
  [0, 1 / 16],
  [10, 1 / 16],
  [80, 0.5],
  [159, 159 / 160],
  [160, 1],
  [10_000, 1],
  // A clock that was set back.
  [-5000, 1 / 16],
])('%i ms after it came up a backend with a slow start of 160 ms has %f of its weight', (sinceMs, share) => {
  expect(shareOf(1_000_000, 1_000_000 + sinceMs, 160)).toBe(share);
});
