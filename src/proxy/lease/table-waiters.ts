/**
 * Requests that were granted only backends that their table does not know yet. Table and ledger learn of a change one
 * after the other, so for a moment they may have no backend in common; such a request asks again a moment later.
 */

export interface TableWaiter {
  askAgain(): void;
}

// 2 ms: the main thread brings a ledger in line and publishes the change one right after the other.
const MOMENT_MS = 2;
// 100 ms: if the owner is restarted in between, the wait is longer, and asking at every turn is useless.
const MOST_MS = 100;

export class TableWaiters {
  #waiting = new Set<TableWaiter>();
  #asking = new Set<TableWaiter>();
  #momentMs = MOMENT_MS;
  readonly #ask = (): void => {
    [this.#asking, this.#waiting] = [this.#waiting, this.#asking];
    this.#momentMs = Math.min(2 * this.#momentMs, MOST_MS);
    for (const waiter of this.#asking) {
      this.#asking.delete(waiter);
      waiter.askAgain();
    }
    if (this.#waiting.size === 0) this.#momentMs = MOMENT_MS;
  };

  add(waiter: TableWaiter): void {
    if (this.#waiting.size === 0) setTimeout(this.#ask, this.#momentMs);
    this.#waiting.add(waiter);
  }

  delete(waiter: TableWaiter): void {
    this.#waiting.delete(waiter);
    this.#asking.delete(waiter);
  }
}
