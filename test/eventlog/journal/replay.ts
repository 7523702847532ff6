/** Decides everything again that a journal has of a pool, through the independent model of the ledger's own tests. */
import assert from 'node:assert/strict';
import { keyOf, type LedgerRecord, type PoolCheckpoint, unpackCheckpoint } from '../../../actors/index.ts';
import type { JournalReader, RequestRecord } from '../../../eventlog/index.ts';
import { PoolModel } from '../../actors/pool/ledger/model.ts';
import { inOrder } from '../../support/in-order.ts';

export type Replayed = {
  readonly records: ReadonlyMap<number, LedgerRecord>;
  readonly checkpoints: number;
  readonly counts: Readonly<Partial<Record<LedgerRecord['op'], number>>>;
};

/** Throws where the ledger decided otherwise, where a ticket is missing, and where a checkpoint is not the state. */
export function replayPool(reader: JournalReader, pool: string): Replayed {
  const key = keyOf(pool);
  const checkpoints = new Map<number, PoolCheckpoint>();
  for (const { ticket, state } of reader.checkpoints(key)) checkpoints.set(ticket, unpackCheckpoint(state));
  const model = new PoolModel();
  const records = new Map<number, LedgerRecord>();
  const counts: Partial<Record<LedgerRecord['op'], number>> = {};
  let compared = 0;
  for (const step of inOrder(reader.operations(key), key)) {
    assert(step.type === 'operation', `expected every ticket of ${pool}, found ${JSON.stringify(step)}`);
    const { record } = step;
    model.apply(record);
    records.set(record.ticket, record);
    counts[record.op] = (counts[record.op] ?? 0) + 1;
    const checkpoint = checkpoints.get(record.ticket);
    if (checkpoint === undefined) continue;
    assert.deepEqual(stateOf(checkpoint), stateOfModel(model), `the checkpoint at ticket ${record.ticket}`);
    compared++;
  }
  model.nobodyWaitsInVain();
  return { records, checkpoints: compared, counts };
}

/** Every lease that a request says it had is one that its pool's ledger gave, to that thread, in that moment. */
export function leasesOf(request: RequestRecord, records: ReadonlyMap<number, LedgerRecord>): number {
  for (const { ticket, backend, startedAtMs } of request.attempts) {
    const record = records.get(ticket);
    assert(record !== undefined, `expected ticket ${ticket} of request ${request.id}`);
    assert(record.op === 'checkout' || record.op === 'grant', `expected a lease, found ${record.op}`);
    assert.equal(record.backendKey, backend.key, `the backend of ticket ${ticket}`);
    assert(startedAtMs !== undefined && startedAtMs > record.nowMs - 1, `when ticket ${ticket} was had`);
  }
  return request.attempts.length;
}

function stateOf({ rows, waiters, ...rest }: PoolCheckpoint) {
  return {
    ...rest,
    rows: rows.map(({ inFlight, ...row }) => ({ ...row, inFlight: [...inFlight].toSorted(byThread) })),
    waiters,
  };
}

function stateOfModel(model: PoolModel) {
  const { settings } = model;
  assert(settings !== undefined);
  const { policy, maxWaiting, whenEmpty, widening } = settings;
  const rows = [...model.rows].toSorted(([a], [b]) => a - b);
  return {
    policy,
    whenEmpty,
    widening,
    maxWaiting,
    chance: model.chance,
    mark: model.mark,
    health: healthOf(model),
    rows: rows.map(([row, { leases, ...state }]) => ({
      row,
      backendKey: state.backendKey,
      epoch: state.epoch,
      limit: state.limit,
      weight: state.weight,
      removed: state.removed,
      draining: state.draining,
      starting: state.starting,
      quarantined: state.quarantined,
      untilMs: state.quarantined ? state.untilMs : 0,
      score: state.score,
      latencyMs: state.latencyMs,
      failing: state.failing,
      learntAtMs: state.learntAtMs,
      isFailing: state.isFailing,
      openedAtMs: state.openedAtMs,
      units: state.units,
      inFlight: [...Map.groupBy(leases.values(), (thread) => thread)]
        .map(([thread, held]) => [thread, held.length] as const)
        .toSorted(byThread),
    })),
    waiters: model.queue.map(({ ticket, thread, tried, hash, route, wanted }) => ({
      ticket,
      thread,
      hash,
      route,
      wanted,
      tried: [...tried],
    })),
  };
}

function healthOf({ health }: PoolModel) {
  const { failures, maxEjectedPercent, windowMs, quarantineMs, slowStartMs } = health;
  return { failures, maxEjectedPercent, windowMs, quarantineMs, slowStartMs };
}

function byThread(a: readonly [number, number], b: readonly [number, number]): number {
  return a[0] - b[0];
}
