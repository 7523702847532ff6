/**
 * How many of a unit's recent requests failed, and how many there were. They are counted in two halves of the window, the
 * current and the previous one: nothing older than the window counts, and a burst within half a window counts in full.
 */
import type { Row } from '../policy/policy.ts';
import { UNIT, type Ward } from './ward.ts';

export function count(ward: Ward, row: Row, unit: number, hasFailed: boolean): void {
  roll(ward, row, unit);
  ward.set(row, unit, UNIT.total, ward.get(row, unit, UNIT.total) + 1);
  if (hasFailed) ward.set(row, unit, UNIT.failed, ward.get(row, unit, UNIT.failed) + 1);
}

export function failedOf(ward: Ward, row: Row, unit: number): number {
  const halves = halvesSince(ward, row, unit);
  if (halves >= 2) return 0;
  if (halves === 1) return ward.get(row, unit, UNIT.failed);
  return ward.get(row, unit, UNIT.failed) + ward.get(row, unit, UNIT.failedBefore);
}

export function totalOf(ward: Ward, row: Row, unit: number): number {
  const halves = halvesSince(ward, row, unit);
  if (halves >= 2) return 0;
  if (halves === 1) return ward.get(row, unit, UNIT.total);
  return ward.get(row, unit, UNIT.total) + ward.get(row, unit, UNIT.totalBefore);
}

export function resetTally(ward: Ward, row: Row, unit: number): void {
  ward.set(row, unit, UNIT.startedAtMs, ward.nowMs);
  ward.set(row, unit, UNIT.failed, 0);
  ward.set(row, unit, UNIT.total, 0);
  ward.set(row, unit, UNIT.failedBefore, 0);
  ward.set(row, unit, UNIT.totalBefore, 0);
}

function roll(ward: Ward, row: Row, unit: number): void {
  const halves = halvesSince(ward, row, unit);
  if (halves === 0) return;
  if (halves >= 2) {
    resetTally(ward, row, unit);
    return;
  }
  ward.set(row, unit, UNIT.failedBefore, ward.get(row, unit, UNIT.failed));
  ward.set(row, unit, UNIT.totalBefore, ward.get(row, unit, UNIT.total));
  ward.set(row, unit, UNIT.failed, 0);
  ward.set(row, unit, UNIT.total, 0);
  ward.set(row, unit, UNIT.startedAtMs, ward.get(row, unit, UNIT.startedAtMs) + ward.windowMs / 2);
}

/**
 * Halves of the window that have passed since the current one began; 2: two or more. A clock that is set far back starts
 * anew.
 */
function halvesSince(ward: Ward, row: Row, unit: number): 0 | 1 | 2 {
  const sinceMs = ward.nowMs - ward.get(row, unit, UNIT.startedAtMs);
  const halfMs = ward.windowMs / 2;
  if (sinceMs < -halfMs || sinceMs >= 2 * halfMs) return 2;
  return sinceMs >= halfMs ? 1 : 0;
}
