/** The course of a unit's health: what changes when a lease begins and when one ends. */
import type { LeaseEnd } from '../ledger/ledger.ts';
import type { Row } from '../policy/policy.ts';
import { isOutFor, judge, mayClose } from './judge.ts';
import { count, failedOf, resetTally } from './tally.ts';
import { isOut, NO_UNIT, STATE, UNIT, UNITS, unitOf, type Ward } from './ward.ts';

/** What follows from a check-in for one unit, as an operation of its own. */
export type Consequence = 'none' | 'eject' | 'withhold' | 'release';

// A minute: nobody does without a good backend for longer, and a bad one costs one request a minute.
export const LONGEST_MS = 60_000;

/** Whether a request of this route would be a trial of this row. */
export function isReady(ward: Ward, row: Row, route: number): boolean {
  const unit = unitOf(ward, row, route);
  return (
    ward.get(row, 0, UNIT.state) === STATE.ready ||
    (unit > 0 && ward.get(row, unit, UNIT.state) === STATE.ready)
  );
}

export function isAnyReady(ward: Ward, row: Row): boolean {
  if (!ward.isThere(row)) return false;
  for (let unit = 0; unit < UNITS; unit++) if (ward.get(row, unit, UNIT.state) === STATE.ready) return true;
  return false;
}

/** A lease on this row was granted: if a unit is ready, this is its trial. */
export function leaseGranted(ward: Ward, row: Row, route: number, ticket: number, thread: number): void {
  beginUnit(ward, row, 0, ticket, thread);
  const unit = unitOf(ward, row, route);
  if (unit > 0) beginUnit(ward, row, unit, ticket, thread);
}

function beginUnit(ward: Ward, row: Row, unit: number, ticket: number, thread: number): void {
  if (ward.get(row, unit, UNIT.state) !== STATE.ready) return;
  // As many others are out by now as may be: it is let back untried.
  if (!mayClose(ward, row, unit)) {
    release(ward, row, unit, ticket);
    return;
  }
  ward.setState(row, unit, STATE.trying);
  ward.set(row, unit, UNIT.ticket, ticket);
  ward.set(row, unit, UNIT.thread, thread);
}

/**
 * The unit that a lease of this route speaks for when it ends. It is made if it is needed and there is room; otherwise it
 * is the backend's.
 */
export function speaksFor(ward: Ward, row: Row, route: number, end: LeaseEnd): number {
  const unit = unitOf(ward, row, route);
  if (unit !== NO_UNIT || blameOf(end) !== 'bad' || ward.failures === 0) return unit;
  for (let free = 1; free < UNITS; free++) {
    if (isOut(ward, row, free) || (ward.get(row, free, UNIT.key) !== 0 && failedOf(ward, row, free) > 0))
      continue;
    ward.set(row, free, UNIT.key, route);
    ward.set(row, free, UNIT.level, 0);
    resetTally(ward, row, free);
    return free;
  }
  return 0;
}

/** A lease ended like this. `isOwn`: the unit is the one it speaks for. */
export function leaseEnded(
  ward: Ward,
  row: Row,
  unit: number,
  ticket: number,
  end: LeaseEnd,
  isOwn: boolean,
): Consequence {
  const state = ward.get(row, unit, UNIT.state);
  const blame = blameOf(end);
  if (state === STATE.trying && ward.get(row, unit, UNIT.ticket) === ticket) {
    if (blame === 'good') return 'release';
    if (blame === 'bad') return 'eject';
    ward.setState(row, unit, STATE.ready);
    return 'none';
  }
  if (!isOwn || state !== STATE.sound || ward.failures === 0 || blame === 'none') return 'none';
  // The lease began before the unit came back, so its end is no news.
  if (ticket <= ward.get(row, unit, UNIT.ticket)) return 'none';
  count(ward, row, unit, blame === 'bad');
  if (blame === 'good') return 'none';
  const verdict = judge(ward, row, unit);
  return verdict === 'sound' ? 'none' : verdict;
}

/** Ejects a unit; returns until when. Each ejection in a row lasts twice as long. */
export function eject(ward: Ward, row: Row, unit: number): number {
  const lastMs = lastingMs(ward, ward.get(row, unit, UNIT.level) - 1);
  const wasLongAgo = ward.nowMs - ward.get(row, unit, UNIT.untilMs) >= Math.max(lastMs, ward.windowMs);
  const isAgain = ward.get(row, unit, UNIT.state) !== STATE.sound;
  const level = wasLongAgo && !isAgain ? 0 : ward.get(row, unit, UNIT.level);
  // Whole milliseconds, as events keep them.
  const untilMs = Math.ceil(ward.nowMs + lastingMs(ward, level));
  restore(ward, row, unit, untilMs, level + 1);
  return untilMs;
}

