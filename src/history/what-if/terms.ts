/** The pool's settings in the simulation, and those of the recording where they matter. */
import { isDeepStrictEqual } from 'node:util';
import type { PoolState } from '../../../actors/index.ts';
import { completePool, type PoolSettings } from '../../../eventlog/index.ts';
import type { PoolStates } from './pool-states.ts';

const UNSET = completePool({});

export class Terms {
  settings: PoolSettings = UNSET;
  /** The recorded pool's. */
  recorded: PoolSettings = UNSET;
  /** Something is set otherwise than recorded, or was. */
  isAltered = false;

  /** Who asks again is who would then, not who is recorded to have. */
  get areRetriesAltered(): boolean {
    return this.isAltered && JSON.stringify(this.recorded.retries) !== JSON.stringify(this.settings.retries);
  }

  adopt({ recorded, simulated }: ReturnType<PoolStates['at']>): PoolState {
    if (recorded !== null) this.recorded = completePool(recorded.settings);
    if (simulated !== null) this.settings = completePool(simulated.settings);
    this.isAltered ||= !isSame(recorded, simulated);
    return simulated;
  }
}

/** Whatever of it is said, and whatever is left to the defaults. */
function isSame(recorded: PoolState, simulated: PoolState): boolean {
  if (recorded === null || simulated === null) return recorded === simulated;
  const whole = ({ settings, backends }: NonNullable<PoolState>) => [completePool(settings), backends];
  return isDeepStrictEqual(whole(recorded), whole(simulated));
}

/** How long somebody who has been at it for so long may wait now. */
export function waitLimitMs({ queue, retries }: PoolSettings, spentMs: number): number {
  return Math.max(0, Math.min(queue.maxWaitMs, retries.totalMs - spentMs));
}
