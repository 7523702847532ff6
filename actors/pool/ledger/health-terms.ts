/**
 * What a pool's owner says about health: how backends are judged, what was known of one before, and how many may be
 * out.
 */
import { inExcess, release, restore } from '../health/course.ts';
import { NO_UNIT, UNIT, UNITS } from '../health/ward.ts';
import type { Row } from '../policy/policy.ts';
import type { Change, HealthDefinition, KnownEjection, RowDefinition } from './definition.ts';
import type { LedgerTools } from './ledger-tools.ts';
import { CLOSED, POOL, ROW } from './memory/layout.ts';
import type { PoolView } from './pool-view.ts';
import { OP } from './record/record-layout.ts';

const NO_EJECTIONS: readonly KnownEjection[] = [];
export const UNJUDGED: HealthDefinition = {
  failures: 0,
  windowMs: 0,
  maxEjectedPercent: 0,
  quarantineMs: 0,
  slowStartMs: 0,
};

export function judgeBy(tools: LedgerTools, pool: PoolView, health: HealthDefinition, change: Change): void {
  const { section, recorder } = tools;
  const { words, doubles } = section;
  const { block } = pool;
  if (
    words[block + POOL.failures] === health.failures &&
    words[block + POOL.maxEjectedPercent] === health.maxEjectedPercent &&
    doubles[(block + POOL.windowMs) >> 1] === health.windowMs &&
    doubles[(block + POOL.quarantineMs) >> 1] === health.quarantineMs &&
    doubles[(block + POOL.slowStartMs) >> 1] === health.slowStartMs
  ) {
    return;
  }
  section.set(block + POOL.failures, health.failures);
  section.set(block + POOL.maxEjectedPercent, health.maxEjectedPercent);
  section.setDouble(block + POOL.windowMs, health.windowMs);
  section.setDouble(block + POOL.quarantineMs, health.quarantineMs);
  section.setDouble(block + POOL.slowStartMs, health.slowStartMs);
  recorder.health(block, recorder.ticket(block), change.nowMs);
  section.commit();
  pool.field.slowStartMs = health.slowStartMs;
}

/** Applies what was known of a backend's health before it had this row. */
export function recall(
  tools: LedgerTools,
  pool: PoolView,
  row: Row,
  target: RowDefinition,
  change: Change,
): void {
  const { section, recorder } = tools;
  const { ward, block } = pool;
  const at = pool.field.placeOf(row);
  ward.nowMs = change.nowMs;
  if (target.isFailing === true) {
    section.set(at + ROW.closed, section.words[at + ROW.closed]! | CLOSED.failing);
    recorder.row(OP.probe, block, recorder.ticket(block), change.nowMs, at, 0, 1);
    section.commit();
  }
  let next = 1;
  for (const { route, untilMs, level } of target.ejections ?? NO_EJECTIONS) {
    const unit = route === 0 ? 0 : next++;
    if (unit >= UNITS) continue;
    ward.set(row, unit, UNIT.key, route);
    restore(ward, row, unit, untilMs, level);
    pool.expireBy(untilMs);
    recorder.unit(OP.eject, block, recorder.ticket(block), change.nowMs, at, route, untilMs, level);
    section.commit();
  }
}

/** Where more are out than may be, lets those back whose time would be over soonest. */
export function relieve(tools: LedgerTools, pool: PoolView, change: Change): boolean {
  const { section, recorder } = tools;
  const { ward, block } = pool;
  ward.nowMs = change.nowMs;
  for (let hasFound = false; ; hasFound = true) {
    const found = inExcess(ward);
    if (found === NO_UNIT) return hasFound;
    const unit = found % UNITS;
    const row = (found - unit) / UNITS;
    const at = pool.field.placeOf(row);
    const ticket = recorder.ticket(block);
    release(ward, row, unit, ticket);
    if (unit === 0) section.setDouble(at + ROW.openedAtMs, change.nowMs);
    recorder.unit(OP.release, block, ticket, change.nowMs, at, ward.get(row, unit, UNIT.key), 0, 0);
    section.commit();
  }
}
