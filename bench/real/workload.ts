/** Rap Genius's workload ten times as fast: when each request arrives, how long its work takes, and when its client tires. */
import { Chance } from '../simulate/chance.ts';
import { RAP_GENIUS_PER_SECOND, serviceMs } from '../simulate/rap-genius.ts';

/** Real times are a tenth of the published ones. */
const SCALE = 10;
// One client in thirty loses patience, on the average after the time of a request.
const LEAVING = 1 / 30;
const PATIENCE_MS = 26;

export type Workload = {
  /** Milliseconds since the beginning, rising. */
  readonly arrivalsMs: Float64Array;
  readonly worksMs: Float64Array;
  /** After so long the client goes away, answered or not; Infinity: it stays. */
  readonly patiencesMs: Float64Array;
};

export function workload(seed: number, seconds: number): Workload {
  const chance = new Chance(seed);
  const count = Math.round(seconds * RAP_GENIUS_PER_SECOND * SCALE);
  const arrivalsMs = new Float64Array(count);
  const worksMs = new Float64Array(count);
  const patiencesMs = new Float64Array(count);
  let nowMs = 0;
  for (let i = 0; i < count; i++) {
    nowMs += chance.exponential(1000 / RAP_GENIUS_PER_SECOND / SCALE);
    arrivalsMs[i] = nowMs;
    worksMs[i] = serviceMs(chance) / SCALE;
    patiencesMs[i] = chance.uniform() < LEAVING ? chance.exponential(PATIENCE_MS) : Number.POSITIVE_INFINITY;
  }
  return { arrivalsMs, worksMs, patiencesMs };
}
