/** Requests that wait in the ledgers of a simulation: how long they may, and what wakes them. */
import type { PoolLedger } from '../../actors/pool/ledger/index.ts';
import { VirtualQueue } from '../../src/simulation/index.ts';
import type { Future } from './happening.ts';
import type { SimulatedRequest } from './request.ts';
import type { Tally } from './tally.ts';

export class Waiters {
  readonly #maxWaitMs: number;
  readonly #queue: VirtualQueue<SimulatedRequest>;
  readonly #tally: Tally;

  /** `maxWaitMs`: Infinity where the pool has no settings; then nobody is judged or tired. */
  constructor(maxWaitMs: number, agenda: Future, tally: Tally) {
    this.#maxWaitMs = maxWaitMs;
    this.#queue = new VirtualQueue({
      tired: (atMs, request, wait) => agenda.plan(atMs, { type: 'tired', request, wait }),
      expiry: (atMs, pool) => agenda.plan(atMs, { type: 'expiry', pool }),
    });
    this.#tally = tally;
  }

  begin(request: SimulatedRequest, pool: PoolLedger, nowMs: number): void {
    this.#queue.begin(request, nowMs + this.#maxWaitMs);
    this.look(pool, nowMs);
  }

  end(request: SimulatedRequest): void {
    this.#queue.end(request);
  }

  /** A slot was given back, or somebody waits. */
  look(pool: PoolLedger, nowMs: number): void {
    if (this.#queue.waiting === 0) return;
    if (this.#hasSettings) this.#queue.lookForExpiry(pool, nowMs);
    else this.#lookForOpen(pool);
  }

  expire(pool: PoolLedger, nowMs: number): void {
    this.#queue.expire(pool, nowMs);
  }

  get #hasSettings(): boolean {
    return this.#maxWaitMs < Number.POSITIVE_INFINITY;
  }

  /** In the ledger itself: a waiter beside an open row. Only where nobody has tried anything, and nothing is closed to some. */
  #lookForOpen(pool: PoolLedger): void {
    const { waiting, rows } = pool.stats();
    if (waiting > 0 && rows.some(({ state, inFlight, limit }) => state === 'up' && inFlight < limit))
      this.#tally.waitedInVain += 1;
  }
}
