/**
 * Packs records for the journal without loss: about ten bytes each instead of eighty. Most of a record follows from the one
 * before, so only the difference is written. What is remembered of a pool begins anew with every block, so that each block
 * can be read alone.
 *
 *   record: operation and marks (1 byte) · pool, unless as before · ticket · time · fields of the operation
 */
import type { ByteWriter, PoolIndex } from '../../../../eventlog/index.ts';
import type { Memory } from '../memory/memory.ts';
import { routeAt } from './record.ts';
import { codeWithMore, FIELD, FIELDS_OF, NO_HASH, NO_LATENCY, NOT_WANTED } from './record-fields.ts';
import { KEYS_IN_SLOT, SLOT } from './record-layout.ts';

/** Marks beside the operation, which takes the low five bits. */
export const MARK = { pool: 0x20, tried: 0x40, row: 0x80, operation: 0x1f } as const;
/** In the place of an operation: the thread of the records that follow. */
export const THREAD = 0x1f;
/** In the place of an operation: the route of the next record. */
export const ROUTE = 0x1a;
/** In the place of an operation, after a route if there is one: the home of the next record. */
export const HOME = 0x19;

// Doubles for the present wall clock are 2^-12 ms apart: in these units, differences of times are whole numbers.
export const TICKS_IN_MS = 4096;
// The longest record without tried backends.
const RECORD_BYTES = 128;
const TRIED_BYTES = 8;
const MOST = 2 ** 40;

/** What packer and unpacker remember of a pool. */
export class PoolTrace {
  readonly index: number;
  readonly key: number;
  firstTicket = Number.POSITIVE_INFINITY;
  lastTicket = 0;
  /** The greatest ticket. */
  highTicket = 0;
  records = 0;
  readonly rowKeys: number[] = [];
  readonly rowEpochs: number[] = [];

  constructor(index: number, key: number) {
    this.index = index;
    this.key = key;
  }
}

export class RecordPacker {
  readonly #pools = new Map<number, PoolTrace>();
  #pool: PoolTrace | undefined;
  #thread = -1;
  #nowMs = 0;

  /** Begins a new block. */
  begin(): void {
    this.#pools.clear();
    this.#pool = undefined;
    this.#thread = -1;
    this.#nowMs = 0;
  }

