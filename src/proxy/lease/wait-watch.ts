/** Ends due quarantines while requests of this worker wait for a backend: nothing else would. */
import type { PoolLedger } from '../../../actors/index.ts';
import { Deadline, type Deadlines } from '../deadlines.ts';

export class WaitWatch {
  readonly #now: () => number;
  readonly #deadlines: Deadlines;
  readonly #deadline: Deadline;
  readonly #waiting = new Map<PoolLedger, number>();

  constructor(now: () => number, deadlines: Deadlines) {
    this.#now = now;
    this.#deadlines = deadlines;
    this.#deadline = new Deadline(() => this.#look());
  }

  joined(pool: PoolLedger): void {
    this.#waiting.set(pool, (this.#waiting.get(pool) ?? 0) + 1);
    // At the next turn of the wheel, and at each while requests wait: another worker may quarantine too.
    if (this.#waiting.size === 1) this.#deadlines.set(this.#deadline, this.#now());
  }

  left(pool: PoolLedger): void {
    const others = (this.#waiting.get(pool) ?? 1) - 1;
    if (others === 0) this.#waiting.delete(pool);
    else this.#waiting.set(pool, others);
  }

  #look(): void {
    const nowMs = this.#now();
    try {
      // A copy: a request that is granted a slot leaves the map.
      for (const pool of [...this.#waiting.keys()]) {
        const dueMs = pool.nextExpiryMs();
        if (dueMs > 0 && dueMs <= nowMs) pool.expire(nowMs);
      }
    } finally {
      if (this.#waiting.size > 0) this.#deadlines.set(this.#deadline, nowMs + 1);
    }
  }
}
