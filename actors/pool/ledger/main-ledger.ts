/** The main thread's ledger: it alone makes and changes pools, and takes back what dead threads held. */
import assert from 'node:assert/strict';
import { setTimeout as later } from 'node:timers/promises';
import type { ByteWriter } from '../../../eventlog/index.ts';
import type { Change, PoolDefinition, RowDefinition } from './definition.ts';
import type { LedgerShared, MainLedger, Ring, RowEnds, RowStats } from './ledger.ts';
import { Membership } from './membership.ts';
import { POOL } from './memory/layout.ts';
import { PoolMemory } from './memory/pool-memory.ts';
import { LedgerBusy, type Section } from './memory/section.ts';
import { endsOf, statsOf } from './pool-stats.ts';
import type { PoolView } from './pool-view.ts';
import { Reaper } from './reaper.ts';
import { packCheckpoint } from './record/checkpoint.ts';
import { Rows } from './rows.ts';
import type { SharedPool } from './shared-pool.ts';
import { ThreadLedger } from './thread-ledger.ts';

// 1 ms: a living holder is done within microseconds; the exit event of a dead one comes after about two milliseconds.
const AGAIN_MS = 1;

export class MainThreadLedger extends ThreadLedger implements MainLedger {
  readonly shared: LedgerShared;
  private readonly section: Section;
  private readonly memory: PoolMemory;
  private readonly rows: Rows;
  private readonly membership: Membership;
  protected readonly reaper: Reaper;
  // Every pool that has memory, including dropped ones whose leases are still out.
  protected readonly defined = new Map<number, SharedPool>();
  private readonly dropped = new Set<SharedPool>();
  protected readonly enlisted: boolean[];

  constructor(section: Section, ring: Ring) {
    super(section, ring);
    this.section = section;
    this.shared = { buffer: section.buffer };
    this.memory = new PoolMemory(section);
    this.rows = new Rows(this.tools, this.memory);
    this.membership = new Membership(this.tools, this.memory, this.rows);
    this.reaper = new Reaper(this.tools, this.memory);
    this.enlisted = Array.from({ length: section.threads }, (_, thread) => thread === 0);
  }

  enlist(): number {
    const thread = this.enlisted.indexOf(false);
    if (thread < 0) throw new RangeError(`expected at most ${this.enlisted.length} threads, all are in use`);
    this.enlisted[thread] = true;
    return thread;
  }

  define(
    poolKey: number,
    pool: PoolDefinition,
    rows: readonly RowDefinition[],
    phase: 'restrict' | 'widen',
    change: Change,
  ): Promise<void> {
    return this.soon(() => {
      const known = this.defined.get(poolKey);
      if (phase === 'restrict') {
        if (known !== undefined && !this.dropped.has(known)) this.restrict(known, pool, rows, change);
      } else if (known === undefined) this.create(poolKey, pool, rows, change);
      else this.widen(known, pool, rows, change);
    });
  }

  drop(poolKey: number, change: Change): Promise<void> {
    return this.soon(() => {
      const pool = this.defined.get(poolKey);
      if (pool !== undefined && !this.dropped.has(pool)) {
        this.inside(pool, () => this.membership.drop(pool, change));
        this.dropped.add(pool);
      }
      this.sweep();
    });
  }

  pressures(each: (poolKey: number, waiting: number, refused: number) => void): void {
    const { words } = this.section;
    for (const [key, { block }] of this.defined)
      each(key, words[block + POOL.waiting]!, words[block + POOL.refused]!);
  }

  rowsOf(poolKey: number): readonly RowStats[] {
    const pool = this.defined.get(poolKey);
    return pool === undefined ? [] : statsOf(this.section, pool.block, pool.field).rows;
  }

  ends(poolKey: number, backendKey: number): RowEnds | undefined {
    const pool = this.defined.get(poolKey);
    return pool === undefined ? undefined : endsOf(this.section, pool.field, backendKey);
  }

  ticket(poolKey: number): number {
    const pool = this.defined.get(poolKey);
    if (pool === undefined || this.dropped.has(pool)) return 0;
    return this.section.doubles[(pool.block + POOL.ticket) >> 1]!;
  }

  async rest(poolKey: number, ticket: number, change: Change): Promise<boolean> {
    let rests = false;
    await this.soon(() => {
      const pool = this.defined.get(poolKey);
      if (pool === undefined || this.dropped.has(pool)) return;
      this.inside(pool, () => {
        rests = this.ticket(poolKey) === ticket && this.membership.rests(pool, change.nowMs);
        if (rests) this.membership.drop(pool, change);
      });
      if (rests) this.dropped.add(pool);
      this.sweep();
    });
    return rests;
  }