  /** Packs the record in this slot; `keysAt` returns the places of the slots behind it, which hold its tried set. */
  add(into: ByteWriter, { words, doubles }: Memory, slot: number, keysAt: (index: number) => number): void {
    const half = slot >> 1;
    const operation = words[slot + SLOT.operation]!;
    const fields = FIELDS_OF[operation];
    if (fields === undefined) throw new RangeError(`expected a known operation, found code ${operation}`);
    const triedCount = (fields & FIELD.tried) === 0 ? 0 : words[slot + SLOT.triedCount]!;
    into.reserve(RECORD_BYTES + TRIED_BYTES * triedCount);
    this.#sayThread(into, words[slot + SLOT.thread]!);

    const route = (fields & FIELD.route) === 0 ? 0 : routeAt(words, slot);
    if (route !== 0) {
      into.byte(ROUTE);
      into.double(route);
    }

    const wanted = (fields & FIELD.wanted) === 0 ? NOT_WANTED : doubles[half + (SLOT.wanted >> 1)]!;
    if (wanted !== NOT_WANTED) {
      into.byte(HOME);
      into.double(wanted);
    }

    const poolKey = doubles[half + (SLOT.poolKey >> 1)]!;
    const isSamePool = this.#pool?.key === poolKey;
    const pool = isSamePool ? (this.#pool as PoolTrace) : this.#enter(poolKey);
    const row = words[slot + SLOT.row]!;
    const backendKey = doubles[half + (SLOT.backendKey >> 1)]!;
    const epoch = words[slot + SLOT.epoch]!;
    const hasRow = (fields & FIELD.row) !== 0;
    const isNewRow = hasRow && (pool.rowKeys[row] !== backendKey || pool.rowEpochs[row] !== epoch);
    const hash = (fields & FIELD.hash) === 0 ? NO_HASH : doubles[half + (SLOT.hash >> 1)]!;
    const latencyMs = (fields & FIELD.latencyMs) === 0 ? NO_LATENCY : doubles[half + (SLOT.latencyMs >> 1)]!;
    const hasMore = hash !== NO_HASH || latencyMs !== NO_LATENCY;
    into.byte(
      (hasMore ? codeWithMore(operation) : operation) |
        (isSamePool ? 0 : MARK.pool) |
        (triedCount === 0 ? 0 : MARK.tried) |
        (isNewRow ? MARK.row : 0),
    );
    if (!isSamePool) this.#sayPool(into, pool);

    const ticket = doubles[half + (SLOT.ticket >> 1)]!;
    into.whole(ticket - pool.lastTicket - 1);
    this.#remember(pool, ticket);
    const nowMs = doubles[half + (SLOT.nowMs >> 1)]!;
    sayTime(into, nowMs, this.#nowMs);
    this.#nowMs = nowMs;

    if (hasRow) into.count(row);
    if (isNewRow) {
      into.double(backendKey);
      into.whole(epoch);
      pool.rowKeys[row] = backendKey;
      pool.rowEpochs[row] = epoch;
    }
    if ((fields & FIELD.seed) !== 0) into.double(backendKey);
    if ((fields & FIELD.reference) !== 0) into.whole(ticket - doubles[half + (SLOT.reference >> 1)]!);
    if ((fields & FIELD.untilMs) !== 0) sayTime(into, doubles[half + (SLOT.untilMs >> 1)]!, nowMs);
    if ((fields & FIELD.result) !== 0) into.whole(words[slot + SLOT.result]!);
    if ((fields & FIELD.limit) !== 0) into.whole(words[slot + SLOT.limit]!);
    if ((fields & FIELD.weight) !== 0) into.whole(words[slot + SLOT.weight]!);
    if (hash !== NO_HASH) into.double(hash);
    if (latencyMs !== NO_LATENCY) sayTime(into, latencyMs, 0);
    if (triedCount === 0) return;
    into.count(triedCount);
    for (let i = 0; i < triedCount; i++)
      into.double(doubles[(keysAt(Math.floor(i / KEYS_IN_SLOT)) >> 1) + (i % KEYS_IN_SLOT)]!);
  }

  /** Adds the pools and tickets of the block to an index. */
  finish(index: PoolIndex): void {
    for (const pool of this.#pools.values())
      index.addOperations(pool.key, pool.firstTicket, pool.highTicket, pool.records);
  }

  #enter(key: number): PoolTrace {
    const known = this.#pools.get(key);
    if (known !== undefined) {
      this.#pool = known;
      return known;
    }
    const fresh = new PoolTrace(this.#pools.size, key);
    this.#pools.set(key, fresh);
    this.#pool = fresh;
    return fresh;
  }

  #sayPool(into: ByteWriter, pool: PoolTrace): void {
    into.count(pool.index);
    if (pool.records === 0) into.double(pool.key);
  }

  #sayThread(into: ByteWriter, thread: number): void {
    if (thread === this.#thread) return;
    this.#thread = thread;
    into.byte(THREAD);
    into.count(thread);
  }

  #remember(pool: PoolTrace, ticket: number): void {
    pool.lastTicket = ticket;
    pool.records++;
    if (ticket < pool.firstTicket) pool.firstTicket = ticket;
    if (ticket > pool.highTicket) pool.highTicket = ticket;
  }
}

/** Writes the whole number of ticks since another time, plus one; if that would not be exact, 0 and the time itself. */
function sayTime(into: ByteWriter, timeMs: number, sinceMs: number): void {
  const ticks = (timeMs - sinceMs) * TICKS_IN_MS;
  if (Math.abs(ticks) < MOST && Number.isInteger(ticks) && sinceMs + ticks / TICKS_IN_MS === timeMs) {
    into.count(1 + (ticks < 0 ? -2 * ticks - 1 : 2 * ticks));
  } else {
    into.byte(0);
    into.double(timeMs);
  }
}
