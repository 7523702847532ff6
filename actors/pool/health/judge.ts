/**
 * Whether a unit is an outlier: it has enough failures, and clearly more than the rest of the pool has on as many requests.
 * So a URL that fails everywhere ejects no backend, and neither does a bad hour of the whole pool.
 */
import type { Row } from '../policy/policy.ts';
import { failedOf, totalOf } from './tally.ts';
import { isClosing, isOut, NO_UNIT, UNIT, UNITS, unitOf, type Ward } from './ward.ts';

export type Verdict = 'sound' | 'eject' | 'withhold';

// More than twice what was to be expected, and four standard deviations (of a count: its root) above it, so that chance
// ejects nobody.
const TIMES = 2;
const DEVIATIONS_SQUARED = 16;

export function judge(ward: Ward, row: Row, unit: number): Verdict {
  const failed = failedOf(ward, row, unit);
  if (ward.failures === 0 || failed < ward.failures || !ward.isMember(row)) return 'sound';
  const expected = expectedOf(ward, row, unit);
  const more = failed - expected;
  if (failed <= TIMES * expected || more * more <= DEVIATIONS_SQUARED * expected) return 'sound';
  return mayClose(ward, row, unit) ? 'eject' : 'withhold';
}

/** The failures that the rest of the pool would have had on as many requests. */
function expectedOf(ward: Ward, row: Row, unit: number): number {
  const total = totalOf(ward, row, unit);
  const route = ward.get(row, unit, UNIT.key);
  let failed = 0;
  let asked = 0;
  for (let other = 0; other < ward.rows; other++) {
    if (other === row || !ward.isMember(other)) continue;
    const its = unitOf(ward, other, route);
    // Nothing is kept of a route without failures: assume it was asked for as often.
    asked += its === NO_UNIT ? total : totalOf(ward, other, its);
    if (its !== NO_UNIT) failed += failedOf(ward, other, its);
  }
  return asked === 0 ? 0 : (failed * total) / asked;
}

/**
 * Whether this unit may be closed too. Over all routes, never more than the allowed share of the pool is closed. A unit
 * that only waits for a trial counts as open: on a route that nobody asks for, it would otherwise prevent all other
 * ejections for ever.
 */
export function mayClose(ward: Ward, row: Row, unit: number): boolean {
  const route = ward.get(row, unit, UNIT.key);
  let members = 0;
  let out = 1;
  for (let other = 0; other < ward.rows; other++) {
    if (!ward.isMember(other)) continue;
    members += 1;
    if (other !== row && (unit === 0 ? isAnyClosed(ward, other) : isClosedFor(ward, other, route))) out += 1;
  }
  return out * 100 <= ward.maxEjectedPercent * members;
}

function isClosedFor(ward: Ward, row: Row, route: number): boolean {
  return isClosed(ward, row, 0) || (route !== 0 && isClosed(ward, row, unitOf(ward, row, route)));
}

function isAnyClosed(ward: Ward, row: Row): boolean {
  for (let unit = 0; unit < UNITS; unit++) if (isClosed(ward, row, unit)) return true;
  return false;
}

function isClosed(ward: Ward, row: Row, unit: number): boolean {
  return unit !== NO_UNIT && isClosing(ward.get(row, unit, UNIT.state));
}

export function isOutFor(ward: Ward, row: Row, route: number): boolean {
  return isOut(ward, row, 0) || (route !== 0 && isOut(ward, row, unitOf(ward, row, route)));
}
