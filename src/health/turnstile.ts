/** Limits how many run at once; others wait, first come first served. */
export class Turnstile {
  readonly #most: number;
  /**
   * Two stacks make the queue: `came` has the latest at its end, `next` the first; shifting an array of 100 000 would
   * move them all.
   */
  #came: (() => void)[] = [];
  #next: (() => void)[] = [];
  #inside = 0;

  constructor(most: number) {
    this.#most = most;
  }

  async through<T>(act: () => Promise<T>): Promise<T> {
    if (this.#inside < this.#most) this.#inside++;
    // A leaver passes its place on, so `inside` stays the same.
    else await new Promise<void>((resolve) => this.#came.push(resolve));
    try {
      return await act();
    } finally {
      if (this.#next.length === 0) [this.#next, this.#came] = [this.#came.reverse(), this.#next];
      const next = this.#next.pop();
      if (next === undefined) this.#inside--;
      else next();
    }
  }
}
