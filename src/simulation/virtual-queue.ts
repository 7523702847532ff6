/**
 * The waiters of a ledger under virtual time: how long each may wait, and what wakes those that wait for time to
 * pass.
 */
import type { PoolLedger } from '../../actors/index.ts';

export interface Waits {
  /** The number of its present wait; 0: it does not wait. */
  wait: number;
}

/** Schedules what will happen. */
export type Plans<Asker> = {
  /** Has no effect if that wait is over by then. */
  tired(atMs: number, asker: Asker, wait: number): void;
  expiry(atMs: number, pool: PoolLedger): void;
};

export class VirtualQueue<Asker extends Waits> {
  /** How many wait. */
  waiting = 0;
  readonly #plans: Plans<Asker>;
  readonly #expiries = new Map<PoolLedger, number>();
  #begun = 0;

  constructor(plans: Plans<Asker>) {
    this.#plans = plans;
  }

  /** It waits from now on; Infinity: without a limit. */
  begin(asker: Asker, untilMs: number): void {
    this.waiting += 1;
    this.#begun += 1;
    asker.wait = this.#begun;
    if (untilMs < Number.POSITIVE_INFINITY) this.#plans.tired(untilMs, asker, asker.wait);
  }

  /** It was granted a lease, was refused, or is gone. */
  end(asker: Asker): void {
    if (asker.wait === 0) return;
    this.waiting -= 1;
    asker.wait = 0;
  }

  /** A waiter that waits for the end of a quarantine or an ejection is woken by nothing else. */
  lookForExpiry(pool: PoolLedger, nowMs: number): void {
    const dueMs = pool.nextExpiryMs();
    if (this.waiting === 0 || dueMs === 0 || this.#expiries.get(pool) === dueMs) return;
    this.#expiries.set(pool, dueMs);
    this.#plans.expiry(Math.max(dueMs, nowMs), pool);
  }

  expire(pool: PoolLedger, nowMs: number): void {
    this.#expiries.delete(pool);
    pool.expire(nowMs);
    this.lookForExpiry(pool, nowMs);
  }
}
