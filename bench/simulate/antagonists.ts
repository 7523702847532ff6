/**
 * Backends that share their machines with others, after the experiment that was published with Prequal (NSDI'24): each has an
 * allocation of cores; on most machines there is more to be had, on some not even that, and it changes.
 */
import { Chance } from './chance.ts';
import type { Backend, Scenario } from './scenario.ts';

const BACKENDS = 100;
const ALLOCATED = 2;
const CHANGES_MS = 5000;
// The antagonists are not the paper's: three machines in ten have nothing to spare, the others half as much again or more.
const CONTENDED = 0.3;
const HOBBLED = 0.95;
const SPARE = { least: 1.5, most: 3.5 } as const;
const WORK_MS = 80;
// Of a normal with its mean as its deviation, cut off at nothing: the mean is 1.083 of that.
const MEAN_WORK_MS = WORK_MS * 1.0833;
const SECONDS = 12;
const WARM_UP_MS = 2000;
const DEADLINE_MS = 5000;

/** Nine steps, each a ninth more than the last. */
export const LOADS: readonly number[] = Array.from({ length: 9 }, (_, i) => 0.75 * (10 / 9) ** i);

export function antagonists(load: number, how: Pick<Scenario, 'policy' | 'seed'>): Scenario {
  const perMs = (load * BACKENDS * ALLOCATED) / MEAN_WORK_MS;
  return {
    requests: Math.round(SECONDS * 1000 * perMs),
    warmUpMs: WARM_UP_MS,
    nextArrivalMs: (chance) => chance.exponential(1 / perMs),
    workMs: (chance) => Math.max(1, chance.normal(WORK_MS, WORK_MS)),
    backends: Array.from({ length: BACKENDS }, (_, i) => machine(i, how.seed)),
    limit: 0,
    pool: { timeouts: { firstByteMs: DEADLINE_MS } },
    ...how,
  };
}

function machine(i: number, seed: number): Backend {
  const chance = new Chance(seed * BACKENDS + i);
  const cores = Array.from({ length: (2 * SECONDS * 1000) / CHANGES_MS }, () => ALLOCATED * shareOf(chance));
  return {
    id: `task.${i}`,
    cores: { everyMs: CHANGES_MS, at: (nowMs) => cores[Math.floor(nowMs / CHANGES_MS)] ?? ALLOCATED },
    answer: () => ({ status: 200, afterMs: 0 }),
  };
}

function shareOf(chance: Chance): number {
  const isContended = chance.uniform() < CONTENDED;
  const spare = SPARE.least + chance.uniform() * (SPARE.most - SPARE.least);
  return isContended ? HOBBLED : spare;
}
