/** How many restarts are too many: more than `intensity` within any `periodMs`. Pure. */

export type RestartWindow = {
  /** Restarts allowed within the period; 0: the first crash is one too many. */
  readonly intensity: number;
  readonly periodMs: number;
};

export type Counted = {
  readonly verdict: 'restart' | 'escalate';
  /** Times of the restarts that still count, this one included, oldest first. */
  readonly restarts: readonly number[];
};

/** Counts a restart wanted at `now`. One that is exactly a period old still counts (as in OTP). */
export function countRestart(restarts: readonly number[], window: RestartWindow, now: number): Counted {
  const recent = restarts.filter((at) => at >= now - window.periodMs);
  recent.push(now);
  return { verdict: recent.length > window.intensity ? 'escalate' : 'restart', restarts: recent };
}
