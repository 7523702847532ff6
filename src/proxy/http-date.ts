/** The Date field (RFC 9110 §6.6.1), made once a second from the wall clock, with which others compare it. */

export class HttpDate {
  readonly #wallNow: () => number;
  #second = -1;
  #text = '';

  constructor(wallNow: () => number) {
    this.#wallNow = wallNow;
  }

  /** `nowMs` of any clock: it only tells when a second has passed. */
  at(nowMs: number): string {
    const second = Math.trunc(nowMs / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#text = new Date(this.#wallNow()).toUTCString();
    }
    return this.#text;
  }
}
