import { describe, expect, it } from 'vitest';
import { FAULTY_FLEETS, type FaultyFleet } from '../../../bench/simulate/faulty-fleets.ts';
import { REACHED } from '../../../bench/simulate/reached.ts';
import { exponential, twoChoicesLimit } from '../../../bench/simulate/reference.ts';
import { type Outcome, simulate } from '../../../bench/simulate/simulation.ts';
import { oneSlowBackend } from '../../../bench/simulate/slow-backend.ts';
import { replay } from '../../actors/pool/ledger/model.ts';

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

describe('a faulty fleet under the settings that docs/routing-quality.md names', () => {
  const bars: Readonly<Record<FaultyFleet, number>> = {
    black_hole: 0.99,
    one_endpoint_dies_on_each_server: 0.99,
    all_nodes_500: 0.74,
    drastic_slowdown: 1,
    live_reloading: 0.99,
    one_big_spike: 1,
    fast_503s_then_revert: 1,
    slow_503s_then_revert: 1,
  };

  it.each(Object.entries(bars) as [FaultyFleet, number][])('%s reaches its bar', async (name, bar) => {
    for (const seed of [1, 2, 3]) {
      const { by: _, ...how } = REACHED[name];
      const outcome = await simulate({ ...FAULTY_FLEETS[name], ...how, seed, routed: true, record: true });
      expect(share(outcome)).toBeGreaterThanOrEqual(bar);
      if (name === 'drastic_slowdown') expect(outcome.times.mean).toBeLessThanOrEqual(200);
      if (name === 'one_big_spike') expect(outcome.retries).toBe(0);
      // Every decision, ejections and trials among them, is decided again by the naive model.
      replay(outcome.records);
    }
  });

  it('retries no more than the budget allows', async () => {
    const { by: _, policy, pool } = REACHED.all_nodes_500;
    const retries = { statuses: ['500-599'], budgetPercent: 20 };
    const outcome = await simulate({
      ...FAULTY_FLEETS.all_nodes_500,
      policy,
      pool: { ...pool, health: {}, retries },
      seed: 1,
    });
    expect(outcome.retries).toBeGreaterThan(150);
    expect(outcome.retries).toBeLessThanOrEqual(0.2 * outcome.requests + 3);
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
