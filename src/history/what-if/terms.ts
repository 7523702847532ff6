/** The pool's settings in the simulation, and those of the recording where they matter. */
import { isDeepStrictEqual } from 'node:util';
import type { PoolState } from '../../../actors/index.ts';
import { completePool, type PoolSettings } from '../../../eventlog/index.ts';
import type { PoolStates } from './pool-states.ts';

const UNSET = completePool({});

export class Terms {
  settings: PoolSettings = UNSET;
  /** The settings of the recorded pool. */
  recorded: PoolSettings = UNSET;
  /** Something is set differently from the record, or was. */
  isAltered = false;

  /** If so, which requests ask again is decided by the simulation, not by the record. */
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

/** Compares complete settings: explicit values and defaults are the same. */
function isSame(recorded: PoolState, simulated: PoolState): boolean {
  if (recorded === null || simulated === null) return recorded === simulated;
  const whole = ({ settings, backends }: NonNullable<PoolState>) => [completePool(settings), backends];
  return isDeepStrictEqual(whole(recorded), whole(simulated));
}
