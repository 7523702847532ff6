import { describe, expect, it } from 'vitest';
import { centralFifoWaits } from '../../../bench/simulate/central-fifo.ts';
import { Chance } from '../../../bench/simulate/chance.ts';
import { rapGenius } from '../../../bench/simulate/rap-genius.ts';
import type { Scenario } from '../../../bench/simulate/scenario.ts';
import { simulate } from '../../../bench/simulate/simulation.ts';
import { replay } from '../../actors/pool/ledger/model.ts';

const EXACT = { policy: 'least-request', limit: 1, seed: 1 } as const;
// Five minutes of that site's traffic.
const REQUESTS = 45_000;
// 100 000 simulated requests a second of one core.
const AFFORDABLE_NS = 10_000;

/** What each request of this scenario would wait before one queue for all servers. */
function reference(scenario: Scenario): Float64Array {
  const chance = new Chance(scenario.seed);
  const arrivals = new Float64Array(scenario.requests);
  const works = new Float64Array(scenario.requests);
  let nowMs = scenario.nextArrivalMs(chance);
  for (let i = 0; i < scenario.requests; i++) {
    arrivals[i] = nowMs;
    works[i] = scenario.workMs(chance);
    nowMs += scenario.nextArrivalMs(chance);
  }
  return centralFifoWaits(arrivals, works, scenario.backends.length);
}

describe('exact checkout under the traffic of Rap Genius', () => {
  it('lets nobody wait at 75 backends, and costs less than ten microseconds to simulate', async () => {
    let leastNs = Number.POSITIVE_INFINITY;
    // What else the machine does makes a run dearer, never cheaper.
    for (let run = 0; run < 5 && leastNs >= AFFORDABLE_NS; run++) {
      const { waits, waited, waitedInVain, cpuNs } = await simulate(rapGenius(75, REQUESTS, EXACT));
      expect(waits.mean).toBeLessThan(0.05);
      expect(waited).toBeLessThan(10);
      expect(waitedInVain).toBe(0);
      leastNs = Math.min(leastNs, cpuNs);
    }
    expect(leastNs).toBeLessThan(AFFORDABLE_NS);
  });

  it('lets at most one in a hundred wait at 60 backends', async () => {
    const { waited, requests, waitedInVain } = await simulate(rapGenius(60, REQUESTS, EXACT));
    expect(waited / requests).toBeLessThanOrEqual(0.01);
    expect(waitedInVain).toBe(0);
  });

  it('makes each request wait exactly as long as one queue before 45 servers would', async () => {
    const scenario = rapGenius(45, REQUESTS, EXACT);
    const { waitsInOrder, waited, requests, waitedInVain } = await simulate(scenario);
    const expected = reference(scenario);
    let most = 0;
    for (let i = 0; i < REQUESTS; i++) most = Math.max(most, Math.abs(waitsInOrder[i]! - expected[i]!));
    // A ten thousandth of a millisecond: what adding up in another order does to the last bits.
    expect(most).toBeLessThan(1e-4);
    expect(waited / requests).toBeGreaterThan(0.25);
    expect(waitedInVain).toBe(0);
  });

  it('does the same with four workers, but for the time that a hand-over takes', async () => {
    const handOverMs = 0.05;
    const scenario = rapGenius(45, REQUESTS, { ...EXACT, workers: 4, handOverMs });
    const { waits, waitedInVain } = await simulate(scenario);
    const one = await simulate(rapGenius(45, REQUESTS, EXACT));
    expect(waits.mean).toBeGreaterThanOrEqual(one.waits.mean);
    expect(waits.mean).toBeLessThan(one.waits.mean * 1.02 + handOverMs);
    expect(waits.p99).toBeLessThan(one.waits.p99 * 1.02 + handOverMs);
    expect(waitedInVain).toBe(0);
  });

  it('is decided again, decision by decision, by the naive model', async () => {
    const scenario = rapGenius(45, 8000, { ...EXACT, workers: 3, handOverMs: 0.05, record: true });
    const { records } = await simulate(scenario);
    const model = replay(records);
    expect(records.length).toBeGreaterThanOrEqual(16_000);
    expect(model.queue).toEqual([]);
  });
});
