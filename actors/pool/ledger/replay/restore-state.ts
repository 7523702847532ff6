/** Writes a pool's checkpoint into memory: its settings, how its health is judged, its rows. */
import { STATE, UNIT, type UnitField, type UnitState } from '../../health/ward.ts';
import { policyCode } from '../../policy/policies.ts';
import type { HealthDefinition } from '../definition.ts';
import { CLOSED, NO_LIMIT, POOL, ROW } from '../memory/layout.ts';
import type { Section } from '../memory/section.ts';
import type { PoolView } from '../pool-view.ts';
import type { PoolCheckpoint, RowCheckpoint } from '../record/checkpoint.ts';

const FIELDS = Object.entries(UNIT).flatMap(([name, at]) =>
  name === 'words' || name === 'state' ? [] : [at as UnitField],
);

type Settings = Pick<PoolCheckpoint, 'policy' | 'maxWaiting' | 'whenEmpty' | 'widening'>;

export function restoreSettings({ words }: Section, block: number, settings: Settings): void {
  words[block + POOL.policy] = policyCode(settings.policy);
  words[block + POOL.maxWaiting] = settings.maxWaiting;
  words[block + POOL.hold] = settings.whenEmpty === 'hold' ? 1 : 0;
  words[block + POOL.widening] = settings.widening ? 1 : 0;
}

export function restoreHealth({ words, doubles }: Section, pool: PoolView, health: HealthDefinition): void {
  const { block } = pool;
  words[block + POOL.failures] = health.failures;
  words[block + POOL.maxEjectedPercent] = health.maxEjectedPercent;
  doubles[(block + POOL.windowMs) >> 1] = health.windowMs;
  doubles[(block + POOL.quarantineMs) >> 1] = health.quarantineMs;
  doubles[(block + POOL.slowStartMs) >> 1] = health.slowStartMs;
  pool.field.slowStartMs = health.slowStartMs;
}

/** Restores what there is besides settings, health, rows and waiters, as after this ticket. */
export function restoreCourse(
  { words, doubles }: Section,
  block: number,
  { chance, mark }: Pick<PoolCheckpoint, 'chance' | 'mark'>,
  ticket: number,
): void {
  words[block + POOL.chance] = chance;
  doubles[(block + POOL.mark) >> 1] = mark;
  doubles[(block + POOL.ticket) >> 1] = ticket;
}

/** Restores a row; its place must exist and be empty. */
export function restoreRow(section: Section, pool: PoolView, row: RowCheckpoint): void {
  const at = pool.field.placeOf(row.row);
  const { words, doubles } = section;
  doubles[(at + ROW.key) >> 1] = row.backendKey;
  doubles[(at + ROW.untilMs) >> 1] = row.untilMs;
  doubles[(at + ROW.score) >> 1] = row.score;
  doubles[(at + ROW.latencyMs) >> 1] = row.latencyMs;
  doubles[(at + ROW.failing) >> 1] = row.failing;
  doubles[(at + ROW.learntAtMs) >> 1] = row.learntAtMs;
  words[at + ROW.epoch] = row.epoch;
  words[at + ROW.index] = row.row;
  words[at + ROW.limit] = row.limit === 0 ? NO_LIMIT : row.limit;
  words[at + ROW.weight] = row.weight;
  words[at + ROW.closed] = closedOf(row);
  for (const [thread, held] of row.inFlight) {
    words[at + ROW.shadows + thread] = held;
    words[at + ROW.inFlight] = words[at + ROW.inFlight]! + held;
  }
  doubles[(at + ROW.openedAtMs) >> 1] = row.openedAtMs;
  if (row.quarantined) pool.expireBy(row.untilMs);
  for (const [unit, numbers] of row.units.entries()) restoreUnit(pool, row.row, unit, numbers);
  section.commit();
}

function restoreUnit(pool: PoolView, row: number, unit: number, numbers: readonly number[]): void {
  for (const field of FIELDS) pool.ward.set(row, unit, field, numbers[field] ?? 0);
  const state = (numbers[UNIT.state] ?? STATE.sound) as UnitState;
  pool.ward.setState(row, unit, state);
  if (state === STATE.ejected) pool.expireBy(numbers[UNIT.untilMs] ?? 0);
}

/** The bits of CLOSED that a record or a checkpoint gives. */
export function closedOf(row: {
  readonly empty?: boolean;
  readonly removed: boolean;
  readonly draining: boolean;
  readonly starting: boolean;
  readonly quarantined: boolean;
  /** In records. */
  readonly ejected?: boolean;
  readonly failing?: boolean | number;
  /** In checkpoints. */
  readonly isFailing?: boolean;
}): number {
  return (
    (row.empty === true ? CLOSED.empty : 0) |
    (row.removed ? CLOSED.removed : 0) |
    (row.draining ? CLOSED.draining : 0) |
    (row.starting ? CLOSED.starting : 0) |
    (row.quarantined ? CLOSED.quarantined : 0) |
    (row.ejected === true ? CLOSED.ejected : 0) |
    (row.failing === true || row.isFailing === true ? CLOSED.failing : 0)
  );
}
