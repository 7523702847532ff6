/** What a pool looks like from outside, for metrics and for operators. */
import { UNIT } from '../health/ward.ts';
import type { PoolStats, RowEnds, RowState, RowStats } from './ledger.ts';
import { CLOSED, NO_LIMIT, POOL, ROW } from './memory/layout.ts';
import type { Memory } from './memory/memory.ts';
import type { SharedField } from './memory/shared-field.ts';

export function statsOf(memory: Memory, pool: number, field: SharedField): PoolStats {
  const { words } = memory;
  const rows: RowStats[] = [];
  for (let row = 0; row < words[pool + POOL.rows]! && row < field.capacity; row++) {
    const at = field.placeOf(row);
    if ((words[at + ROW.closed]! & CLOSED.empty) === 0) rows.push(rowStats(memory, at));
  }
  return { waiting: words[pool + POOL.waiting]!, refused: words[pool + POOL.refused]!, rows };
}

/** A row keeps its key and its counts until it is given to another backend. */
export function endsOf(
  { words, doubles }: Memory,
  field: SharedField,
  backendKey: number,
): RowEnds | undefined {
  for (let row = 0; row < field.capacity; row++) {
    const at = field.placeOf(row);
    if (doubles[(at + ROW.key) >> 1] === backendKey)
      return { cut: words[at + ROW.cut]!, finished: words[at + ROW.finished]! };
  }
  return undefined;
}

function rowStats(memory: Memory, at: number): RowStats {
  const { words, doubles } = memory;
  const closed = words[at + ROW.closed]!;
  const limit = words[at + ROW.limit]!;
  return {
    backendKey: doubles[(at + ROW.key) >> 1]!,
    inFlight: words[at + ROW.inFlight]!,
    limit: limit === NO_LIMIT ? 0 : limit,
    weight: words[at + ROW.weight]!,
    state: stateOf(closed),
    untilMs: untilOf(doubles, at, closed),
    epoch: words[at + ROW.epoch]!,
    cut: words[at + ROW.cut]!,
    finished: words[at + ROW.finished]!,
  };
}

function untilOf(doubles: Float64Array, at: number, closed: number): number {
  const quarantinedMs = (closed & CLOSED.quarantined) !== 0 ? doubles[(at + ROW.untilMs) >> 1]! : 0;
  const ejectedMs = (closed & CLOSED.ejected) !== 0 ? doubles[(at + ROW.units + UNIT.untilMs) >> 1]! : 0;
  return Math.max(quarantinedMs, ejectedMs);
}

function stateOf(closed: number): RowState {
  if ((closed & CLOSED.removed) !== 0) return 'removed';
  if ((closed & CLOSED.draining) !== 0) return 'draining';
  if ((closed & CLOSED.starting) !== 0) return 'starting';
  if ((closed & CLOSED.failing) !== 0) return 'failing';
  if ((closed & CLOSED.ejected) !== 0) return 'ejected';
  return (closed & CLOSED.quarantined) !== 0 ? 'quarantined' : 'up';
}
