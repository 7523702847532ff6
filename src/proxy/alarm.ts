/** One action at one time, replaced if another time is set; Infinity: never. */
export class Alarm {
  readonly #ring: () => void;
  #timer: NodeJS.Timeout | undefined;

  constructor(ring: () => void) {
    this.#ring = ring;
  }

  set(inMs: number): void {
    clearTimeout(this.#timer);
    // Node rings at once where it is told of a time that has no number of milliseconds.
    this.#timer = Number.isFinite(inMs) ? setTimeout(this.#ring, inMs) : undefined;
  }
}
