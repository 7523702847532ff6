/** What every supervisor of one tree shares: time, chance, what passes with time, and whom to tell. */
import type { Clock } from './clock.ts';
import { SupervisionObservers } from './supervision-event.ts';

export type World = {
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  /** Whether time may mend what made a child end: then no restart of it is counted, and it is tried again with back-off. */
  readonly mayPass: (error: unknown) => boolean;
  readonly observers: SupervisionObservers;
};

export function createWorld(clock: Clock, random: () => number, mayPass: World['mayPass'] = never): World {
  return { clock, random, mayPass, observers: new SupervisionObservers() };
}

function never(): boolean {
  return false;
}
