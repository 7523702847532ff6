import { expect, it } from 'vitest';
import { ClockWatch } from '../../src/router/clock-watch.ts';

it('tells once of each step of a second or more, and of the end of it', () => {
  let aheadMs = 0;
  const told: [number, string][] = [];
  const watch = new ClockWatch({
    wallNow: () => 1_700_000_000_000 + aheadMs,
    now: () => 1_700_000_000_000,
    warn: ({ aheadMs: by }, message) => void told.push([by, message.slice(0, 42)]),
  });
  for (const at of [0, 999, 3_600_000, 3_600_400, -1000, -1, 0]) {
    aheadMs = at;
    watch.look();
  }
  expect(told).toEqual([
    [3_600_000, 'the wall clock is 3600 s ahead of the cloc'],
    [-1000, 'the wall clock is 1 s behind the clock of '],
    [0, 'the wall clock agrees with the clock of th'],
  ]);
});
