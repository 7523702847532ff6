/**
 * Watches whether the wall clock keeps pace with the process's monotonic clock, which nobody sets and which, except
 * on macOS, stands still while the machine sleeps. Durations, requests and leases use the monotonic clock, so that
 * their order is right; events use the wall clock.
 */

export type ClockWatchOptions = {
  /** Both in epoch milliseconds. */
  readonly wallNow: () => number;
  readonly now: () => number;
  readonly warn: (fields: { readonly aheadMs: number }, message: string) => void;
};

const LOOK_EVERY_MS = 1000;
// Clock synchronisation makes smaller corrections.
const TOLD_FROM_MS = 1000;

export class ClockWatch {
  readonly #options: ClockWatchOptions;
  #looking: NodeJS.Timeout | undefined;
  #toldMs = 0;

  constructor(options: ClockWatchOptions) {
    this.#options = options;
  }

  start(): void {
    this.#looking = setInterval(() => this.look(), LOOK_EVERY_MS);
    this.#looking.unref();
  }

  stop(): void {
    clearInterval(this.#looking);
  }

  look(): void {
    const { wallNow, now, warn } = this.#options;
    const aheadMs = Math.round(wallNow() - now());
    if (Math.abs(aheadMs - this.#toldMs) < TOLD_FROM_MS) return;
    this.#toldMs = aheadMs;
    warn({ aheadMs }, wordsFor(aheadMs));
  }
}

function wordsFor(aheadMs: number): string {
  if (Math.abs(aheadMs) < TOLD_FROM_MS) return 'the wall clock agrees with the clock of this process again';
  const side = aheadMs > 0 ? 'ahead of' : 'behind';
  const by = `${Math.round(Math.abs(aheadMs) / 1000)} s ${side}`;
  return `the wall clock is ${by} the clock of this process: until the next start, events carry wall clock time, but requests, leases and quarantines process time`;
}
