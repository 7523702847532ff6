/** Time for supervision: a clock that never goes back, and timers that can be cancelled. */

export type CancelTimer = () => void;

export type Clock = {
  /** Milliseconds since the epoch, whole and never decreasing: restart windows are measured with it. */
  readonly now: () => number;
  /** Calls `run` once, `delayMs` from now, unless it is cancelled before. */
  readonly setTimer: (run: () => void, delayMs: number) => CancelTimer;
};

/** The process's own clock. `performance` is monotonic; `Date.now` would jump with the wall clock. */
export const systemClock: Clock = {
  now: () => Math.floor(performance.timeOrigin + performance.now()),
  setTimer: (run, delayMs) => {
    const timer = setTimeout(run, delayMs);
    return () => clearTimeout(timer);
  },
};
