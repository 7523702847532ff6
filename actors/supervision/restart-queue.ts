/** Restarts wanted now, in order of the crashes, and never so many in one turn that the thread does nothing else. */
import type { Clock } from './clock.ts';

// 64 restarts are a few milliseconds, even where each reads its owner from the log.
const RESTARTS_PER_TURN = 64;

export class RestartQueue<T> {
  readonly #clock: Clock;
  readonly #restart: (item: T) => void;
  readonly #waiting: T[] = [];
  #next = 0;
  #draining = false;

  /** `restart` may be called for an item that was stopped meanwhile: whoever adds it knows. */
  constructor(clock: Clock, restart: (item: T) => void) {
    this.#clock = clock;
    this.#restart = restart;
  }

  add(item: T): void {
    this.#waiting.push(item);
    if (this.#draining) return;
    this.#draining = true;
    // Out of the stack of the child that just ended.
    queueMicrotask(() => this.#turn());
  }

  #turn(): void {
    const end = Math.min(this.#waiting.length, this.#next + RESTARTS_PER_TURN);
    while (this.#next < end) this.#restart(this.#waiting[this.#next++]!);
    this.#draining = this.#next < this.#waiting.length;
    if (this.#draining) {
      this.#clock.setTimer(() => this.#turn(), 0);
      return;
    }
    this.#waiting.length = 0;
    this.#next = 0;
  }
}
