/**
 * How many clients and connections to backends the file descriptor limit allows. Beyond it nothing works any more: no
 * command and no metrics request is accepted, clients are reset, and nothing is journalled.
 */
import { MOST_CONNECTIONS } from '../admin/index.ts';
import type { ListenerSettings } from '../config/index.ts';
import { LimitTooLow, withWorkers } from './system-limits.ts';

// Measured: 37, and 9 per worker, at rest; 22 for the history and import threads. A worker exists twice while it is
// replaced, and questions about the past open three files per segment.
const OWN = 80;
const OWN_OF_A_WORKER = 20;
// Enough at rest, with one connection at a time.
const LEAST = 48;
const LEAST_OF_A_WORKER = 10;
// A client and the connection to its backend …
const OF_A_CLIENT = 2;
// … but with very many clients most are idle: more requests than this are hardly ever in progress at once.
const MOST_AT_BACKENDS = 8192;
// With a very low limit, still allow some clients and some operators.
const LEAST_SHARE = 8;
const LEAST_OPERATORS = 4;
// The share of descriptors for connections to the admin API.
const SHARE_OF_OPERATORS = 16;

/** Throws `LimitTooLow` if the descriptors are too few to start a router. */
export function requireFiles(descriptors: number, workers: number): void {
  const least = LEAST + LEAST_OF_A_WORKER * workers;
  if (descriptors >= least) return;
  throw new LimitTooLow(
    `expected that at least ${least} files may be open${withWorkers(workers)} (ulimit -n), found ${descriptors}`,
  );
}

export function clientsWithin(descriptors: number, workers: number): number {
  const left = trafficWithin(descriptors, workers);
  const clients = Math.max(Math.floor(left / OF_A_CLIENT), left - MOST_AT_BACKENDS);
  return Math.max(clients, Math.ceil(descriptors / LEAST_SHARE));
}

/** What these clients leave: with very many of them, all may have a request in progress after all. */
export function backendsWithin(
  descriptors: number,
  workers: number,
  listeners: readonly ListenerSettings[],
): number {
  const clients = listeners.reduce((sum, { limits }) => sum + limits.connections, 0);
  return Math.max(trafficWithin(descriptors, workers) - clients, Math.ceil(descriptors / LEAST_SHARE));
}

function trafficWithin(descriptors: number, workers: number): number {
  return descriptors - OWN - OWN_OF_A_WORKER * workers - operatorsWithin(descriptors);
}

/** Connections to the admin API: idle ones use descriptors too. */
export function operatorsWithin(descriptors: number): number {
  const share = Math.floor(descriptors / SHARE_OF_OPERATORS);
  return Math.min(Math.max(share, LEAST_OPERATORS), MOST_CONNECTIONS);
}

/**
 * Returns the same listeners if together they want no more than this many clients. Otherwise they share by max-min
 * fairness: equally, and what one does not want goes to the others.
 */
export function shareConnections(
  clients: number,
  listeners: readonly ListenerSettings[],
): readonly ListenerSettings[] {
  const wish = ({ limits }: ListenerSettings) => limits.connections || Number.POSITIVE_INFINITY;
  const granted = new Map<ListenerSettings, number>();
  let left = clients;
  for (const listener of listeners.toSorted((one, other) => wish(one) - wish(other))) {
    const share = Math.max(1, Math.floor(left / (listeners.length - granted.size)));
    const connections = Math.min(wish(listener), share);
    granted.set(listener, connections);
    left -= connections;
  }
  if (listeners.every((listener) => granted.get(listener) === wish(listener))) return listeners;
  return listeners.map((listener) => {
    const connections = granted.get(listener)!;
    return { ...listener, limits: { ...listener.limits, connections } };
  });
}
