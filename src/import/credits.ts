/** A counter of credits that one side adds and the other takes one by one, waiting if there is none. */
export class Credits {
  #credits = 0;
  #heard: () => void = () => {};
  #closed: Error | undefined;

  add(): void {
    this.#credits += 1;
    this.#heard();
  }

  /** Rejects with the reason of `close`. */
  async take(): Promise<void> {
    while (this.#credits === 0 && this.#closed === undefined) {
      await new Promise<void>((resolve) => {
        this.#heard = resolve;
      });
    }
    if (this.#closed !== undefined) throw this.#closed;
    this.#credits -= 1;
  }

  /** Credits not taken yet become void. */
  clear(): void {
    this.#credits = 0;
  }

  /** From now on, taking a credit fails. */
  close(reason: Error): void {
    this.#closed ??= reason;
    this.#heard();
  }
}
