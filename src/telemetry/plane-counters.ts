/** What the plane of one thread counts: numbers that only grow, and two gauges at the end. */

export class PlaneCounters {
  requests = 0;
  checkouts = 0;
  checkins = 0;
  connects = 0;
  reuses = 0;
  resends = 0;
  /** Idempotent requests that were sent to a second backend after the first had got them. */
  retries = 0;
  /** Requests that would have been, if the pool's retry budget had not been used up. */
  retriesDenied = 0;
  connectFailures = 0;
  accepted = 0;
  refusedConnections = 0;
  malformed = 0;
  crashes = 0;
  inFlight = 0;
  connections = 0;
}

/** What a plane reports: its counters, and its connections to backends. */
export type PlaneTotal = keyof PlaneCounters | 'upstreamConnections' | 'upstreamIdle';

/** The totals of a thread that has ended: the counters stay, all gauges are 0, and every lease was returned. */
export function leftBy(totals: Readonly<Record<string, number>>): Readonly<Record<string, number>> {
  const checkins = totals['checkouts'] ?? 0;
  return { ...totals, checkins, inFlight: 0, connections: 0, upstreamConnections: 0, upstreamIdle: 0 };
}
