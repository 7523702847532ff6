/** Reads what `RecordPacker` packed, into the same slots and so into the same records. */
import assert from 'node:assert/strict';
import { ByteReader } from '../../../../eventlog/journal/index.ts';
import { TRIED_MAX } from '../memory/layout.ts';
import { decodeRecord, type LedgerRecord } from './record.ts';
import { FIELD, FIELDS_OF, hasMore, NO_HASH, NO_LATENCY, NOT_WANTED, operationOf } from './record-fields.ts';
import { HALF_ROUTE, KEYS_IN_SLOT, SLOT, SLOT_WORDS } from './record-layout.ts';
import { HOME, MARK, PoolTrace, ROUTE, THREAD, TICKS_IN_MS } from './record-packer.ts';
import { slotsFor } from './recorder.ts';

/** The records of a packed block in its order, of all pools or of one. */
export function* unpackRecords(packed: Uint8Array, poolKey?: number): Generator<LedgerRecord, void> {
  const unpacker = new Unpacker(packed);
  while (unpacker.next()) {
    if (poolKey === undefined || unpacker.poolKey === poolKey) yield unpacker.record();
  }
}

class Unpacker {
  readonly #words = new Int32Array(slotsFor(TRIED_MAX) * SLOT_WORDS);
  readonly #doubles = new Float64Array(this.#words.buffer);
  readonly #reader: ByteReader;
  readonly #pools: PoolTrace[] = [];
  #pool: PoolTrace | undefined;
  #thread = 0;
  #nowMs = 0;

  constructor(packed: Uint8Array) {
    this.#reader = new ByteReader(packed);
  }

  get poolKey(): number {
    return this.#pool?.key ?? 0;
  }

  record(): LedgerRecord {
    return decodeRecord(this.#words, this.#doubles);
  }

  /** False at the end. */
  next(): boolean {
    const reader = this.#reader;
    if (reader.isDone) return false;
    let first = reader.byte();
    if ((first & MARK.operation) === THREAD) {
      this.#thread = reader.count();
      first = reader.byte();
    }
    let route = 0;
    if ((first & MARK.operation) === ROUTE) {
      route = reader.double();
      first = reader.byte();
    }
    let wanted = NOT_WANTED;
    if ((first & MARK.operation) === HOME) {
      wanted = reader.double();
      first = reader.byte();
    }
    const code = first & MARK.operation;
    const operation = operationOf(code);
    const fields = FIELDS_OF[operation];
    assert(fields !== undefined, `expected a known operation, found code ${operation}`);
    if ((first & MARK.pool) !== 0) this.#enter();
    const pool = this.#pool;
    assert(pool !== undefined, 'expected a pool before its first record');
    const ticket = pool.lastTicket + 1 + reader.whole();
    pool.lastTicket = ticket;
    this.#nowMs = this.#time(this.#nowMs);
    this.#set('ticket', ticket);
    this.#set('poolKey', pool.key);
    this.#set('nowMs', this.#nowMs);
    this.#words[SLOT.operation] = operation;
    this.#words[SLOT.thread] = this.#thread;
    if ((fields & FIELD.row) !== 0) this.#row(pool, (first & MARK.row) !== 0);
    if ((fields & FIELD.seed) !== 0) this.#set('backendKey', reader.double());
    if ((fields & FIELD.reference) !== 0) this.#set('reference', ticket - reader.whole());
    if ((fields & FIELD.untilMs) !== 0) this.#set('untilMs', this.#time(this.#nowMs));
    if ((fields & FIELD.result) !== 0) this.#words[SLOT.result] = reader.whole();
    if ((fields & FIELD.limit) !== 0) this.#words[SLOT.limit] = reader.whole();
    if ((fields & FIELD.weight) !== 0) this.#words[SLOT.weight] = reader.whole();
    if ((fields & FIELD.hash) !== 0) this.#set('hash', hasMore(code) ? reader.double() : NO_HASH);
    if ((fields & FIELD.wanted) !== 0) this.#set('wanted', wanted);
    if ((fields & FIELD.latencyMs) !== 0) this.#set('latencyMs', hasMore(code) ? this.#time(0) : NO_LATENCY);
    if ((fields & FIELD.route) !== 0) this.#route(route);
    this.#tried((first & MARK.tried) === 0 ? 0 : reader.count());
    return true;
  }

  #enter(): void {
    const index = this.#reader.count();
    assert(index <= this.#pools.length, `expected at most ${this.#pools.length} pools, found ${index}`);
    if (index === this.#pools.length) this.#pools.push(new PoolTrace(index, this.#reader.double()));
    this.#pool = this.#pools[index];
  }

  #row(pool: PoolTrace, isNew: boolean): void {
    const row = this.#reader.count();
    if (isNew) {
      pool.rowKeys[row] = this.#reader.double();
      pool.rowEpochs[row] = this.#reader.whole();
    }
    this.#words[SLOT.row] = row;
    this.#set('backendKey', pool.rowKeys[row] ?? 0);
    this.#words[SLOT.epoch] = pool.rowEpochs[row] ?? 0;
  }

  #route(route: number): void {
    const high = Math.floor(route / HALF_ROUTE);
    this.#words[SLOT.routeHigh] = high;
    this.#words[SLOT.routeLow] = route - high * HALF_ROUTE;
  }

  #tried(count: number): void {
    assert(count <= TRIED_MAX, `expected at most ${TRIED_MAX} tried backends, found ${count}`);
    this.#words[SLOT.triedCount] = count;
    for (let i = 0; i < count; i++) this.#doubles[KEYS_IN_SLOT + i] = this.#reader.double();
  }

  #time(sinceMs: number): number {
    const said = this.#reader.count();
    if (said === 0) return this.#reader.double();
    const ticks = said - 1;
    return sinceMs + (ticks % 2 === 0 ? ticks / 2 : -(ticks + 1) / 2) / TICKS_IN_MS;
  }

  #set(
    field:
      | 'ticket'
      | 'poolKey'
      | 'nowMs'
      | 'backendKey'
      | 'reference'
      | 'untilMs'
      | 'hash'
      | 'wanted'
      | 'latencyMs',
    value: number,
  ): void {
    this.#doubles[SLOT[field] >> 1] = value;
  }
}
