import { describe, expect, it } from 'vitest';
import { FAULTY_FLEETS, type FaultyFleet } from '../../bench/simulate/faulty-fleets.ts';
import { exponential, twoChoicesLimit } from '../../bench/simulate/reference.ts';
import { type Outcome, simulate } from '../../bench/simulate/simulation.ts';
import { oneSlowBackend } from '../../bench/simulate/slow-backend.ts';

const share = ({ good, requests }: Outcome) => good / requests;
const fleet = (name: FaultyFleet) => simulate({ ...FAULTY_FLEETS[name], policy: 'peak-ewma' });

describe('one slow backend of eleven', () => {
  it('costs peak-ewma at most six requests in ten thousand, whatever the seed', async () => {
    for (const seed of [1, 2])
      expect(share(await simulate(oneSlowBackend({ policy: 'peak-ewma', seed })))).toBeGreaterThanOrEqual(
        0.9994,
      );
  });

  it('costs round robin its whole share, as published', async () => {
    const outcome = await simulate(oneSlowBackend({ policy: 'round-robin', seed: 1 }));
    expect(share(outcome)).toBeCloseTo(1 - 0.5 / 11, 3);
  });
});

describe('a faulty fleet under peak-ewma', () => {
  it('of which half slows down drastically answers within a fifth of a second on average', async () => {
    expect((await fleet('drastic_slowdown')).times.mean).toBeLessThanOrEqual(200);
  });

  it('of which half fails fast or slowly loses less than one request in a hundred', async () => {
    expect(share(await fleet('fast_503s_then_revert'))).toBeGreaterThan(0.99);
    expect(share(await fleet('slow_503s_then_revert'))).toBeGreaterThan(0.99);
  });

  it('takes a spike with a limit of 100 each, every request once', async () => {
    const outcome = await fleet('one_big_spike');
    expect(outcome.good).toBe(1000);
    expect(outcome.sentTo.reduce((a, b) => a + b)).toBe(1000);
  });
});

describe('the simulator itself', () => {
  it('comes to Mitzenmacher’s limit for two choices', async () => {
    const { times } = await simulate(exponential(0.9, 100_000, { policy: 'p2c', limit: 0, seed: 1 }));
    expect(Math.abs(times.mean / 100 - twoChoicesLimit(0.9))).toBeLessThan(0.12);
  });

  it('says the same of the same seed, to the last bit', async () => {
    const once = await simulate(oneSlowBackend({ policy: 'p2c', seed: 5 }));
    const again = await simulate(oneSlowBackend({ policy: 'p2c', seed: 5 }));
    expect({ ...again, cpuNs: 0 }).toEqual({ ...once, cpuNs: 0 });
  });
});
