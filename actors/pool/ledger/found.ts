/** What a request that was given no backend found among the rows of the pool, and why it then waits. */
import type { Wait } from './ledger.ts';

/** Kinds of row; several may be found. */
export const FOUND = { busy: 1, quarantined: 2, draining: 4, starting: 8, tried: 16 } as const;

export function waitOf(found: number): Wait {
  if ((found & FOUND.busy) !== 0) return 'busy';
  if ((found & (FOUND.quarantined | FOUND.draining)) !== 0) return 'unavailable';
  if ((found & FOUND.starting) !== 0) return 'starting';
  return found === 0 ? 'no_backends' : 'exhausted';
}
