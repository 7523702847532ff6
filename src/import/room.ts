/** A counter of places that one side adds and the other takes one by one, waiting if there is none. */
export class Room {
  #places = 0;
  #heard: () => void = () => {};
  #closed: Error | undefined;

  make(): void {
    this.#places += 1;
    this.#heard();
  }

  /** Rejects with the reason of `close`. */
  async take(): Promise<void> {
    while (this.#places === 0 && this.#closed === undefined) {
      await new Promise<void>((resolve) => {
        this.#heard = resolve;
      });
    }
    if (this.#closed !== undefined) throw this.#closed;
    this.#places -= 1;
  }

  /** Places not taken yet become void. */
  clear(): void {
    this.#places = 0;
  }

  /** From now on, taking a place fails. */
  close(reason: Error): void {
    this.#closed ??= reason;
    this.#heard();
  }
}
