/** Limits how many run at once; others wait, first come first served. */
export class Turnstile {
  readonly #most: number;
  /** Who came, the last at the end; and who is next, the first at the end: of a hundred thousand, to shift one moves all others. */
  #came: (() => void)[] = [];
  #next: (() => void)[] = [];
  #inside = 0;

  constructor(most: number) {
    this.#most = most;
  }

  async through<T>(act: () => Promise<T>): Promise<T> {
    if (this.#inside < this.#most) this.#inside++;
    // Whoever leaves hands its place over.
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
