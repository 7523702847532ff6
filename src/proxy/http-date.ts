/** The Date field (RFC 9110 §6.6.1), made once a second. */

export class HttpDate {
  #second = -1;
  #text = '';

  at(nowMs: number): string {
    const second = Math.trunc(nowMs / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#text = new Date(second * 1000).toUTCString();
    }
    return this.#text;
  }
}
