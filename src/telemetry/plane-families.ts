/** The planes' counters, added up over the workers, with their public names and descriptions. */
import type { PlaneTotal } from './plane-counters.ts';
import type { Family } from './prometheus.ts';

type Described = readonly [type: 'counter' | 'gauge', name: string, help: string];

/** By the name of the counter. */
const KNOWN = {
  requests: ['counter', 'switchyard_requests_begun', 'Requests begun, those with a refused head included.'],
  inFlight: ['gauge', 'switchyard_requests_in_flight', 'Requests begun and not ended.'],
  malformed: ['counter', 'switchyard_requests_malformed', 'Heads that were refused before they were routed.'],
  crashes: ['counter', 'switchyard_request_crashes', 'Requests that ended by a fault of ours.'],
  retries: [
    'counter',
    'switchyard_retries',
    'Idempotent requests that went to another backend though the first had been sent them.',
  ],
  retriesDenied: [
    'counter',
    'switchyard_retries_denied',
    'Requests that would have gone to another backend, had the retry budget not been spent.',
  ],
  resends: ['counter', 'switchyard_resends', 'Requests sent again since a reused connection had closed.'],
  checkouts: ['counter', 'switchyard_checkouts', 'Leases granted.'],
  checkins: ['counter', 'switchyard_checkins', 'Leases given back.'],
  connects: ['counter', 'switchyard_upstream_connects', 'Connections to backends that were begun.'],
  connectFailures: [
    'counter',
    'switchyard_upstream_connect_failures',
    'Connections to backends that failed.',
  ],
  reuses: ['counter', 'switchyard_upstream_reuses', 'Requests sent over an idle connection.'],
  upstreamConnections: ['gauge', 'switchyard_upstream_connections', 'Connections to backends that are open.'],
  upstreamIdle: ['gauge', 'switchyard_upstream_idle_connections', 'Of those, the ones without a request.'],
  accepted: ['counter', 'switchyard_client_connections_accepted', 'Connections of clients.'],
  refusedConnections: ['counter', 'switchyard_client_connections_refused', 'Connections over a limit.'],
  connections: ['gauge', 'switchyard_client_connections', 'Connections of clients that are open.'],
} as const satisfies Record<PlaneTotal, Described>;

/** The totals that show whether the kernel spreads connections evenly, and which worker is stuck. */
const BY_WORKER = {
  requests: ['counter', 'switchyard_worker_requests_begun', 'Requests begun, by worker.'],
  inFlight: ['gauge', 'switchyard_worker_requests_in_flight', 'Requests begun and not ended, by worker.'],
  connections: ['gauge', 'switchyard_worker_client_connections', 'Open connections of clients, by worker.'],
} as const satisfies Partial<Record<PlaneTotal, Described>>;

export function workerFamilies(
  workers: Readonly<Record<string, Readonly<Record<string, number>>>>,
): Family[] {
  return Object.entries(BY_WORKER).map(([key, [type, name, help]]) => ({
    name,
    type,
    help,
    samples: Object.entries(workers).map(([worker, totals]) => ({
      labels: { worker },
      value: totals[key] ?? 0,
    })),
  }));
}

export function planeFamilies(totals: Readonly<Record<string, number>>): Family[] {
  return Object.entries(KNOWN).flatMap(([key, [type, name, help]]) => {
    const value = totals[key];
    return value === undefined ? [] : [{ name, type, help, samples: [{ value }] }];
  });
}
