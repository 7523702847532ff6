/** Planned events, soonest first; at the same moment, in the order of planning. */

interface Entry<T> {
  readonly atMs: number;
  readonly number: number;
  readonly what: T;
}

export class Agenda<T> {
  private readonly heap: Entry<T>[] = [];
  private planned = 0;

  get size(): number {
    return this.heap.length;
  }

  /** When the next thing happens; Infinity: nothing will. */
  get nextMs(): number {
    return this.heap.length === 0 ? Number.POSITIVE_INFINITY : this.heap[0]!.atMs;
  }

  /** `number`: its place among those of the same moment. */
  plan(atMs: number, what: T, number = this.planned++): void {
    const { heap } = this;
    const entry = { atMs, number, what };
    let hole = heap.length;
    heap.push(entry);
    while (hole > 0) {
      const parent = (hole - 1) >> 1;
      if (!isBefore(entry, heap[parent]!)) break;
      heap[hole] = heap[parent]!;
      hole = parent;
    }
    heap[hole] = entry;
  }

  /** Takes the next thing out; there must be one. */
  take(): T {
    const { heap } = this;
    const first = heap[0]!;
    const last = heap.pop()!;
    if (heap.length > 0) this.sink(last);
    return first.what;
  }

  private sink(entry: Entry<T>): void {
    const { heap } = this;
    const size = heap.length;
    let hole = 0;
    for (;;) {
      let child = 2 * hole + 1;
      if (child >= size) break;
      if (child + 1 < size && isBefore(heap[child + 1]!, heap[child]!)) child += 1;
      if (!isBefore(heap[child]!, entry)) break;
      heap[hole] = heap[child]!;
      hole = child;
    }
    heap[hole] = entry;
  }
}

function isBefore<T>(a: Entry<T>, b: Entry<T>): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.number < b.number);
}
