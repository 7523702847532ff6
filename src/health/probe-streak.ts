/** The outcome of a backend's probes: as many in a row as its pool requires make it failing, or passing again. */

export type ProbeRules = { readonly healthyAfter: number; readonly unhealthyAfter: number };

export class ProbeStreak {
  /** The backend is closed: its probes fail. */
  isFailing: boolean;
  /** Consecutive probes with the same result as the last. */
  #inRow = 0;
  #lastPassed = false;

  constructor(isFailing: boolean) {
    this.isFailing = isFailing;
  }

  /** Consecutive passed probes; 0: the last one failed. */
  get passedInRow(): number {
    return this.#lastPassed ? this.#inRow : 0;
  }

  /** Returns whether this probe changed `isFailing`. */
  probed(hasPassed: boolean, { healthyAfter, unhealthyAfter }: ProbeRules): boolean {
    this.#inRow = hasPassed === this.#lastPassed ? this.#inRow + 1 : 1;
    this.#lastPassed = hasPassed;
    const isTurned =
      hasPassed === this.isFailing && this.#inRow >= (hasPassed ? healthyAfter : unhealthyAfter);
    if (isTurned) this.isFailing = !hasPassed;
    return isTurned;
  }
}

// A tenth either way, so that probes of many backends that began together spread out.
const JITTER = 0.2;

/** The interval from the last probe to the next. `random`: from 0 to 1. */
export function nextProbeInMs(intervalMs: number, random: number): number {
  return intervalMs * (1 + JITTER * (random - 1 / 2));
}
