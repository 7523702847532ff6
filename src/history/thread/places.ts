/** A limited number of places. Others wait in order of arrival; if too many wait, the next is refused. */
import { Unanswerable } from '../unanswerable.ts';

export class Places {
  readonly #most: number;
  readonly #mostWaiting: number;
  readonly #queue: (() => void)[] = [];
  #taken = 0;

  constructor(most: number, mostWaiting: number) {
    this.#most = most;
    this.#mostWaiting = mostWaiting;
  }

  /** No place is taken. */
  get areFree(): boolean {
    return this.#taken === 0;
  }

  /** Rejects with the reason of `signal`; a caller that left no longer waits. */
  async take(signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    if (this.#taken < this.#most) {
      this.#taken += 1;
      return;
    }
    if (this.#queue.length >= this.#mostWaiting) {
      throw new Unanswerable('history_busy', `expected at most ${this.#mostWaiting} questions to wait`);
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#queue.push(resolve);
    const onAbort = () => {
      const at = this.#queue.indexOf(resolve);
      if (at === -1) return;
      this.#queue.splice(at, 1);
      reject(signal?.reason);
    };
    signal?.addEventListener('abort', onAbort);
    try {
      await promise;
    } finally {
      signal?.removeEventListener('abort', onAbort);
    }
  }

  leave(): void {
    const next = this.#queue.shift();
    if (next === undefined) this.#taken -= 1;
    else next();
  }
}
