/**
 * Takes back what a dead thread held. Main thread only, after the worker's exit event, when nothing of it runs any
 * more.
 */
import { repeatTrial } from '../health/course.ts';
import { dropClaims, hasClaims } from './claims.ts';
import type { LedgerTools } from './ledger-tools.ts';
import { AREA, CLOSED, NODE, NODE_STATE, POOL, ROW } from './memory/layout.ts';
import { mark } from './memory/mailbox.ts';
import { chunksOf, clearNodes, nodesIn } from './memory/nodes.ts';
import type { PoolMemory } from './memory/pool-memory.ts';
import { unlink } from './memory/queue.ts';
import type { PoolView } from './pool-view.ts';
import { OP } from './record/record-layout.ts';

export class Reaper {
  private readonly tools: LedgerTools;
  private readonly memory: PoolMemory;

  constructor(tools: LedgerTools, memory: PoolMemory) {
    this.tools = tools;
    this.memory = memory;
  }

  /** Rolls back the step it died in, and publishes the records of what it had committed. First of all. */
  undo(dead: number): void {
    const { section } = this.tools;
    section.look();
    const area = section.areaOf(dead);
    section.rollbackArea(area);
    section.publish(area);
  }

  /** The pool whose lock it died with, if any. A lock in memory that is no pool now is simply freed. */
  heldBy(dead: number, poolAt: (block: number) => PoolView | undefined): PoolView | undefined {
    const { section } = this.tools;
    const held = this.memory.blocks.find((block) => section.isHeldBy(block, dead));
    if (held === undefined) return undefined;
    const pool = poolAt(held);
    section.inherit(held, dead);
    if (pool === undefined) section.exit(held);
    else pool.refresh();
    return pool;
  }

  /** Takes its leases and waiters out of one pool, with one record, then serves the queue. Under the lock. */
  reap(pool: PoolView, dead: number, nowMs: number): void {
    const { section, recorder } = this.tools;
    if (this.hasStake(pool, dead)) {
      recorder.pool(OP.reap, pool.block, recorder.ticket(pool.block), nowMs, dead, 0);
      section.commit();
      this.subtract(pool, dead);
      this.dropWaiters(pool, dead);
    }
    for (let row = 0; row < pool.field.rows; row++) {
      const at = pool.field.placeOf(row);
      if (hasClaims(section, at, dead)) dropClaims(this.tools, at, dead);
    }
    // It may have died after opening a slot and before serving the queue.
    pool.serve(nowMs, Number.POSITIVE_INFINITY);
  }

  /**
   * The blocks of pools in which it had waiters. In other pools nobody but the dead thread changes what it holds, so
   * they may be looked at without the lock.
   */
  queuedAt(dead: number): ReadonlySet<number> {
    const { section } = this.tools;
    const blocks = new Set<number>();
    for (const chunk of chunksOf(section, section.areaOf(dead))) {
      for (const state of [NODE_STATE.waiting, NODE_STATE.granted]) {
        for (const node of nodesIn(section, chunk, state)) blocks.add(section.words[node + NODE.pool]!);
      }
    }
    return blocks;
  }

  holds(pool: PoolView, dead: number): boolean {
    const { words } = this.tools.section;
    for (let row = 0; row < words[pool.block + POOL.rows]!; row++) {
      const at = pool.field.placeOf(row);
      if (words[at + ROW.shadows + dead] !== 0 || hasClaims(this.tools.section, at, dead)) return true;
    }
    return false;
  }

  private holdsLease(pool: PoolView, dead: number): boolean {
    const { words } = this.tools.section;
    for (let row = 0; row < pool.field.rows; row++) {
      if (words[pool.field.placeOf(row) + ROW.shadows + dead] !== 0) return true;
    }
    return false;
  }

  /** Marks and rings again for all threads: it may have died after granting something and before telling the waiter. */
  ringAgain(dead: number): void {
    const { section, mailbox } = this.tools;
    for (let thread = 0; thread < section.threads; thread++) {
      if (thread === dead) continue;
      // Or before asking the thread to look at a row.
      Atomics.store(section.words, section.areaOf(thread) + AREA.askedAll, 1);
      for (const chunk of chunksOf(section, section.areaOf(thread))) {
        for (const state of [NODE_STATE.granted, NODE_STATE.refused]) {
          for (const node of nodesIn(section, chunk, state)) {
            mark(section, node);
          }
        }
      }
      mailbox.ringAgain(thread);
    }
  }

  /** Makes its area as new. */
  clear(dead: number): void {
    const { section } = this.tools;
    const area = section.areaOf(dead);
    clearNodes(section, area);
    Atomics.store(section.words, area + AREA.bell, 0);
  }

  private hasStake(pool: PoolView, dead: number): boolean {
    const { words } = this.tools.section;
    if (this.holdsLease(pool, dead)) return true;
    for (let node = words[pool.block + POOL.firstWaiter]!; node !== 0; node = words[node + NODE.next]!) {
      if (words[node + NODE.thread] === dead) return true;
    }
    return false;
  }

  private subtract(pool: PoolView, dead: number): void {
    const { section } = this.tools;
    const { words } = section;
    for (let row = 0; row < pool.field.rows; row++) {
      const at = pool.field.placeOf(row);
      const share = words[at + ROW.shadows + dead]!;
      if (share === 0) continue;
      const left = words[at + ROW.inFlight]! - share;
      section.set(at + ROW.inFlight, left);
      section.set(at + ROW.shadows + dead, 0);
      section.set(at + ROW.cut, (words[at + ROW.cut]! + share) | 0);
      if (left === 0 && (words[at + ROW.closed]! & CLOSED.removed) !== 0)
        section.set(at + ROW.closed, CLOSED.empty);
      else repeatTrial(pool.ward, row, dead);
      section.commit();
    }
  }

  private dropWaiters(pool: PoolView, dead: number): void {
    const { section } = this.tools;
    const { words } = section;
    for (let node = words[pool.block + POOL.firstWaiter]!; node !== 0; ) {
      const next = words[node + NODE.next]!;
      if (words[node + NODE.thread] === dead) {
        unlink(section, pool.block, node, NODE_STATE.free);
        section.commit();
      }
      node = next;
    }
  }
}
