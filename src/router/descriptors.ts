/**
 * How many clients the file descriptor limit allows. Beyond it nothing works any more: no backend can be connected
 * to, no command and no metrics request is accepted, and nothing is journalled.
 */
import { MOST_CONNECTIONS } from '../admin/index.ts';
import type { ListenerSettings } from '../config/index.ts';
import { LimitTooLow, withWorkers } from './system-limits.ts';

// Measured: 37 and 9 a worker at rest, 22 for the threads of history and imports. A worker that is replaced is there twice, and
// questions about the past open three files of each segment.
const OWN = 80;
const OWN_OF_A_WORKER = 20;
// At rest, and for a connection at a time.
const LEAST = 48;
const LEAST_OF_A_WORKER = 10;
// A client, and the connection to its backend …
const OF_A_CLIENT = 2;
// … but of very many most are idle: more requests than these are hardly ever under way at once.
const MOST_AT_BACKENDS = 8192;
// Where so few are allowed, better some clients than none, and some operators.
const LEAST_SHARE = 8;
const LEAST_OPERATORS = 4;
// Of few files, those for who is connected to the admin.
const SHARE_OF_OPERATORS = 16;

/** Throws `LimitTooLow` where so many do not even start a router. */
export function requireFiles(descriptors: number, workers: number): void {
  const least = LEAST + LEAST_OF_A_WORKER * workers;
  if (descriptors >= least) return;
  throw new LimitTooLow(
    `expected that at least ${least} files may be open${withWorkers(workers)} (ulimit -n), found ${descriptors}`,
  );
}

export function clientsWithin(descriptors: number, workers: number): number {
  const left = descriptors - OWN - OWN_OF_A_WORKER * workers - operatorsWithin(descriptors);
  const clients = Math.max(Math.floor(left / OF_A_CLIENT), left - MOST_AT_BACKENDS);
  return Math.max(clients, Math.ceil(descriptors / LEAST_SHARE));
}

/** Connections to the admin: idle ones are files too. */
export function operatorsWithin(descriptors: number): number {
  const share = Math.floor(descriptors / SHARE_OF_OPERATORS);
  return Math.min(Math.max(share, LEAST_OPERATORS), MOST_CONNECTIONS);
}

/**
 * The same listeners where they want no more than so many clients in all. Else they share by max-min fairness: equally, and what
 * one does not want is the others'.
 */
export function within(clients: number, listeners: readonly ListenerSettings[]): readonly ListenerSettings[] {
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
