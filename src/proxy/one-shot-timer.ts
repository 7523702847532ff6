/** One action at one time, replaced if another time is set; Infinity: never. */
export class OneShotTimer {
  readonly #act: () => void;
  #timer: NodeJS.Timeout | undefined;

  constructor(act: () => void) {
    this.#act = act;
  }

  set(inMs: number): void {
    clearTimeout(this.#timer);
    // setTimeout treats a delay that is not finite as 1 ms.
    this.#timer = Number.isFinite(inMs) ? setTimeout(this.#act, inMs) : undefined;
  }
}
