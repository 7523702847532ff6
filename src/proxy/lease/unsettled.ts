/**
 * Requests that were granted only backends that their table does not know yet. Table and ledger learn of a change one
 * after the other, so for a moment they may have no backend in common; such a request asks again a moment later.
 */

export interface Asker {
  askAgain(): void;
}

// 2 ms: the main thread brings a ledger in line and publishes the change one right after the other.
const MOMENT_MS = 2;
// 100 ms: if the owner is restarted in between, the wait is longer, and asking at every turn is useless.
const MOST_MS = 100;

export class Unsettled {
  #waiting = new Set<Asker>();
  #asking = new Set<Asker>();
  #momentMs = MOMENT_MS;
  readonly #ask = (): void => {
    [this.#asking, this.#waiting] = [this.#waiting, this.#asking];
    this.#momentMs = Math.min(2 * this.#momentMs, MOST_MS);
    for (const asker of this.#asking) {
      this.#asking.delete(asker);
      asker.askAgain();
    }
    if (this.#waiting.size === 0) this.#momentMs = MOMENT_MS;
  };

  add(asker: Asker): void {
    if (this.#waiting.size === 0) setTimeout(this.#ask, this.#momentMs);
    this.#waiting.add(asker);
  }

  delete(asker: Asker): void {
    this.#waiting.delete(asker);
    this.#asking.delete(asker);
  }
}
