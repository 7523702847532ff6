/**
 * How many requests of a pool may be sent to a second backend: a share of the pool's own requests, so that a failing
 * pool does not get twice its load. Counted per worker, in windows.
 */
// 10 s: long enough for a share to mean something, short enough to forget a bad minute.
const WINDOW_MS = 10_000;
// A quiet pool may retry a few requests too, although its share is below one.
const FLOOR = 3;

export class RetryBudget {
  #sinceMs = Number.NEGATIVE_INFINITY;
  #requestsBefore = 0;
  #spent = 0;

  /**
   * Takes one retry from the budget, if there is one. `ended`: the pool's requests so far, as far as they are still
   * counted. `percent`: of those that ended in this window, plus this one.
   */
  take(ended: number, percent: number, nowMs: number): boolean {
    if (nowMs - this.#sinceMs >= WINDOW_MS) {
      this.#sinceMs = nowMs;
      this.#requestsBefore = ended;
      this.#spent = 0;
    }
    if (percent === 0) return false;
    if (ended < this.#requestsBefore) this.#requestsBefore = ended;
    const share = ((ended - this.#requestsBefore + 1) * percent) / 100;
    if (this.#spent >= Math.max(FLOOR, share)) return false;
    this.#spent += 1;
    return true;
  }

  /** Returns a retry that was not used. */
  giveBack(): void {
    this.#spent = Math.max(0, this.#spent - 1);
  }
}
