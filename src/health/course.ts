/** The outcome of a backend's probes: as many in a row as its pool requires make it failing, or passing again. */

export type ProbeRules = { readonly healthyAfter: number; readonly unhealthyAfter: number };

export class ProbeCourse {
  /** The backend is left alone. */
  isFailing: boolean;
  /** Probes in a row that ended as the last did. */
  #inRow = 0;
  #lastPassed = false;

  constructor(isFailing: boolean) {
    this.isFailing = isFailing;
  }

  /** Passed so often in a row; 0: the last one failed. */
  get passedInRow(): number {
    return this.#lastPassed ? this.#inRow : 0;
  }

  /** Whether this one turned it. */
  probed(hasPassed: boolean, { healthyAfter, unhealthyAfter }: ProbeRules): boolean {
    this.#inRow = hasPassed === this.#lastPassed ? this.#inRow + 1 : 1;
    this.#lastPassed = hasPassed;
    const isTurned =
      hasPassed === this.isFailing && this.#inRow >= (hasPassed ? healthyAfter : unhealthyAfter);
    if (isTurned) this.isFailing = !hasPassed;
    return isTurned;
  }
}

// A tenth either way: probes of many backends that began together come apart.
const JITTER = 0.2;

/** How long after the last probe the next one begins. `random`: from 0 to 1. */
export function nextProbeInMs(intervalMs: number, random: number): number {
  return intervalMs * (1 + JITTER * (random - 1 / 2));
}
