/** A router listens once. After it is closed it stays closed, and another attempt to listen is refused. */
export class Lifetime {
  readonly #open: () => Promise<readonly string[]>;
  #opened: Promise<readonly string[]> | undefined;
  #isOver = false;

  constructor(open: () => Promise<readonly string[]>) {
    this.#open = open;
  }

  /** Every call has the same result, including a failure. */
  async listen(): Promise<readonly string[]> {
    if (this.#isOver) throw new Error('expected a router that has not been closed, found one that was');
    this.#opened ??= this.#open();
    return this.#opened;
  }

  /** Resolves when nothing is being opened any more, so that what is closed then stays closed. */
  async end(): Promise<void> {
    this.#isOver = true;
    await this.#opened?.catch(() => {});
  }
}
