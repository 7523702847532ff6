/** What all supervisors of one tree share: time, chance, which failures may pass with time, and the observers. */
import type { Clock } from './clock.ts';
import { SupervisionObservers } from './supervision-event.ts';

export type World = {
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  /** Whether time may repair what made a child end: then its restarts are not counted, and it is tried again with back-off. */
  readonly mayPass: (error: unknown) => boolean;
  readonly observers: SupervisionObservers;
};

export function createWorld(clock: Clock, random: () => number, mayPass: World['mayPass'] = never): World {
  return { clock, random, mayPass, observers: new SupervisionObservers() };
}

function never(): boolean {
  return false;
}
