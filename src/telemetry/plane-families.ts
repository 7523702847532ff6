/** The planes' counters, added up over the workers, with their public names and descriptions. */
import type { PlaneTotal } from './plane-counters.ts';
import type { Family } from './prometheus.ts';

type Described = readonly [type: 'counter' | 'gauge', name: string, help: string];

/** By the name of the counter. */
const KNOWN = {
  requests: [
    'counter',
    'switchyard_requests_begun',
    'Requests begun, including those whose head was refused.',
  ],
  inFlight: ['gauge', 'switchyard_requests_in_flight', 'Requests in progress.'],
  malformed: ['counter', 'switchyard_requests_malformed', 'Request heads refused as malformed.'],
  crashes: ['counter', 'switchyard_request_crashes', 'Requests that hit a bug of the router.'],
  retries: [
    'counter',
    'switchyard_retries',
    'Requests retried on another backend after the first had been sent them (idempotent only).',
  ],
  retriesDenied: [
    'counter',
    'switchyard_retries_denied',
    'Retries not made because the retry budget was used up.',
  ],
  resends: [
    'counter',
    'switchyard_resends',
    'Requests sent again on a new connection because a reused one had closed.',
  ],
  checkouts: ['counter', 'switchyard_checkouts', 'Leases granted.'],
  checkins: ['counter', 'switchyard_checkins', 'Leases given back.'],
  connects: ['counter', 'switchyard_upstream_connects', 'Connection attempts to backends.'],
  connectFailures: [
    'counter',
    'switchyard_upstream_connect_failures',
    'Failed connection attempts to backends.',
  ],
  reuses: ['counter', 'switchyard_upstream_reuses', 'Requests sent on a reused idle connection.'],
  upstreamConnections: ['gauge', 'switchyard_upstream_connections', 'Open connections to backends.'],
  upstreamIdle: [
    'gauge',
    'switchyard_upstream_idle_connections',
    'Open connections to backends that are idle.',
  ],
  accepted: ['counter', 'switchyard_client_connections_accepted', 'Client connections accepted.'],
  refusedConnections: [
    'counter',
    'switchyard_client_connections_refused',
    'Client connections refused because of a limit.',
  ],
  connections: ['gauge', 'switchyard_client_connections', 'Open client connections.'],
} as const satisfies Record<PlaneTotal, Described>;

/** The totals that show whether the kernel spreads connections evenly, and which worker is stuck. */
const BY_WORKER = {
  requests: ['counter', 'switchyard_worker_requests_begun', 'Requests begun, by worker.'],
  inFlight: ['gauge', 'switchyard_worker_requests_in_flight', 'Requests in progress, by worker.'],
  connections: ['gauge', 'switchyard_worker_client_connections', 'Open client connections, by worker.'],
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
