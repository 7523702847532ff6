/** The workload that Rap Genius published in 2013: what 75 one-at-a-time dynos do behind one router or another. */
import type { Chance } from './chance.ts';
import type { Backend, Scenario } from './scenario.ts';

/** 9 000 a minute. */
export const RAP_GENIUS_PER_SECOND = 150;
const SHAPE = 0.46;
const SCALE_MS = 50 / Math.LN2 ** (1 / SHAPE);
const LEAST_MS = 10;
const MOST_MS = 30_000;
const WARM_UP_MS = 60_000;

export function serviceMs(chance: Chance): number {
  return Math.min(MOST_MS, Math.max(LEAST_MS, Math.ceil(chance.weibull(SHAPE, SCALE_MS))));
}

/** Backends that do one request at a time and take as long as the request's work. */
export function oneAtATime(count: number): readonly Backend[] {
  return Array.from({ length: count }, (_, i) => ({
    id: `dyno.${i}`,
    slots: 1,
    answer: ({ workMs }) => ({ status: 200, afterMs: workMs }),
  }));
}

export function rapGenius(
  backends: number,
  requests: number,
  how: Pick<Scenario, 'policy' | 'limit' | 'seed'> & Partial<Scenario>,
): Scenario {
  return {
    requests,
    warmUpMs: WARM_UP_MS,
    nextArrivalMs: (chance) => chance.exponential(1000 / RAP_GENIUS_PER_SECOND),
    workMs: serviceMs,
    backends: oneAtATime(backends),
    ...how,
  };
}