  async reap(thread: number, nowMs: number): Promise<void> {
    assert(
      thread !== 0 && this.enlisted[thread] === true,
      `expected an enlisted worker, found thread ${thread}`,
    );
    // At once, so that nobody waits longer than necessary for a lock that only this thread can free.
    this.reaper.undo(thread);
    this.reapHeld(thread, nowMs);
    this.ringAgain(thread);
    const queued = this.reaper.queuedAt(thread);
    for (const pool of [...this.defined.values()]) {
      if (!queued.has(pool.block) && !this.reaper.holds(pool, thread)) continue;
      const attempt = () => {
        if (this.defined.get(pool.key) === pool)
          this.inside(pool, () => this.reaper.reap(pool, thread, nowMs));
      };
      if (!this.tries(attempt)) await this.soon(attempt);
    }
    this.reaper.clear(thread);
    this.enlisted[thread] = false;
    await this.soon(() => this.sweep());
  }

  /** The main thread keeps a view of every pool. */
  override forget(): void {}
  override forgetGone(): void {}

  tickets(each: (poolKey: number, ticket: number) => void): void {
    for (const [key, pool] of this.defined) each(key, this.section.doubles[(pool.block + POOL.ticket) >> 1]!);
  }

  checkpoint(poolKey: number, into: ByteWriter): number {
    const pool = this.defined.get(poolKey);
    let ticket = 0;
    if (pool !== undefined)
      this.tries(() => this.inside(pool, () => (ticket = packCheckpoint(this.section, pool, into))));
    return ticket;
  }

  protected ringAgain(dead: number): void {
    this.reaper.ringAgain(dead);
  }

  private restrict(
    pool: SharedPool,
    definition: PoolDefinition,
    rows: readonly RowDefinition[],
    change: Change,
  ): void {
    this.inside(pool, () => this.membership.restrict(pool, definition, rows, change));
  }

  private widen(
    pool: SharedPool,
    definition: PoolDefinition,
    rows: readonly RowDefinition[],
    change: Change,
  ): void {
    this.withChunks(this.rows.chunksFor(pool, rows), (chunks) => {
      this.inside(pool, () => this.membership.widen(pool, definition, rows, chunks, change));
    });
    this.dropped.delete(pool);
  }

  /** Others find the pool once it is complete. */
  private create(
    key: number,
    definition: PoolDefinition,
    rows: readonly RowDefinition[],
    change: Change,
  ): void {
    this.sweep();
    // First what may run out of memory: a pool is made completely, or not at all.
    this.tools.directory.reserve();
    this.memory.nextBlock();
    const pool = this.withChunks(this.rows.chunksForNew(rows), (chunks) => {
      const begun = this.view(key, this.membership.begin(key, definition, change));
      this.finishing(begun, () => {
        begun.refresh();
        this.membership.widen(begun, definition, rows, chunks, change);
      });
      return begun;
    });
    this.defined.set(key, pool);
    this.pools.set(key, pool);
    this.tools.directory.add(pool.block, key);
  }

  /** Frees the chunks again if they were not used because the lock was busy. */
  private withChunks<T>(chunks: readonly number[], use: (chunks: readonly number[]) => T): T {
    try {
      return use(chunks);
    } catch (error) {
      if (error instanceof LedgerBusy) this.memory.freeRows(chunks);
      throw error;
    }
  }

  /** Frees the memory of dropped pools that nobody uses any more. */
  private sweep(): void {
    for (const pool of this.dropped) {
      let released = false;
      const attempt = () => this.inside(pool, () => (released = this.membership.release(pool)));
      if (!this.tries(attempt) || !released) continue;
      this.memory.freeBlock(pool.block);
      this.dropped.delete(pool);
      this.defined.delete(pool.key);
      this.pools.delete(pool.key);
    }
  }

  private reapHeld(dead: number, nowMs: number): void {
    const poolAt = (block: number) => [...this.defined.values()].find((pool) => pool.block === block);
    const pool = this.reaper.heldBy(dead, poolAt);
    if (pool === undefined) return;
    this.finishing(pool, () => this.reaper.reap(pool, dead, nowMs));
  }

  private inside(pool: SharedPool, act: () => void): void {
    assert(pool.enter(), 'expected the memory of a defined pool');
    this.finishing(pool, act);
    this.tools.mailbox.deliverIfRung();
  }

  /** Acts under the lock, then leaves it. */
  private finishing(pool: PoolView, act: () => void): void {
    try {
      act();
    } catch (error) {
      this.section.rollback();
      throw error;
    } finally {
      pool.exit();
    }
  }

  private tries(attempt: () => void): boolean {
    try {
      attempt();
      return true;
    } catch (error) {
      if (error instanceof LedgerBusy) return false;
      throw error;
    }
  }

  private async soon(attempt: () => void): Promise<void> {
    while (!this.tries(attempt)) await later(AGAIN_MS);
  }
}
