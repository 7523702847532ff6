/** Which simulated requests may be retried: the rules of `Forwarding` for requests that may be sent twice. */
import type { LeaseEnd } from '../../../actors/index.ts';
import type { PoolSettings } from '../../../eventlog/index.ts';
import { RetryBudget } from '../../proxy/index.ts';
import type { Visit } from './visit.ts';

// No request tries more backends; the ledger accepts no more.
const MOST_TRIED = 16;

/** Per thread: each counts its own requests. */
class Share {
  readonly budget = new RetryBudget();
  /** Requests that have ended. */
  ended = 0;
}

export class Retries {
  readonly #shares = new Map<number, Share>();

  ended(visit: Visit): void {
    const share = this.#shareOf(visit);
    share.ended += 1;
    // It found no backend to try.
    if (visit.isRetry) share.budget.giveBack();
  }

  allow(visit: Visit, end: LeaseEnd, nowMs: number, { retries }: PoolSettings): boolean {
    const { leases, asked, sinceMs } = visit;
    const { attempts, totalMs, idempotent, firstByteTimeouts, statuses, budgetPercent } = retries;
    if (leases >= attempts || asked.tried.length >= MOST_TRIED || nowMs - sinceMs >= totalMs) return false;
    if (end === 'connect_failed') return true;
    const isWanted =
      end === 'backend_failed' ? idempotent : end === 'timed_out' ? firstByteTimeouts : statuses.length > 0;
    if (!isWanted || end === 'cut') return false;
    const { budget, ended } = this.#shareOf(visit);
    visit.isRetry = budget.take(ended, budgetPercent, nowMs);
    return visit.isRetry;
  }

  #shareOf({ asked: { thread } }: Visit): Share {
    const known = this.#shares.get(thread);
    if (known !== undefined) return known;
    const fresh = new Share();
    this.#shares.set(thread, fresh);
    return fresh;
  }
}
