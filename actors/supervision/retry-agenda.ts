/** What is due when: a heap by time behind one timer, so that a million parked children need no million timers. */
import type { CancelTimer, Clock } from './clock.ts';

type Entry<T> = { readonly atMs: number; readonly item: T };

export class RetryAgenda<T> {
  readonly #clock: Clock;
  readonly #due: (item: T) => void;
  readonly #heap: Entry<T>[] = [];
  #armedForMs = Number.POSITIVE_INFINITY;
  #cancel: CancelTimer | undefined;

  /** `due` may be called for an item that is no longer relevant: the caller has to check. */
  constructor(clock: Clock, due: (item: T) => void) {
    this.#clock = clock;
    this.#due = due;
  }

  add(item: T, atMs: number): void {
    const heap = this.#heap;
    let hole = heap.length;
    heap.push({ atMs, item });
    const entry = heap[hole]!;
    while (hole > 0) {
      const parent = (hole - 1) >> 1;
      if (heap[parent]!.atMs <= atMs) break;
      heap[hole] = heap[parent]!;
      hole = parent;
    }
    heap[hole] = entry;
    if (atMs < this.#armedForMs) this.#arm();
  }

  clear(): void {
    this.#heap.length = 0;
    this.#arm();
  }

  #arm(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#armedForMs = this.#heap[0]?.atMs ?? Number.POSITIVE_INFINITY;
    if (this.#armedForMs === Number.POSITIVE_INFINITY) return;
    const delayMs = Math.max(0, this.#armedForMs - this.#clock.now());
    this.#cancel = this.#clock.setTimer(() => this.#fire(), delayMs);
  }

  #fire(): void {
    const now = this.#clock.now();
    const ready: Entry<T>[] = [];
    while (this.#heap.length > 0 && this.#heap[0]!.atMs <= now) ready.push(this.#takeFirst());
    this.#arm();
    for (const { item } of ready) this.#due(item);
  }

  #takeFirst(): Entry<T> {
    const heap = this.#heap;
    const first = heap[0]!;
    const last = heap.pop()!;
    const size = heap.length;
    if (size === 0) return first;
    let hole = 0;
    for (;;) {
      let child = 2 * hole + 1;
      if (child >= size) break;
      if (child + 1 < size && heap[child + 1]!.atMs < heap[child]!.atMs) child += 1;
      if (heap[child]!.atMs >= last.atMs) break;
      heap[hole] = heap[child]!;
      hole = child;
    }
    heap[hole] = last;
    return first;
  }
}
