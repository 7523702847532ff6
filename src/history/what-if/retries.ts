/** Who of those that are simulated may ask again: as Forwarding has it, of a request that may be sent twice. */
import type { LeaseEnd } from '../../../actors/index.ts';
import type { PoolSettings } from '../../../eventlog/index.ts';
import { RetryBudget } from '../../proxy/index.ts';
import type { Visit } from './visit.ts';

// No request tries more backends; the ledger takes no more.
const MOST_TRIED = 16;

export class Retries {
  /** Requests that are over. */
  #ended = 0;
  readonly #budgets = new Map<number, RetryBudget>();

  ended(): void {
    this.#ended += 1;
  }

  allow(visit: Visit, end: LeaseEnd, nowMs: number, { retries }: PoolSettings): boolean {
    const { leases, asked, sinceMs } = visit;
    const { attempts, totalMs, idempotent, firstByteTimeouts, statuses, budgetPercent } = retries;
    if (leases >= attempts || asked.tried.length >= MOST_TRIED || nowMs - sinceMs >= totalMs) return false;
    if (end === 'connect_failed') return true;
    const isWanted =
      end === 'backend_failed' ? idempotent : end === 'timed_out' ? firstByteTimeouts : statuses.length > 0;
    return isWanted && end !== 'cut' && this.#budgetOf(asked.thread).take(this.#ended, budgetPercent, nowMs);
  }

  #budgetOf(thread: number): RetryBudget {
    const known = this.#budgets.get(thread);
    if (known !== undefined) return known;
    const fresh = new RetryBudget();
    this.#budgets.set(thread, fresh);
    return fresh;
  }
}
