/** Whether a request of a simulation is sent a second time: by the pool's settings, within the production budget. */
import type { PoolSettings } from '../../eventlog/index.ts';
import { RetryBudget } from '../../src/proxy/forward/retry-budget.ts';
import { isListed, type Statuses } from '../../src/proxy/listed-status.ts';
import type { SimulatedRequest } from './request.ts';
import type { Tally } from './tally.ts';

const NONE: Statuses = [];

export class Retrying {
  readonly #retries: PoolSettings['retries'] | undefined;
  readonly #tally: Tally;
  readonly #budget = new RetryBudget();

  /** Without settings nothing is. */
  constructor(retries: PoolSettings['retries'] | undefined, tally: Tally) {
    this.#retries = retries;
    this.#tally = tally;
  }

  afterAnswer(request: SimulatedRequest, nowMs: number): boolean {
    return isListed(this.#retries?.statuses ?? NONE, request.status) && this.#may(request, nowMs);
  }

  afterSilence(request: SimulatedRequest, nowMs: number): boolean {
    return this.#retries?.firstByteTimeouts === true && this.#may(request, nowMs);
  }

  /** There was nowhere to send it. */
  giveBack(): void {
    this.#budget.giveBack();
  }

  /** It was sent, or asks for a backend, once more. */
  count(): void {
    this.#tally.retries += 1;
  }

  #may({ attempts }: SimulatedRequest, nowMs: number): boolean {
    if (this.#retries === undefined || attempts >= this.#retries.attempts) return false;
    const isTaken = this.#budget.take(this.#tally.over, this.#retries.budgetPercent, nowMs);
    if (!isTaken) this.#tally.denied += 1;
    return isTaken;
  }
}
