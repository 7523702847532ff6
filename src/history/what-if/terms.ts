/** How a pool is set in the simulation, and as far as that matters in what is recorded. */
import type { PoolState } from '../../../actors/index.ts';
import { completePool, type PoolSettings } from '../../../eventlog/index.ts';
import type { PoolStates } from './pool-states.ts';

const UNSET = completePool({});

export class Terms {
  settings: PoolSettings = UNSET;
  /** The recorded pool's. */
  recordedWaitMs = UNSET.queue.maxWaitMs;
  /** Something is set otherwise than recorded, or was. */
  isAltered = false;

  adopt({ recorded, simulated }: ReturnType<PoolStates['at']>): PoolState {
    if (recorded !== null) this.recordedWaitMs = completePool(recorded.settings).queue.maxWaitMs;
    if (simulated !== null) this.settings = completePool(simulated.settings);
    // By the text: states are values, and their keys are in order.
    this.isAltered ||= JSON.stringify(recorded) !== JSON.stringify(simulated);
    return simulated;
  }
}
