/** A router listens once. What was closed stays closed, and another attempt to listen is refused. */
export class Lifetime {
  readonly #open: () => Promise<readonly string[]>;
  #opened: Promise<readonly string[]> | undefined;
  #isOver = false;

  constructor(open: () => Promise<readonly string[]>) {
    this.#open = open;
  }

  /** However often it is asked: the same answer, a failure too. */
  async listen(): Promise<readonly string[]> {
    if (this.#isOver) throw new Error('expected a router that may listen, found one that was closed');
    this.#opened ??= this.#open();
    return this.#opened;
  }

  /** Resolves when nothing is being opened any more: what is closed then stays closed. */
  async end(): Promise<void> {
    this.#isOver = true;
    await this.#opened?.catch(() => {});
  }
}
