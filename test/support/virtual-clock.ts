/** A clock that stands still until a test moves it; everything due happens in order, promises included. */
import type { CancelTimer, Clock } from '../../actors/supervision/clock.ts';

type Timer = { readonly atMs: number; readonly order: number; readonly run: () => void };

export class VirtualClock implements Clock {
  #nowMs: number;
  #order = 0;
  #timers: Timer[] = [];

  /** Starts in 2001, so that it is never mistaken for the real time. */
  constructor(nowMs = 1_000_000_000_000) {
    this.#nowMs = nowMs;
  }

  /** Fields, so that they can be handed on by themselves. */
  readonly now = (): number => this.#nowMs;

  readonly setTimer = (run: () => void, delayMs: number): CancelTimer => {
    const timer = { atMs: this.#nowMs + Math.max(0, delayMs), order: this.#order++, run };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  };

  /** How many timers are set; a test that ends with some has left something behind. */
  get pending(): number {
    return this.#timers.length;
  }

  /** Moves on, stopping at every timer on the way; what a timer leads to happens before the next. */
  async advance(ms: number): Promise<void> {
    const untilMs = this.#nowMs + ms;
    await settled();
    for (let next = this.#takeDue(untilMs); next !== undefined; next = this.#takeDue(untilMs)) {
      this.#nowMs = next.atMs;
      next.run();
      await settled();
    }
    this.#nowMs = untilMs;
  }

  /** Lets everything happen that needs no time. */
  settle(): Promise<void> {
    return this.advance(0);
  }

  #takeDue(untilMs: number): Timer | undefined {
    let first: Timer | undefined;
    for (const timer of this.#timers) {
      if (timer.atMs > untilMs) continue;
      if (
        first === undefined ||
        timer.atMs < first.atMs ||
        (timer.atMs === first.atMs && timer.order < first.order)
      ) {
        first = timer;
      }
    }
    if (first !== undefined) this.#timers = this.#timers.filter((timer) => timer !== first);
    return first;
  }
}

/** A turn of the event loop: every promise that can settle without time has. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
