/** What the plane of one thread counts: numbers that only grow, and two gauges at the end. */

export class PlaneCounters {
  requests = 0;
  checkouts = 0;
  checkins = 0;
  connects = 0;
  reuses = 0;
  resends = 0;
  /** Idempotent requests that went to another backend though the first had been sent them. */
  retries = 0;
  /** Those that would have, had the budget of their pool not been spent. */
  retriesDenied = 0;
  connectFailures = 0;
  accepted = 0;
  refusedConnections = 0;
  malformed = 0;
  crashes = 0;
  inFlight = 0;
  connections = 0;
}

/** What is told of a plane: its counts, and how many connections it has to backends. */
export type PlaneTotal = keyof PlaneCounters | 'upstreamConnections' | 'upstreamIdle';

/** Of what the plane of a thread had told, what is left when the thread is gone: nothing is open, and every lease was given back. */
export function leftBy(totals: Readonly<Record<string, number>>): Readonly<Record<string, number>> {
  const checkins = totals['checkouts'] ?? 0;
  return { ...totals, checkins, inFlight: 0, connections: 0, upstreamConnections: 0, upstreamIdle: 0 };
}
