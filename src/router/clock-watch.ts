/**
 * Whether the wall clock still goes with this process's own, which nobody sets and which, but on macOS, stands while the machine
 * sleeps. Periods are measured by the latter, and requests and leases are told by it, so that their order is what it was; events have
 * the former.
 */

export type ClockWatchOptions = {
  /** Epoch milliseconds, both. */
  readonly wallNow: () => number;
  readonly now: () => number;
  readonly warn: (fields: { readonly aheadMs: number }, message: string) => void;
};

const LOOK_EVERY_MS = 1000;
// Less is what a clock that is kept right is set by.
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
  if (Math.abs(aheadMs) < TOLD_FROM_MS) return 'the wall clock goes with that of this process again';
  const side = aheadMs > 0 ? 'ahead of' : 'behind';
  const by = `${Math.round(Math.abs(aheadMs) / 1000)} s ${side}`;
  return `the wall clock is ${by} that of this process: until the next start events are told by the former, requests, leases and quarantines by the latter`;
}
