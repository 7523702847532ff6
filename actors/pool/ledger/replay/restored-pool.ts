/** One pool's ledger in memory of its own, as it was after a ticket: its settings, its rows, and who waits. */
import type { ByteWriter } from '../../../../eventlog/index.ts';
import type { HealthDefinition } from '../definition.ts';
import { CLOSED, NODE, NODE_STATE, PHASE, POOL, ROW, ROW_CHUNK, ROWS_IN_CHUNK } from '../memory/layout.ts';
import { link, unlink } from '../memory/queue.ts';
import { type PoolCheckpoint, packCheckpoint } from '../record/checkpoint.ts';
import type { LedgerRecord } from '../record/record.ts';
import { SharedPool } from '../shared-pool.ts';
import type { ReplayMemory } from './replay-memory.ts';
import { restoreCourse, restoreHealth, restoreRow, restoreSettings } from './restore-state.ts';
import { Differs, type Of, type OfRow, verdictOf } from './verdict.ts';

// A lease is identified by its row and the thread that holds it.
export const ROW_SHIFT = 256;

export class RestoredPool extends SharedPool {
  protected readonly memory: ReplayMemory;
  protected readonly waiters = new Map<number, number>();
  /** Row and thread by ticket. The tickets of leases from before a checkpoint are not known. */
  protected readonly leases = new Map<number, number>();
  protected restoredAt = 0;
  /** A slot may have opened since the queue was last checked for waiters that may have it. */
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

  /** How many requests wait. */
  get waiting(): number {
    return this.word(this.block + POOL.waiting);
  }

  /** Whether all its rows are empty. */
  get isBare(): boolean {
    for (let row = 0; row < this.field.rows; row++) if (this.ward.isThere(row)) return false;
    return true;
  }

  /** Frees its memory. */
  free(): void {
    this.dropWaiters();
    this.memory.pools.clear(this.block);
    this.memory.pools.freeBlock(this.block);
  }

  /** Restores the pool as it was after this ticket. */
  restore(checkpoint: PoolCheckpoint, ticket: number): void {
    this.empty();
    const { section } = this.memory;
    this.putSettings(checkpoint);
    restoreCourse(section, this.block, checkpoint, ticket);
    this.judgeBy(checkpoint.health);
    for (const row of checkpoint.rows) {
      this.roomFor(row.row);
      restoreRow(section, this, row);
    }
    for (const { ticket: waiter, thread, ...asked } of checkpoint.waiters) this.join(waiter, thread, asked);
    this.memory.section.commit();
    this.restoredAt = ticket;
    this.mayHaveOpened = true;
  }

  /** Packs its state as the ledger packs checkpoints. */
  pack(into: ByteWriter): void {
    packCheckpoint(this.memory.section, this, into);
  }

  protected judgeBy(health: HealthDefinition): void {
    restoreHealth(this.memory.section, this, health);
  }

  protected putSettings(settings: Parameters<typeof restoreSettings>[2]): void {
    restoreSettings(this.memory.section, this.block, settings);
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

  protected dropWaiter(ticket: number, node: number): void {
    this.waiters.delete(ticket);
    this.memory.section.commit();
    this.memory.freeNode(node);
  }

  protected dropWaiters(): void {
    for (const [ticket, node] of this.waiters) {
      unlink(this.memory.section, this.block, node, NODE_STATE.free);
      this.dropWaiter(ticket, node);
    }
  }

  /** Where the row of a record lies; it must belong to the record's backend. */
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

  /** Where a row lies; makes room for it if needed. */
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

export function holder({ row, thread }: { readonly row: number; readonly thread: number }): number {
  return row * ROW_SHIFT + thread;
}
