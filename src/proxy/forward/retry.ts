/**
 * Whether a request may be sent to another backend. RFC 9110 §9.2.2: only if it is idempotent, while all of it is
 * still buffered, and within the pool's budget.
 */
import type { PlaneContext } from '../context.ts';
import type { ProxiedRequest } from '../proxied-request.ts';
import type { PoolRoute } from '../routing-table.ts';
import { isRequestIdempotent } from './idempotent.ts';
import { RetryBudget } from './retry-budget.ts';

/** Apart from the pool's settings and its budget. */
export function mayRetry({ context, head, body, tenancy, enquiry }: ProxiedRequest): boolean {
  if (enquiry !== undefined || !isRequestIdempotent(head.method) || body?.isWhole === false) return false;
  return tenancy?.hasAttemptsLeft(context.now()) === true;
}

/** A refusal counts as a retry denied only if another backend could have had the request. */
export function takeFromBudget({ context, tenancy }: ProxiedRequest, pool: PoolRoute): boolean {
  const { name, settings } = pool;
  const ended = context.metrics.pool(name).total;
  const isTaken = budgetOf(context, pool).take(ended, settings.retries.budgetPercent, context.now());
  if (!isTaken && tenancy?.hasUntried === true) context.counters.retriesDenied++;
  return isTaken;
}

/** Returns a retry that was not used. */
export function giveToBudget(context: PlaneContext, pool: PoolRoute): void {
  budgetOf(context, pool).giveBack();
}

function budgetOf({ retryBudgets }: PlaneContext, { backends }: PoolRoute): RetryBudget {
  let budget = retryBudgets.get(backends);
  if (budget === undefined) {
    budget = new RetryBudget();
    retryBudgets.set(backends, budget);
  }
  return budget;
}
