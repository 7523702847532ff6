/** The settings with which each bar of the faulty fleets is reached. */
import type { SparsePool } from '../../eventlog/index.ts';
import type { FaultyFleet } from './faulty-fleets.ts';
import type { Scenario } from './scenario.ts';

// What a router may learn from: listed statuses, and a second attempt where the first was answered so, or not at all.
export const JUDGED: SparsePool = {
  health: { passive: { outlier: { statuses: ['500-599'] } } },
  retries: { statuses: ['500-599'], firstByteTimeouts: true, budgetPercent: 100 },
};
const BRISK: SparsePool = { ...JUDGED, timeouts: { firstByteMs: 2000 } };
const PROBED: SparsePool = {
  health: {
    active: {
      path: '/',
      intervalMs: 500,
      timeoutMs: 2000,
      healthyAfter: 1,
      unhealthyAfter: 2,
      statuses: '200-399',
    },
  },
  queue: { maxWaiting: 5000 },
};

export const REACHED: Readonly<
  Record<FaultyFleet, { readonly policy: Scenario['policy']; readonly pool: SparsePool; readonly by: string }>
> = {
  black_hole: { policy: 'peak-ewma', pool: BRISK, by: 'outliers, retries, 2 s' },
  one_endpoint_dies_on_each_server: { policy: 'peak-ewma', pool: JUDGED, by: 'routes, outliers, retries' },
  all_nodes_500: { policy: 'least-request', pool: PROBED, by: 'probes' },
  drastic_slowdown: { policy: 'least-request', pool: BRISK, by: 'outliers, retries, 2 s' },
  live_reloading: { policy: 'peak-ewma', pool: JUDGED, by: 'outliers, retries' },
  one_big_spike: { policy: 'least-request', pool: JUDGED, by: 'limit, queue' },
  fast_503s_then_revert: { policy: 'peak-ewma', pool: JUDGED, by: 'outliers, retries' },
  slow_503s_then_revert: { policy: 'peak-ewma', pool: JUDGED, by: 'outliers, retries' },
};
