/**
 * How far each ring was read when a block was committed, and how many records had been lost by then. It is committed
 * with the block, so that the successor of a writer that died right after a commit takes nothing twice.
 *
 *   for each ring of requests, then for each of operations: position, lost
 */
import type { OperationSource } from '../operation-source.ts';
import type { RingConsumer } from '../ring/ring-consumer.ts';

export type Lost = { readonly requests: number; readonly operations: number };

export class RingPositions {
  readonly #rings: readonly RingConsumer[];
  readonly #operations: OperationSource;
  #committed: Int32Array;

  constructor(rings: readonly RingConsumer[], operations: OperationSource) {
    this.#rings = rings;
    this.#operations = operations;
    this.#committed = new Int32Array(2 * (rings.length + operations.threads));
  }

  now(): Int32Array {
    const words = new Int32Array(this.#committed.length);
    let at = 0;
    for (const ring of this.#rings) {
      words[at++] = ring.position;
      words[at++] = ring.lost;
    }
    for (let thread = 0; thread < this.#operations.threads; thread++) {
      words[at++] = this.#operations.positionOf(thread);
      words[at++] = this.#operations.lost(thread);
    }
    return words;
  }

  /** Call it once these positions are on disk. */
  commit(words: Int32Array): void {
    this.#committed = words;
  }

  /** Continues where an earlier writer of this process ended. */
  resume(words: Int32Array): void {
    if (words.length !== this.#committed.length) return;
    this.#committed = words;
    this.#rings.forEach((ring, index) => void ring.resume(words[2 * index]!));
    for (let thread = 0; thread < this.#operations.threads; thread++)
      this.#operations.resume(thread, words[2 * (this.#rings.length + thread)]!);
  }

  /** Records lost since the last commit. */
  lostSince(words: Int32Array): Lost {
    let requests = 0;
    let operations = 0;
    for (let at = 1; at < words.length; at += 2) {
      const lost = (words[at]! - this.#committed[at]!) >>> 0;
      if (at < 2 * this.#rings.length) requests += lost;
      else operations += lost;
    }
    return { requests, operations };
  }
}
