/** An ordered queue for one consumer, which waits while it is empty. */
export class Inbox<T> {
  readonly #pieces: T[] = [];
  #heard: () => void = () => {};
  #end: { readonly error?: unknown } | undefined;

  push(piece: T): void {
    this.#pieces.push(piece);
    this.#heard();
  }

  /** No more will come; with `error`, because something failed. Only the first call counts. */
  end(end: { readonly error?: unknown } = {}): void {
    this.#end ??= end;
    this.#heard();
  }

  /** Whether a piece can be taken, or nothing more will come, now or within this time. For the consumer. */
  async isAtHand(withinMs: number): Promise<boolean> {
    if (!this.#isAtHand) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#heard = resolve;
      const timer = setTimeout(resolve, withinMs);
      await promise;
      clearTimeout(timer);
    }
    return this.#isAtHand;
  }

  get #isAtHand(): boolean {
    return this.#pieces.length > 0 || this.#end !== undefined;
  }

  /** The next piece; undefined once it has ended and everything is taken, or throws the error that it ended with. */
  async take(): Promise<T | undefined> {
    for (;;) {
      if (this.#pieces.length > 0) return this.#pieces.shift();
      if (this.#end !== undefined && 'error' in this.#end) throw this.#end.error;
      if (this.#end !== undefined) return undefined;
      await new Promise<void>((resolve) => {
        this.#heard = resolve;
      });
    }
  }
}
