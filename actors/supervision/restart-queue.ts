/** Restarts in the order of the crashes, and never so many in one turn that the thread does nothing else. */
import type { Clock } from './clock.ts';

// 64 restarts take a few milliseconds, even if each reads its owner from the log.
const RESTARTS_PER_TURN = 64;

export class RestartQueue<T> {
  readonly #clock: Clock;
  readonly #restart: (item: T) => void;
  readonly #waiting: T[] = [];
  #next = 0;
  #draining = false;

  /** `restart` may be called for an item that was stopped meanwhile: the caller has to check. */
  constructor(clock: Clock, restart: (item: T) => void) {
    this.#clock = clock;
    this.#restart = restart;
  }

  add(item: T): void {
    this.#waiting.push(item);
    if (this.#draining) return;
    this.#draining = true;
    // Outside the stack of the child that has just ended.
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
