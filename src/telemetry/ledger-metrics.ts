/** Requests in flight and waiting, by pool: the busiest pools individually, and all together. */
import type { Family } from './prometheus.ts';

export type LedgerSample = {
  readonly pool: string;
  readonly waiting: number;
  readonly backends: readonly { readonly inFlight: number; readonly state: string }[];
};

/** The most pools that get series of their own. */
export const SHOWN_POOLS = 50;

/**
 * The pools with the highest counts; if these are fewer, others of `pools` with `none`: what watches for an increase sees the
 * first one only if there was a zero before.
 */
export function mostCounted<T>(
  counts: ReadonlyMap<string, T>,
  weight: (count: T) => number,
  pools: Iterable<string>,
  none: T,
): (readonly [pool: string, count: T])[] {
  const most: (readonly [string, T])[] = [...counts]
    .toSorted(([, a], [, b]) => weight(b) - weight(a))
    .slice(0, SHOWN_POOLS);
  for (const pool of pools) {
    if (most.length === SHOWN_POOLS) break;
    if (!counts.has(pool)) most.push([pool, none]);
  }
  return most;
}

/** How often pools have wanted more backends, for those that did so most. */
export function capacityFamilies(told: ReadonlyMap<string, number>, pools: Iterable<string>): Family[] {
  const most = mostCounted(told, (count) => count, pools, 0);
  return [
    {
      name: 'switchyard_capacity_wanted',
      type: 'counter',
      help: 'CapacityWanted events: the pool needed more backends.',
      samples: most.map(([pool, value]) => ({ labels: { pool }, value })),
    },
  ];
}

export function ledgerFamilies(ledgers: Iterable<LedgerSample>): Family[] {
  const pools = [...ledgers].map((ledger) => ({ ...ledger, inFlight: inFlightOf(ledger) }));
  const busiest = pools
    .toSorted((a, b) => weight(b) - weight(a) || (a.pool < b.pool ? -1 : 1))
    .slice(0, SHOWN_POOLS);
  return [
    family(
      'switchyard_pool_in_flight',
      'Requests that hold a lease on a backend of the pool.',
      busiest,
      (one) => one.inFlight,
    ),
    family(
      'switchyard_pool_waiting',
      'Requests waiting for a backend of the pool.',
      busiest,
      (one) => one.waiting,
    ),
    {
      name: 'switchyard_pool_backends',
      type: 'gauge',
      help: 'Backends of the pool, by state.',
      samples: busiest.flatMap(({ pool, backends }) =>
        [...counted(backends)].map(([state, value]) => ({ labels: { pool, state }, value })),
      ),
    },
    whole(
      'switchyard_in_flight',
      'Requests that hold a lease, over all pools.',
      sum(pools, (one) => one.inFlight),
    ),
    whole(
      'switchyard_waiting',
      'Requests waiting for a backend, over all pools.',
      sum(pools, (one) => one.waiting),
    ),
    whole('switchyard_ledgers', 'Pools whose ledger is in use.', pools.length),
  ];
}

type Counted = LedgerSample & { readonly inFlight: number };

// A pool with waiting requests is of more interest than one that is merely busy.
function weight({ waiting, inFlight }: Counted): number {
  return waiting * 1000 + inFlight;
}

function inFlightOf({ backends }: LedgerSample): number {
  return sum(backends, (backend) => backend.inFlight);
}

function counted(backends: LedgerSample['backends']): Map<string, number> {
  // A pool of which none is up is what one watches for.
  const counts = new Map<string, number>([['up', 0]]);
  for (const { state } of backends) counts.set(state, (counts.get(state) ?? 0) + 1);
  return counts;
}

function family(
  name: string,
  help: string,
  pools: readonly Counted[],
  value: (pool: Counted) => number,
): Family {
  return {
    name,
    type: 'gauge',
    help,
    samples: pools.map((one) => ({ labels: { pool: one.pool }, value: value(one) })),
  };
}

function whole(name: string, help: string, value: number): Family {
  return { name, type: 'gauge', help, samples: [{ value }] };
}

function sum<T>(items: readonly T[], value: (item: T) => number): number {
  return items.reduce((total, item) => total + value(item), 0);
}
