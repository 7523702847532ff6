/** The plane's own counts, added up over the workers, under the names and the meaning that the outside knows. */
import type { Family } from './prometheus.ts';

type Described = readonly [type: 'counter' | 'gauge', name: string, help: string];

/** By the plane's own name for them. */
const KNOWN: Readonly<Record<string, Described>> = {
  requests: ['counter', 'switchyard_requests_begun', 'Requests whose head was complete.'],
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
};

/** Those that tell whether the system spreads connections evenly, and which worker is stuck. */
const BY_WORKER = {
  requests: ['counter', 'switchyard_worker_requests_begun', 'Requests whose head was complete, by worker.'],
  inFlight: ['gauge', 'switchyard_worker_requests_in_flight', 'Requests begun and not ended, by worker.'],
  connections: ['gauge', 'switchyard_worker_client_connections', 'Open connections of clients, by worker.'],
} as const satisfies Record<string, Described>;

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

/** A count without a description is shown all the same, apart from those that have one. */
export function planeFamilies(totals: Readonly<Record<string, number>>): Family[] {
  return Object.entries(totals).map(([key, value]) => {
    const [type, name, help] = Object.hasOwn(KNOWN, key) ? KNOWN[key]! : described(key);
    return { name, type, help, samples: [{ value }] };
  });
}

export function isDescribed(key: string): boolean {
  return Object.hasOwn(KNOWN, key);
}

function described(key: string): Described {
  const words = key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  return ['gauge', `switchyard_plane_${words}`, `${key}, over all workers.`];
}
