/**
 * How a thread learns what another thread did for its waiters: a bit for the node, then the thread's bell. A bit or a
 * bell may be set for nothing, but is never missed. The truth is in the node, and is read only under the lock of its
 * pool: a grant seen without the lock may be undone a moment later.
 */

import { OpenLease } from '../lease.ts';
import type { Ring, RowWatcher } from '../ledger.ts';
import {
  AREA,
  ASKS_MOST,
  ASKS_OFFSET,
  NODE,
  NODE_CHUNK,
  NODE_STATE,
  NODES_IN_CHUNK,
  POOL,
  ROW,
} from './layout.ts';
import type { Memory } from './memory.ts';
import { bellOf } from './memory.ts';
import type { Nodes } from './nodes.ts';
import type { Section } from './section.ts';

const BITS = 32;
const MAIL_WORDS = NODES_IN_CHUNK / BITS;
const ALL_MAIL_WORDS = (1 << MAIL_WORDS) - 1;
// An arena has less than 2^29 words: 1 GiB and the areas of its threads.
const ROW_MASK = (1 << 28) - 1;
const ROUND_SHIFT = 28 - Math.log2(ASKS_MOST);

export class Mailbox {
  private readonly section: Section;
  private readonly nodes: Nodes;
  private readonly ring: Ring;
  private readonly bell: number;
  private readonly toRing: number[] = [];
  private delivering = false;
  /** The node of a waiter that does not know yet that it waits; 0: none. */
  private unsaid = 0;
  /** How many asks this thread has handled. */
  private asked: number;
  watcher: RowWatcher | undefined = undefined;

  constructor(section: Section, nodes: Nodes, ring: Ring) {
    this.section = section;
    this.nodes = nodes;
    this.ring = ring;
    this.bell = bellOf(section, section.thread);
    this.asked = Atomics.load(section.words, section.area + AREA.asks);
  }

  /** Call it after the commit that changed this node. */
  post(node: number): void {
    const thread = mark(this.section, node);
    if (!this.toRing.includes(thread)) this.toRing.push(thread);
  }

  /** Asks a thread to look at a row. Call it after the commit that gave the reason. */
  ask(thread: number, row: number): void {
    const { words } = this.section;
    const area = this.section.areaOf(thread);
    const ask = Atomics.add(words, area + AREA.asks, 1);
    Atomics.store(words, placeOf(area, ask), roundOf(ask) | (row >> 1));
    if (!this.toRing.includes(thread)) this.toRing.push(thread);
  }

  /** Asks a thread to look at all rows. */
  askForAll(thread: number): void {
    Atomics.store(this.section.words, this.section.areaOf(thread) + AREA.askedAll, 1);
    if (!this.toRing.includes(thread)) this.toRing.push(thread);
  }

  /** Rings the threads to which something was posted. Outside any lock. */
  ringBells(): void {
    while (this.toRing.length > 0) {
      const thread = this.toRing.pop()!;
      const rung = Atomics.exchange(this.section.words, bellOf(this.section, thread), 1);
      if (rung === 0 && thread !== this.section.thread) this.ring(thread);
    }
  }

  /** Rings even if the bell is set: the thread that set it may have died before it rang. */
  ringAgain(thread: number): void {
    Atomics.store(this.section.words, bellOf(this.section, thread), 1);
    if (thread !== this.section.thread) this.ring(thread);
  }

  /**
   * Delivers if somebody rang. A plain read takes 8 ns less than an atomic one; what it misses, the bell message
   * brings.
   */
  deliverIfRung(unsaid = 0): void {
    if (this.section.words[this.bell] !== 0) this.deliver(unsaid);
  }

  /**
   * `unsaid`: the node of a waiter that the current call has just queued. If another thread has granted it something
   * meanwhile, the waiter is told in a microtask, after the caller has learnt that it waits.
   */
  deliver(unsaid = 0): void {
    // A waiter that is told below may call the ledger and arrive here: the outer loop continues with the rest.
    if (this.delivering) return;
    this.delivering = true;
    this.unsaid = unsaid;
    try {
      while (Atomics.exchange(this.section.words, this.bell, 0) !== 0) {
        this.sweep();
        this.lookAtRows();
      }
    } finally {
      this.delivering = false;
    }
  }

  /**
   * An ask that was overwritten, or is not written yet, shows another round: then any row may have been meant, so all
   * are looked at.
   */
  private lookAtRows(): void {
    const { words, area } = this.section;
    let all = Atomics.exchange(words, area + AREA.askedAll, 0) !== 0;
    const asks = Atomics.load(words, area + AREA.asks);
    if (((asks - this.asked) | 0) > ASKS_MOST) {
      all = true;
      this.asked = asks;
    }
    try {
      while (this.asked !== asks) {
        const row = rowOf(Atomics.load(words, placeOf(area, this.asked)), this.asked);
        this.asked = (this.asked + 1) | 0;
        if (row === 0) all = true;
        else this.watcher?.look(row);
      }
      if (all) this.watcher?.look(0);
    } catch (error) {
      // At the next ring all rows are looked at, including the one that failed.
      Atomics.store(words, area + AREA.askedAll, 1);
      throw error;
    }
  }

