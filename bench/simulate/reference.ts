/** Exponential service, for which theory has the answers: what checks the simulator itself. */
import type { Backend, Scenario } from './scenario.ts';

const MEAN_SERVICE_MS = 100;
const BACKENDS = 100;

const exponentialBackends: readonly Backend[] = Array.from({ length: BACKENDS }, (_, i) => ({
  id: `server.${i}`,
  slots: 1,
  answer: ({ workMs }) => ({ status: 200, afterMs: workMs }),
}));

export function exponential(
  load: number,
  requests: number,
  how: Pick<Scenario, 'policy' | 'limit' | 'seed'>,
): Scenario {
  const betweenMs = MEAN_SERVICE_MS / (BACKENDS * load);
  return {
    requests,
    // A tenth: it begins empty, and takes a while to be as full as it stays.
    warmUpMs: 0.1 * requests * betweenMs,
    nextArrivalMs: (chance) => chance.exponential(betweenMs),
    workMs: (chance) => chance.exponential(MEAN_SERVICE_MS),
    backends: exponentialBackends,
    ...how,
  };
}

/** Mean wait at one of many queues that chance alone fills (M/M/1). */
export function randomWaitMs(load: number): number {
  return (MEAN_SERVICE_MS * load) / (1 - load);
}

/** Mean wait before all servers (M/M/c, Erlang's C). */
export function centralFifoWaitMs(load: number): number {
  const offered = BACKENDS * load;
  let blocked = 1;
  for (let servers = 1; servers <= BACKENDS; servers++)
    blocked = (offered * blocked) / (servers + offered * blocked);
  const waits = blocked / (1 - load * (1 - blocked));
  return (waits * MEAN_SERVICE_MS) / (BACKENDS * (1 - load));
}

/** Mean time in system with two choices among ever so many servers, in service times: Mitzenmacher's limit. */
export function twoChoicesLimit(load: number): number {
  let sum = 0;
  for (let i = 1; i < 60; i++) sum += load ** (2 ** i - 2);
  return sum;
}