/** Ejects a unit until a known time. */
export function restore(ward: Ward, row: Row, unit: number, untilMs: number, level: number): void {
  ward.setState(row, unit, STATE.ejected);
  ward.set(row, unit, UNIT.untilMs, untilMs);
  ward.set(row, unit, UNIT.level, level);
  resetTally(ward, row, unit);
}

/** If more units are out than may be, the one that would be back soonest, as row × UNITS + unit; otherwise NO_UNIT. */
export function inExcess(ward: Ward): number {
  let found = excessOf(ward, 0);
  for (let row = 0; row < ward.rows && found === NO_UNIT; row++)
    for (let unit = 1; unit < UNITS && found === NO_UNIT; unit++)
      if (ward.isThere(row) && isOut(ward, row, unit)) found = excessOf(ward, ward.get(row, unit, UNIT.key));
  return found;
}

function excessOf(ward: Ward, route: number): number {
  let members = 0;
  let out = 0;
  let soonest = NO_UNIT;
  let soonestMs = Number.POSITIVE_INFINITY;
  for (let row = 0; row < ward.rows; row++) {
    if (ward.isMember(row)) members += 1;
    if (!ward.isThere(row) || !isOutFor(ward, row, route)) continue;
    if (ward.isMember(row)) out += 1;
    const unit = isOut(ward, row, 0) ? 0 : unitOf(ward, row, route);
    const untilMs = ward.get(row, unit, UNIT.untilMs);
    if (untilMs >= soonestMs) continue;
    soonestMs = untilMs;
    soonest = row * UNITS + unit;
  }
  return ward.failures === 0 || out * 100 > ward.maxEjectedPercent * members ? soonest : NO_UNIT;
}

/** Its time is over: the next request that may have it is its trial. */
export function makeReady(ward: Ward, row: Row, unit: number): void {
  ward.setState(row, unit, STATE.ready);
}

/** Lets a unit back, as of this ticket. */
export function release(ward: Ward, row: Row, unit: number, ticket: number): void {
  ward.setState(row, unit, STATE.sound);
  ward.set(row, unit, UNIT.ticket, ticket);
  ward.set(row, unit, UNIT.untilMs, ward.nowMs);
  resetTally(ward, row, unit);
}

/** It should be ejected, but too many are out: its failures are reported only once. */
export function withhold(ward: Ward, row: Row, unit: number): void {
  resetTally(ward, row, unit);
}

/** Forgets everything about a row's backend. Leases up to this ticket belong to another one, so their ends say nothing. */
export function renew(ward: Ward, row: Row, ticket: number): void {
  for (let unit = 0; unit < UNITS; unit++) {
    ward.setState(row, unit, STATE.sound);
    ward.set(row, unit, UNIT.key, 0);
    ward.set(row, unit, UNIT.level, 0);
    ward.set(row, unit, UNIT.ticket, ticket);
    ward.set(row, unit, UNIT.untilMs, 0);
    resetTally(ward, row, unit);
  }
}

/** The thread that had the trial's lease is dead: the trial is repeated with another request. */
export function repeatTrial(ward: Ward, row: Row, dead: number): boolean {
  let found = false;
  for (let unit = 0; unit < UNITS; unit++) {
    if (ward.get(row, unit, UNIT.state) !== STATE.trying || ward.get(row, unit, UNIT.thread) !== dead)
      continue;
    ward.setState(row, unit, STATE.ready);
    found = true;
  }
  return found;
}

function lastingMs(ward: Ward, level: number): number {
  let ms = ward.quarantineMs;
  for (let i = 0; i < level && ms < LONGEST_MS; i++) ms *= 2;
  return Math.min(ms, Math.max(LONGEST_MS, ward.quarantineMs));
}

/**
 * What an end says about its backend: nothing if the client left or the lease was not used, nor if the connect was refused,
 * which has a quarantine of its own. An answer is good unless its status is listed.
 */
function blameOf(end: LeaseEnd): 'good' | 'bad' | 'none' {
  switch (end) {
    case 'finished':
    case 'server_error':
      return 'good';
    case 'backend_failed':
    case 'timed_out':
    case 'listed_status':
      return 'bad';
    default:
      return 'none';
  }
}
