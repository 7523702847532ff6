/** Whether an event loop still turns: it increments a counter, which is checked every second or so. */

// Three looks. If the observer itself looks so late, it was stopped too (SIGSTOP, or a paused machine), and the missing
// beats prove nothing.
const STOOD_STILL_MS = 3000;

export class Pulse {
  #beat = 0;
  #beatAtMs: number;
  #lookedAtMs: number;

  constructor(nowMs: number) {
    this.#beatAtMs = nowMs;
    this.#lookedAtMs = nowMs;
  }

  /** Returns how long no beat was seen. */
  look(beat: number, nowMs: number): number {
    if (beat !== this.#beat || nowMs - this.#lookedAtMs > STOOD_STILL_MS) this.begins(nowMs);
    this.#beat = beat;
    this.#lookedAtMs = nowMs;
    return this.silentForMs(nowMs);
  }

  begins(nowMs: number): void {
    this.#beatAtMs = nowMs;
  }

  silentForMs(nowMs: number): number {
    return nowMs - this.#beatAtMs;
  }
}
