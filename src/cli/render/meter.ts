/** The progress of long work: a line on standard error that is overwritten, on a terminal and for people only. */
import type { Context } from '../verb.ts';

// Ten a second: more cannot be read.
const SHOW_EVERY_MS = 100;

export class Meter {
  readonly #context: Pick<Context, 'io' | 'print'>;
  #shownAtMs = Number.NEGATIVE_INFINITY;

  constructor(context: Pick<Context, 'io' | 'print'>) {
    this.#context = context;
  }

  get isShown(): boolean {
    const { print, io } = this.#context;
    return io.stderr.isTTY === true && !print.json;
  }

  /** `text` is called only if it is shown. */
  show(text: () => string): void {
    const nowMs = performance.now();
    if (!this.isShown || nowMs - this.#shownAtMs < SHOW_EVERY_MS) return;
    this.#shownAtMs = nowMs;
    this.#context.io.stderr.write(`\r\x1b[K${text()}`);
  }

  /** Clears the line when the first value arrives, or at the end. */
  async *until<T>(values: AsyncIterable<T>): AsyncGenerator<T> {
    try {
      for await (const value of values) {
        this.clear();
        yield value;
      }
    } finally {
      this.clear();
    }
  }

  clear(): void {
    if (Number.isFinite(this.#shownAtMs)) this.#context.io.stderr.write('\r\x1b[K');
    this.#shownAtMs = Number.NEGATIVE_INFINITY;
  }
}
