/** Requests that wait in the ledgers of a simulation: how long they may, and what wakes them. */
import type { PoolLedger } from '../../actors/pool/ledger/index.ts';
import type { Future } from './happening.ts';
import type { SimulatedRequest } from './request.ts';
import type { Tally } from './tally.ts';

export class Waiters {
  readonly #maxWaitMs: number;
  readonly #agenda: Future;
  readonly #tally: Tally;
  readonly #expiries = new Map<PoolLedger, number>();
  #waiting = 0;
  #begun = 0;

  /** `maxWaitMs`: Infinity where the pool has no settings; then nobody is judged or tired. */
  constructor(maxWaitMs: number, agenda: Future, tally: Tally) {
    this.#maxWaitMs = maxWaitMs;
    this.#agenda = agenda;
    this.#tally = tally;
  }

  begin(request: SimulatedRequest, pool: PoolLedger, nowMs: number): void {
    this.#waiting += 1;
    request.wait = ++this.#begun;
    if (this.#hasSettings) {
      this.#agenda.plan(nowMs + this.#maxWaitMs, { type: 'tired', request, wait: request.wait });
      this.#lookForExpiry(pool, nowMs);
    } else this.#lookForOpen(pool);
  }

  end(request: SimulatedRequest): void {
    this.#waiting -= 1;
    request.wait = 0;
  }

  /** A slot was given back. */
  look(pool: PoolLedger, nowMs: number): void {
    if (this.#waiting === 0) return;
    if (this.#hasSettings) this.#lookForExpiry(pool, nowMs);
    else this.#lookForOpen(pool);
  }

  expire(pool: PoolLedger, nowMs: number): void {
    this.#expiries.delete(pool);
    pool.expire(nowMs);
    this.#lookForExpiry(pool, nowMs);
  }

  get #hasSettings(): boolean {
    return this.#maxWaitMs < Number.POSITIVE_INFINITY;
  }

  /** Whoever waits for the end of an ejection is woken by nothing else. */
  #lookForExpiry(pool: PoolLedger, nowMs: number): void {
    const dueMs = pool.nextExpiryMs();
    if (this.#waiting === 0 || dueMs === 0 || this.#expiries.get(pool) === dueMs) return;
    this.#expiries.set(pool, dueMs);
    this.#agenda.plan(Math.max(dueMs, nowMs), { type: 'expiry', pool });
  }

  /** In the ledger itself: a waiter beside an open row. Only where nobody has tried anything, and nothing is closed to some. */
  #lookForOpen(pool: PoolLedger): void {
    const { waiting, rows } = pool.stats();
    if (waiting > 0 && rows.some(({ state, inFlight, limit }) => state === 'up' && inFlight < limit))
      this.#tally.waitedInVain += 1;
  }
}
