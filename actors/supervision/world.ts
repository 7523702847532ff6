/** What every supervisor of one tree shares: time, chance, and whom to tell. */
import type { Clock } from './clock.ts';
import { SupervisionObservers } from './supervision-event.ts';

export type World = {
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  readonly observers: SupervisionObservers;
};

export function createWorld(clock: Clock, random: () => number): World {
  return { clock, random, observers: new SupervisionObservers() };
}
