/** How many requests of one domain may be in progress at once, so that one tenant cannot starve the others. */
import type { PlaneContext } from '../context.ts';
import type { DomainRoute } from '../routing-table.ts';

/** False: the limit is reached. Every successful call needs a `leaveDomain`. */
export function enterDomain({ headcount }: PlaneContext, { name, features }: DomainRoute): boolean {
  return features.maxInFlight === 0 || headcount.enter(name, features.maxInFlight);
}

export function leaveDomain({ headcount }: PlaneContext, { name, features }: DomainRoute): void {
  if (features.maxInFlight > 0) headcount.leave(name);
}
