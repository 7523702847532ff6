/** One pool's ledger in memory of its own, as it was behind a ticket: its settings, its rows, and who waits. */
import type { ByteWriter } from '../../../eventlog/index.ts';
import { STATE, UNIT, type UnitField, type UnitState } from '../health/ward.ts';
import { policyCode } from '../policy/policies.ts';
import { type PoolCheckpoint, packCheckpoint, type RowCheckpoint } from './checkpoint.ts';
import { CLOSED, NO_LIMIT, NODE, NODE_STATE, PHASE, POOL, ROW, ROW_CHUNK, ROWS_IN_CHUNK } from './layout.ts';
import type { HealthDefinition } from './ledger.ts';
import { link, unlink } from './queue.ts';
import type { LedgerRecord } from './record.ts';
import type { ReplayMemory } from './replay-memory.ts';
import { SharedPool } from './shared-pool.ts';
import { Differs, type Of, type OfRow, verdictOf } from './verdict.ts';

const FIELDS = Object.entries(UNIT).flatMap(([name, at]) =>
  name === 'words' || name === 'state' ? [] : [at as UnitField],
);

// A lease is told by the row and the thread that hold it.
export const ROW_SHIFT = 256;

export class RestoredPool extends SharedPool {
  protected readonly memory: ReplayMemory;
  protected readonly waiters = new Map<number, number>();
  /** Row and thread by ticket; leases of before a checkpoint have no tickets that are known. */
  protected readonly leases = new Map<number, number>();
  protected restoredAt = 0;
  /** Something may have become free since someone last looked whether anyone waits for it. */
  protected mayHaveOpened = false;

  constructor(memory: ReplayMemory, key: number) {
    const block = memory.pools.nextBlock();
    memory.pools.takeBlock();
    super(memory.tools, key, block);
    this.memory = memory;
    this.empty();
  }

  get ticket(): number {
    return this.memory.section.doubles[(this.block + POOL.ticket) >> 1]!;
  }

  /** How many wait. */
  get waiting(): number {
    return this.word(this.block + POOL.waiting);
  }

  /** Gives its memory back. */
  free(): void {
    this.dropWaiters();
    this.memory.pools.clear(this.block);
    this.memory.pools.freeBlock(this.block);
  }

  /** As it was behind this ticket. */
  restore(checkpoint: PoolCheckpoint, ticket: number): void {
    this.empty();
    const { words, doubles } = this.memory.section;
    const { block } = this;
    this.settle(checkpoint);
    words[block + POOL.chance] = checkpoint.chance;
    doubles[(block + POOL.mark) >> 1] = checkpoint.mark;
    doubles[(block + POOL.ticket) >> 1] = ticket;
    this.judgeBy(checkpoint.health);
    // A hint that may be set for nothing.
    words[block + POOL.trials] = 1;
    for (const row of checkpoint.rows) this.#restoreRow(row);
    for (const { ticket: waiter, thread, ...asked } of checkpoint.waiters) this.join(waiter, thread, asked);
    this.memory.section.commit();
    this.restoredAt = ticket;
    this.mayHaveOpened = true;
  }

  /** Packed as the ledger packs its own checkpoints. */
  pack(into: ByteWriter): void {
    packCheckpoint(this.memory.section, this, into);
  }

  protected judgeBy(health: HealthDefinition): void {
    const { words, doubles } = this.memory.section;
    const { block } = this;
    words[block + POOL.failures] = health.failures;
    words[block + POOL.maxEjectedPercent] = health.maxEjectedPercent;
    doubles[(block + POOL.windowMs) >> 1] = health.windowMs;
    doubles[(block + POOL.quarantineMs) >> 1] = health.quarantineMs;
    doubles[(block + POOL.slowStartMs) >> 1] = health.slowStartMs;
    this.field.slowStartMs = health.slowStartMs;
  }

