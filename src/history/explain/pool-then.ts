/** A pool as a hypothetical request finds it: its ledger at that moment, in line with the log. */
import { definitionOf, keyOf, type PoolState, rowsOf, VirtualLedger } from '../../../actors/index.ts';
import { ByteWriter } from '../../../eventlog/index.ts';
import { type Moment, timeAt } from '../moment.ts';
import type { Room } from '../room.ts';
import { LedgerPast, type PastPool, poolOf } from './ledger-past.ts';

export type PoolThen = {
  readonly pool: PastPool;
  readonly atMs: number;
  /** What cannot be told. */
  readonly notes: readonly string[];
};

/** The pool's present ledger, from the router. */
export type Live = { readonly pool: string; readonly checkpoint: Uint8Array };

const UNTOLD =
  'the journal does not tell what was in flight then: backends are shown idle, as they were configured';
const ASLEEP = 'the pool sleeps, since nobody has used it for long: backends are shown as when it is woken';

/** `state`: of the pool's owner at that position of the log. `at` undefined: now. */
export async function poolThen(
  { at, live }: { readonly at?: Moment | undefined; readonly live?: Live | undefined },
  room: Room,
  name: string,
  state: NonNullable<PoolState>,
  position: number,
): Promise<PoolThen> {
  const key = keyOf(name);
  if (at === undefined && live?.pool === name)
    return { pool: poolOf(key, live.checkpoint), atMs: room.now(), notes: [] };
  const journal = room.journal();
  const atMs = (at && timeAt(room.log, at, 'at')) ?? Math.min(room.now(), journal.span()?.toMs ?? room.now());
  const past = await new LedgerPast(room, key).at(atMs);
  const known = past?.isFreed === true ? undefined : past;
  const pool = await inLine(key, known, state, { position, nowMs: atMs });
  if (known !== undefined) return { pool, atMs, notes: [] };
  return { pool, atMs, notes: [past === undefined ? UNTOLD : ASLEEP] };
}

/**
 * An event is in force some milliseconds after it is recorded; a question about its position wants the pool with the
 * event applied.
 */
async function inLine(
  key: number,
  past: PastPool | undefined,
  state: NonNullable<PoolState>,
  change: { readonly position: number; readonly nowMs: number },
): Promise<PastPool> {
  const ledger = new VirtualLedger();
  const packed = new ByteWriter();
  const rows = rowsOf(state, change.nowMs);
  past?.pack(packed);
  if (past !== undefined)
    await ledger.restore(key, { state: packed.written(), ticket: 0, backends: rows }, waiting);
  for (const phase of ['restrict', 'widen'] as const)
    await ledger.define(key, definitionOf(state, 0), rows, phase, change);
  packed.at = 0;
  ledger.checkpoint(key, packed);
  return poolOf(key, packed.written());
}

/** Waiting requests are only counted here. */
function waiting() {
  return { place: 0, granted() {}, refused() {} };
}
