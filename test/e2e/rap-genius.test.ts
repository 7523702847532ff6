/**
 * The real router beside theory: sockets, workers and a ledger in shared memory make requests wait exactly as long as one
 * queue before all backends would. Both are given the very same arrivals and times that slots were held, so a slow machine
 * moves both. `bench/rap-genius.ts` is the whole of it.
 */
import { describe, expect, it } from 'vitest';
import { type Ran, run } from '../../bench/real/run.ts';
import type { Summary } from '../../src/simulation/index.ts';

const SECONDS = Number(process.env['E2E_RAP_GENIUS_SECONDS'] ?? 3);

describe('one-at-a-time backends under the load of Rap Genius, ten times as fast', () => {
  it.each([
    [45, 2],
    [75, 4],
  ])(
    '%i of them behind %i workers: nobody is overtaken, nobody waits beside a free one',
    async (backends, workers) => {
      const ran = await run({ backends, workers, seconds: SECONDS, seed: 2013 });
      expectExact(ran);
      expectEqual(ran.waits, ran.expected);
    },
  );
});

function expectExact({ asked, observed, excess }: Ran): void {
  const { overtaken, idleWaits, overLimit, missing } = observed;
  expect(asked.failed).toEqual([]);
  expect({ overtaken, idleWaits, overLimit, missing, excess }).toEqual({
    overtaken: 0,
    idleWaits: 0,
    overLimit: 0,
    missing: 0,
    excess: 0,
  });
  expect(asked.left).toBeGreaterThan(10);
  expect(observed.left).toBeLessThanOrEqual(asked.left);
  expect(observed.served.length + observed.left).toBeLessThanOrEqual(asked.answered + asked.left);
}

/** A tenth of it, or of a millisecond: threads read their clocks before they have the lock. */
function expectEqual(found: Summary, expected: Summary): void {
  expect(found.count).toBeGreaterThan(1000);
  for (const figure of ['mean', 'p95', 'p99'] as const)
    expect(Math.abs(found[figure] - expected[figure]), figure).toBeLessThan(0.1 + 0.1 * expected[figure]);
}
