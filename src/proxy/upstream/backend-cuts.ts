/** Cuts what this worker still has in progress on drained backends when their time is over. */
import { Deadline, type Deadlines } from '../deadlines.ts';
import type { Upstreams } from './upstreams.ts';

type Cut = { readonly pool: string; readonly backend: string; readonly atMs: number };

export class BackendCuts {
  readonly #upstreams: Upstreams;
  readonly #deadlines: Deadlines;
  readonly #deadline: Deadline;
  readonly #due = new Map<string, Cut>();

  constructor(upstreams: Upstreams, deadlines: Deadlines) {
    this.#upstreams = upstreams;
    this.#deadlines = deadlines;
    this.#deadline = new Deadline((nowMs) => this.#look(nowMs));
  }

  /** Infinity: the backend is not draining. A removed backend keeps its time. */
  cutAt(pool: string, backend: string, atMs: number): void {
    const name = `${pool} ${backend}`;
    if (atMs === Number.POSITIVE_INFINITY) {
      this.#due.delete(name);
      return;
    }
    this.#due.set(name, { pool, backend, atMs });
    this.#arm();
  }

  #look(nowMs: number): void {
    try {
      for (const [name, { pool, backend, atMs }] of this.#due) {
        if (atMs > nowMs) continue;
        this.#due.delete(name);
        this.#upstreams.cut(pool, backend);
      }
    } finally {
      this.#arm();
    }
  }

  #arm(): void {
    let next = Number.POSITIVE_INFINITY;
    for (const { atMs } of this.#due.values()) if (atMs < next) next = atMs;
    if (next < this.#deadline.atMs) this.#deadlines.set(this.#deadline, next);
  }
}
