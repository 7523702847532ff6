/** One of eleven backends is slow for half a minute: published for Finagle by Buoyant in 2016. */
import type { Backend, Scenario } from './scenario.ts';

const BACKENDS = 11;
const SLOW_FROM_MS = 15_000;
const SLOW_UNTIL_MS = 45_000;
const SLOW_MS = 2000;
const REQUESTS = 60_000;

function backends(): readonly Backend[] {
  return Array.from({ length: BACKENDS }, (_, i) => ({
    id: `backend.${i}`,
    answer({ workMs }, nowMs) {
      const isSlow = i === 0 && nowMs >= SLOW_FROM_MS && nowMs < SLOW_UNTIL_MS;
      return { status: 200, afterMs: isSlow ? SLOW_MS : workMs };
    },
  }));
}

/** 1 000 requests a second for a minute; success means within a second. */
export function oneSlowBackend(how: Pick<Scenario, 'policy' | 'seed'>): Scenario {
  return {
    requests: REQUESTS,
    nextArrivalMs: (chance) => chance.exponential(1),
    workMs: (chance) => Math.max(1, chance.normal(167, 5)),
    backends: backends(),
    limit: 0,
    goodWithinMs: 1000,
    ...how,
  };
}
