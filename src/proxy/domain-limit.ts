/** How many requests of one domain may be under way at once in this worker, so that one tenant starves nobody. */
import type { PlaneContext } from './context.ts';
import type { DomainRoute } from './routing-table.ts';

/** False: it has as many as it may. Whoever was let in leaves again by `leaveDomain`. */
export function enterDomain({ inFlightByDomain }: PlaneContext, { name, features }: DomainRoute): boolean {
  if (features.maxInFlight === 0) return true;
  const present = inFlightByDomain.get(name) ?? 0;
  if (present >= features.maxInFlight) return false;
  inFlightByDomain.set(name, present + 1);
  return true;
}

export function leaveDomain({ inFlightByDomain }: PlaneContext, { name, features }: DomainRoute): void {
  if (features.maxInFlight === 0) return;
  const left = (inFlightByDomain.get(name) ?? 1) - 1;
  if (left === 0) inFlightByDomain.delete(name);
  else inFlightByDomain.set(name, left);
}
