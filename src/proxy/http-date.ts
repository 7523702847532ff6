/** The Date field (RFC 9110 §6.6.1), made once a second. */

export class HttpDate {
  readonly #now: () => number;
  #second = -1;
  #text = '';

  constructor(now: () => number) {
    this.#now = now;
  }

  get text(): string {
    const second = Math.trunc(this.#now() / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#text = new Date(second * 1000).toUTCString();
    }
    return this.#text;
  }
}