  #restoreRow(row: RowCheckpoint): void {
    const at = this.roomFor(row.row);
    const { words, doubles } = this.memory.section;
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
    if (row.quarantined) this.expireBy(row.untilMs);
    for (const [unit, numbers] of row.units.entries()) this.#restoreUnit(row.row, unit, numbers);
    this.memory.section.commit();
  }

  #restoreUnit(row: number, unit: number, numbers: readonly number[]): void {
    for (const field of FIELDS) this.ward.set(row, unit, field, numbers[field] ?? 0);
    const state = (numbers[UNIT.state] ?? STATE.sound) as UnitState;
    this.ward.setState(row, unit, state);
    if (state === STATE.ejected) this.expireBy(numbers[UNIT.untilMs] ?? 0);
  }

  protected settle(settings: Pick<Of<'settings'>, 'policy' | 'maxWaiting' | 'whenEmpty' | 'widening'>): void {
    const { words } = this.memory.section;
    words[this.block + POOL.policy] = policyCode(settings.policy);
    words[this.block + POOL.maxWaiting] = settings.maxWaiting;
    words[this.block + POOL.hold] = settings.whenEmpty === 'hold' ? 1 : 0;
    words[this.block + POOL.widening] = settings.widening ? 1 : 0;
  }

  protected join(
    ticket: number,
    thread: number,
    { tried, hash, route, wanted }: Pick<Of<'enqueue'>, 'tried' | 'hash' | 'route' | 'wanted'>,
  ): void {
    const node = this.memory.takeNode(thread);
    const { section } = this.memory;
    // The memory may have grown.
    if (this.field.words !== section.words) this.refresh();
    section.doubles[(node + NODE.ticket) >> 1] = ticket;
    section.doubles[(node + NODE.hash) >> 1] = hash;
    section.doubles[(node + NODE.route) >> 1] = route;
    section.doubles[(node + NODE.wanted) >> 1] = wanted;
    section.words[node + NODE.triedCount] = tried.length;
    for (let i = 0; i < tried.length; i++) section.doubles[((node + NODE.tried) >> 1) + i] = tried[i]!;
    link(section, this.block, node);
    section.commit();
    this.waiters.set(ticket, node);
  }

  protected forget(ticket: number, node: number): void {
    this.waiters.delete(ticket);
    this.memory.section.commit();
    this.memory.freeNode(node);
  }

  protected dropWaiters(): void {
    for (const [ticket, node] of this.waiters) {
      unlink(this.memory.section, this.block, node, NODE_STATE.free);
      this.forget(ticket, node);
    }
  }

  /** Where the row is that a record speaks of, which must be that backend's. */
  protected placeOf(record: OfRow & LedgerRecord): number {
    const isThere = record.row < this.field.rows;
    const at = isThere ? this.field.placeOf(record.row) : 0;
    if (
      isThere &&
      this.field.key(record.row) === record.backendKey &&
      this.word(at + ROW.epoch) === record.epoch &&
      (this.word(at + ROW.closed) & CLOSED.empty) === 0
    )
      return at;
    throw new Differs('the row is not that backend’s', { word: 'nothing' }, verdictOf(record));
  }

  /** Where a row is, or will be. */
  protected roomFor(row: number): number {
    const { section, pools } = this.memory;
    if (row >= this.field.capacity) {
      const missing = Math.ceil((row + 1 - this.field.capacity) / ROWS_IN_CHUNK);
      const chunks = pools.takeChunks(missing);
      let last = this.block + POOL.firstChunk;
      while (section.words[last] !== 0) last = section.words[last]! + ROW_CHUNK.next;
      for (const chunk of chunks) {
        section.words[last] = chunk;
        last = chunk + ROW_CHUNK.next;
      }
      section.words[this.block + POOL.layout]! += 1;
    }
    if (row >= section.words[this.block + POOL.rows]!) section.words[this.block + POOL.rows] = row + 1;
    this.refresh();
    return this.field.placeOf(row);
  }

  protected empty(): void {
    this.dropWaiters();
    const { section, pools } = this.memory;
    if (section.words[this.block + POOL.phase] === PHASE.live) pools.clear(this.block);
    const { words, doubles } = section;
    const layout = words[this.block + POOL.layout]!;
    words.fill(0, this.block + POOL.layout, this.block + POOL.words);
    words[this.block + POOL.layout] = (layout + 1) | 0;
    words[this.block + POOL.phase] = PHASE.live;
    doubles[(this.block + POOL.key) >> 1] = this.key;
    this.leases.clear();
    this.restoredAt = 0;
    this.mayHaveOpened = false;
    section.commit();
    this.refresh();
  }
}

export function closedOf(row: {
  readonly empty?: boolean;
  readonly removed: boolean;
  readonly draining: boolean;
  readonly starting: boolean;
  readonly quarantined: boolean;
  /** Of a record. */
  readonly ejected?: boolean;
  readonly failing?: boolean | number;
  /** Of a checkpoint. */
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

export function holder({ row, thread }: { readonly row: number; readonly thread: number }): number {
  return row * ROW_SHIFT + thread;
}