  private sweep(): void {
    for (let i = 0; i < this.nodes.chunks.length; i++) {
      const chunk = this.nodes.chunks[i]!;
      if (Atomics.load(this.section.words, chunk + NODE_CHUNK.summary) !== 0) this.sweepChunk(chunk);
    }
  }

  private sweepChunk(chunk: number): void {
    let filled = Atomics.exchange(this.section.words, chunk + NODE_CHUNK.summary, 0);
    for (; filled !== 0; filled &= filled - 1) {
      const word = BITS - 1 - Math.clz32(filled & -filled);
      let bits = Atomics.load(this.section.words, chunk + NODE_CHUNK.mail + word);
      for (; bits !== 0; bits &= bits - 1) {
        this.tell(chunk, word * BITS + BITS - 1 - Math.clz32(bits & -bits));
      }
    }
  }

  private tell(chunk: number, index: number): void {
    const node = chunk + NODE_CHUNK.nodes + index * NODE.words;
    // Cleared before the node is read: a grant that comes in between sets it again.
    Atomics.and(this.section.words, mailWordOf(chunk, index), ~(1 << (index % BITS)));
    if (node === this.unsaid) {
      queueMicrotask(() => this.take(node));
      return;
    }
    try {
      this.take(node);
    } catch (error) {
      // The lock was busy, or a waiter threw: the rest is left for the next time.
      mark(this.section, node);
      Atomics.store(this.section.words, chunk + NODE_CHUNK.summary, ALL_MAIL_WORDS);
      for (const other of this.nodes.chunks) {
        Atomics.store(this.section.words, other + NODE_CHUNK.summary, ALL_MAIL_WORDS);
      }
      Atomics.store(this.section.words, this.bell, 1);
      throw error;
    }
  }

  private take(node: number): void {
    const { section } = this;
    // Only this thread makes its nodes free, so that can be read without the lock.
    if (section.words[node + NODE.state] === NODE_STATE.free) return;
    const pool = section.words[node + NODE.pool]!;
    section.enter(pool);
    let state: number;
    let lease: OpenLease | undefined;
    try {
      state = section.words[node + NODE.state]!;
      if (state === NODE_STATE.granted) lease = leaseOf(section, node);
      if (state !== NODE_STATE.waiting) section.set(node + NODE.state, NODE_STATE.free);
      section.commit();
    } catch (error) {
      section.rollback();
      throw error;
    } finally {
      section.exit(pool);
    }
    if (state === NODE_STATE.waiting) return;
    const waiter = this.nodes.release(node);
    if (lease === undefined) waiter.refused('no_backends');
    else waiter.granted(lease);
  }
}

/** The lease that a granted node holds for its waiter. Under the lock. */
export function leaseOf(memory: Memory, node: number): OpenLease {
  const { words, doubles } = memory;
  const row = words[node + NODE.row]!;
  return new OpenLease(
    doubles[(words[node + NODE.pool]! + POOL.key) >> 1]!,
    doubles[(row + ROW.key) >> 1]!,
    words[node + NODE.epoch]!,
    doubles[(node + NODE.lease) >> 1]!,
    row,
    doubles[(node + NODE.route) >> 1]!,
  );
}

/** Sets a node's bit in the mail of its thread, and returns that thread. */
export function mark(memory: Memory, node: number): number {
  const { words } = memory;
  const chunk = words[node + NODE.chunk]!;
  const index = words[node + NODE.number]! % NODES_IN_CHUNK;
  Atomics.or(words, mailWordOf(chunk, index), 1 << (index % BITS));
  Atomics.or(words, chunk + NODE_CHUNK.summary, 1 << Math.floor(index / BITS));
  return words[node + NODE.thread]!;
}

function mailWordOf(chunk: number, index: number): number {
  return chunk + NODE_CHUNK.mail + Math.floor(index / BITS);
}

function placeOf(area: number, ask: number): number {
  return area + ASKS_OFFSET + (ask & (ASKS_MOST - 1));
}

/**
 * The round of an ask, in the upper four bits of its place; below it half the row, which is even. An ask that is
 * written late could only be taken for one 16 rounds later.
 */
function roundOf(ask: number): number {
  return (ask & -ASKS_MOST) << ROUND_SHIFT;
}

/** 0: what was found was not written for this ask. */
function rowOf(found: number, ask: number): number {
  return (found & ~ROW_MASK) === roundOf(ask) ? (found & ROW_MASK) << 1 : 0;
}
