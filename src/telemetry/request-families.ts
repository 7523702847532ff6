/** Request counts as metrics: over all pools by code, and for the busiest pools individually. */
import { SHOWN_POOLS } from './ledger-metrics.ts';
import { planeFamilies, workerFamilies } from './plane-families.ts';
import type { Family, HistogramSample } from './prometheus.ts';
import {
  DURATION_BOUNDS_MS,
  type Histogram,
  type PoolMetricsSnapshot,
  type RequestMetricsSnapshot,
  requestsOf,
} from './request-metrics.ts';

type Named = readonly [pool: string, metrics: PoolMetricsSnapshot];

const BOUNDS_SECONDS = DURATION_BOUNDS_MS.map((ms) => ms / 1000);

export function requestFamilies({ requests, pools, totals, workers = {} }: RequestMetricsSnapshot): Family[] {
  // Ranked by requests since the start, so that a shown pool is seldom displaced. The empty name: no pool was reached.
  const shown = Object.entries(pools)
    .filter(([pool]) => pool !== '')
    .toSorted(([a, x], [b, y]) => requestsOf(y) - requestsOf(x) || (a < b ? -1 : 1))
    .slice(0, SHOWN_POOLS);
  return [
    {
      name: 'switchyard_requests',
      type: 'counter',
      help: 'Requests ended, by H-code or else status class, over all pools and without a pool.',
      samples: Object.entries(requests).map(([code, value]) => ({ labels: { code }, value })),
    },
    {
      name: 'switchyard_pool_requests',
      type: 'counter',
      help: 'Requests ended, by pool and by H-code or else status class.',
      samples: shown.flatMap(([pool, { requests }]) =>
        Object.entries(requests).map(([code, value]) => ({ labels: { pool, code }, value })),
      ),
    },
    histogram(
      'switchyard_pool_service_seconds',
      'Service time: from connected to done.',
      shown,
      (metrics) => metrics.service,
    ),
    histogram(
      'switchyard_pool_wait_seconds',
      'Queue time of requests that had to wait for a backend.',
      shown,
      (metrics) => metrics.wait,
    ),
    counter(
      'switchyard_pool_received_bytes',
      'Bytes received in request bodies and after upgrades.',
      shown,
      (metrics) => metrics.bytesIn,
    ),
    counter(
      'switchyard_pool_sent_bytes',
      'Bytes sent to clients, including heads.',
      shown,
      (metrics) => metrics.bytesOut,
    ),
    ...planeFamilies(totals),
    ...workerFamilies(workers),
  ];
}

function histogram(
  name: string,
  help: string,
  pools: readonly Named[],
  of: (metrics: PoolMetricsSnapshot) => Histogram,
): Family {
  const samples: HistogramSample[] = pools.map(([pool, metrics]) => {
    const { counts, sumMs } = of(metrics);
    return { labels: { pool }, bounds: BOUNDS_SECONDS, counts, sum: sumMs / 1000 };
  });
  return { name, type: 'histogram', help, samples };
}

function counter(
  name: string,
  help: string,
  pools: readonly Named[],
  of: (metrics: PoolMetricsSnapshot) => number,
): Family {
  return {
    name,
    type: 'counter',
    help,
    samples: pools.map(([pool, metrics]) => ({ labels: { pool }, value: of(metrics) })),
  };
}
