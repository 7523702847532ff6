import { describe, expect, it } from 'vitest';
import { simulate } from '../../../bench/simulate/simulation.ts';

const WEIGHTS = [1, 2, 4, 13];
const REQUESTS = 20_000;

describe('a busy pool of equally quick backends', () => {
  for (const policy of ['least-request', 'round-robin', 'random', 'p2c', 'peak-ewma'] as const) {
    it(`is used in proportion to weight by ${policy}`, async () => {
      const { sentTo } = await simulate({
        seed: 3,
        requests: REQUESTS,
        nextArrivalMs: (chance) => chance.exponential(1),
        workMs: () => 100,
        backends: WEIGHTS.map((weight, i) => ({
          id: `backend.${i}`,
          weight,
          answer: ({ workMs }) => ({ status: 200, afterMs: workMs }),
        })),
        policy,
        limit: 0,
      });
      for (const [i, weight] of WEIGHTS.entries())
        expect(Math.abs(sentTo[i]! / REQUESTS - weight / 20), `${policy}: ${sentTo}`).toBeLessThan(0.02);
    });
  }
});
