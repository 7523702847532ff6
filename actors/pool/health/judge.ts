/**
 * Whether a unit is an outlier: enough failures, and clearly more of them than the rest of the pool has for as many
 * requests. So a URL that fails everywhere ejects nobody, and neither does a bad hour of all.
 */
import type { Row } from '../policy/policy.ts';
import { failedOf, totalOf } from './tally.ts';
import { isClosing, isOut, NO_UNIT, UNIT, UNITS, unitOf, type Ward } from './ward.ts';

export type Verdict = 'sound' | 'eject' | 'withhold';

// Twice what was to be expected, and four deviations of it (of a count: its root) above, so that chance ejects nobody.
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
    // Of a route without failures nothing is kept: it is taken to have been asked as often.
    asked += its === NO_UNIT ? total : totalOf(ward, other, its);
    if (its !== NO_UNIT) failed += failedOf(ward, other, its);
  }
  return asked === 0 ? 0 : (failed * total) / asked;
}

/**
 * Whether this one may be closed beside those that are. Whatever the route, never more than its share of the pool is. One that
 * only waits for a trial is open: of a route that nobody asks for, it would else keep all others in for ever.
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
