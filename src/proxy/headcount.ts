/**
 * Counts whatever has a limit: connections of a listener or an address, requests of a domain. If several threads
 * route, they count in shared memory, so that a limit holds for the router, not for each thread.
 */
import { randomBytes } from 'node:crypto';
import { seededKeyOf } from '../../eventlog/index.ts';

export interface Headcount {
  /** False: the limit is reached. Every successful `enter` needs a `leave`. */
  enter(name: string, limit: number): boolean;
  leave(name: string): void;
  /** The count over all threads. */
  present(name: string): number;
}

/** For a thread that routes alone. */
export class OwnHeadcount implements Headcount {
  readonly #present = new Map<string, number>();

  enter(name: string, limit: number): boolean {
    const present = this.#present.get(name) ?? 0;
    if (present >= limit) return false;
    this.#present.set(name, present + 1);
    return true;
  }

  leave(name: string): void {
    const left = (this.#present.get(name) ?? 1) - 1;
    if (left === 0) this.#present.delete(name);
    else this.#present.set(name, left);
  }

  present(name: string): number {
    return this.#present.get(name) ?? 0;
  }
}

export type HeadcountMemory = { readonly cells: Int32Array<SharedArrayBuffer>; readonly threads: number };

/**
 * Names that can be counted at once: a listener's 20 000 connections, each from another address and with a request to
 * another domain, do not fill it. 1 MB for two workers; the system allocates only the pages that are touched.
 */
export const SLOTS = 65_536;
// In a fuller table searches take long. Names that find no room are not counted, and admitted.
const FULL = SLOTS * 0.75;

const LOCK = 0;
const USED = 1;
// Names come from clients and tenants: without a secret seed, one could search for names that collide with another's.
const SEED = 2;
const OTHER_SEED = 3;
const HEADER = 4;
// A slot is the two halves of its key, then one count per thread, so that a dead thread's share can be subtracted.
const KEY = 2;
const FREE = 0;
// The lock is held for well under a microsecond.
const SPINS = 200;
const PAUSE_MS = 1;
// The main thread waits no longer, since only it can free the lock of a dead thread.
const MAIN_PAUSES = 2;

/** Threads are numbered from 0 to one below `threads`. */
export function createHeadcount(threads: number, seed = randomBytes(8)): HeadcountMemory {
  const length = HEADER + SLOTS * (KEY + threads);
  const cells = new Int32Array(new SharedArrayBuffer(length * Int32Array.BYTES_PER_ELEMENT));
  cells[SEED] = seed.readInt32LE(0);
  cells[OTHER_SEED] = seed.readInt32LE(4);
  return { cells, threads };
}

/**
 * Open addressing with linear probing, under one lock word that names its holder. Each count changes by a single store;
 * if a thread dies in between, the main thread reaps it and rebuilds the table from the counts of the others.
 */
export class SharedHeadcount implements Headcount {
  readonly #cells: Int32Array<SharedArrayBuffer>;
  readonly #threads: number;
  readonly #thread: number;
  readonly #stride: number;

  constructor({ cells, threads }: HeadcountMemory, thread: number) {
    this.#cells = cells;
    this.#threads = threads;
    this.#thread = thread;
    this.#stride = KEY + threads;
  }

  enter(name: string, limit: number): boolean {
    const key = this.#keyOf(name);
    this.#lock();
    const at = this.#seat(highOf(key), key | 0);
    const isAllowed = at === -1 || this.#total(at) < limit;
    if (isAllowed && at !== -1) this.#add(at, 1);
    this.#unlock();
    return isAllowed;
  }

  leave(name: string): void {
    const key = this.#keyOf(name);
    this.#lock();
    const at = this.#find(highOf(key), key | 0);
    if (this.#cells[at + 1] !== FREE && this.#own(at) > 0) {
      this.#add(at, -1);
      this.#tidy(at);
    }
    this.#unlock();
  }

  /**
   * Called by the main thread when a thread has exited: removes its counts. False: another thread holds the lock and
   * may be dead too; this thread learns of that in a later turn.
   */
  reap(thread: number): boolean {
    Atomics.compareExchange(this.#cells, LOCK, thread + 1, 0);
    if (!this.#lock(MAIN_PAUSES)) return false;
    const kept = new Map<number, number[]>();
    for (let at = HEADER; at < this.#cells.length; at += this.#stride) {
      if (this.#cells[at + 1] === FREE) continue;
      // A thread that died while moving a slot has left it twice.
      const counts = kept.get(this.#keyAt(at)) ?? new Array<number>(this.#threads).fill(0);
      for (let other = 0; other < this.#threads; other++)
        if (other !== thread) counts[other] = Math.max(counts[other]!, this.#cells[at + KEY + other]!);
      kept.set(this.#keyAt(at), counts);
    }
    this.#cells.fill(0, HEADER);
    this.#cells[USED] = 0;
    for (const [key, counts] of kept) {
      if (counts.every((count) => count === 0)) continue;
      const at = this.#seat(highOf(key), key | 0);
      for (const [other, count] of counts.entries()) this.#cells[at + KEY + other] = count;
    }
    this.#unlock();
    return true;
  }

  present(name: string): number {
    const key = this.#keyOf(name);
    this.#lock();
    const at = this.#find(highOf(key), key | 0);
    const total = this.#cells[at + 1] === FREE ? 0 : this.#total(at);
    this.#unlock();
    return total;
  }

  #keyOf(name: string): number {
    return seededKeyOf(name, this.#cells[SEED]!, this.#cells[OTHER_SEED]!);
  }

  #own(at: number): number {
    return this.#cells[at + KEY + this.#thread]!;
  }

  #add(at: number, change: number): void {
    this.#cells[at + KEY + this.#thread] = this.#own(at) + change;
  }

  #total(at: number): number {
    let total = 0;
    for (let i = at + KEY; i < at + this.#stride; i++) total += this.#cells[i]!;
    return total;
  }

  /** The key's slot, or the free slot where it would go. */
  #find(high: number, low: number): number {
    for (let slot = low & (SLOTS - 1); ; slot = (slot + 1) & (SLOTS - 1)) {
      const at = HEADER + slot * this.#stride;
      const there = this.#cells[at + 1];
      if (there === FREE || (there === high && this.#cells[at] === low)) return at;
    }
  }

  /** The key's slot, added if need be; -1: there is no room. */
  #seat(high: number, low: number): number {
    const at = this.#find(high, low);
    if (this.#cells[at + 1] !== FREE) return at;
    if (this.#cells[USED]! >= FULL) return -1;
    this.#cells[USED] = this.#cells[USED]! + 1;
    this.#cells[at] = low;
    this.#cells[at + 1] = high;
    return at;
  }

  /** Removes a name whose count is zero; slots behind it move up, so that searches still find them. */
  #tidy(at: number): void {
    if (this.#total(at) > 0) return;
    this.#cells[USED] = this.#cells[USED]! - 1;
    const cells = this.#cells;
    const stride = this.#stride;
    let hole = (at - HEADER) / stride;
    for (let slot = (hole + 1) & (SLOTS - 1); ; slot = (slot + 1) & (SLOTS - 1)) {
      const from = HEADER + slot * stride;
      if (cells[from + 1] === FREE) break;
      // A slot may move unless its home lies between the hole and its place.
      const home = cells[from]! & (SLOTS - 1);
      if (((slot - home) & (SLOTS - 1)) < ((slot - hole) & (SLOTS - 1))) continue;
      cells.copyWithin(HEADER + hole * stride, from, from + stride);
      hole = slot;
    }
    const last = HEADER + hole * stride;
    cells.fill(0, last, last + stride);
  }

  #keyAt(at: number): number {
    return (this.#cells[at + 1]! - 1) * 2 ** 32 + (this.#cells[at]! >>> 0);
  }

  /** False: not acquired within so many pauses. */
  #lock(pauses = Number.POSITIVE_INFINITY): boolean {
    const cells = this.#cells;
    const mine = this.#thread + 1;
    for (let tries = 1; ; tries++) {
      const holder = Atomics.compareExchange(cells, LOCK, 0, mine);
      if (holder === 0) return true;
      if (tries % SPINS !== 0) continue;
      if (tries > SPINS * pauses) return false;
      // The holder may be dead; the main thread then frees the lock.
      Atomics.wait(cells, LOCK, holder, PAUSE_MS);
    }
  }

  #unlock(): void {
    Atomics.store(this.#cells, LOCK, 0);
  }
}

/** A key has 52 bits; its upper half is stored plus one, so that it never looks like a free slot. */
function highOf(key: number): number {
  return Math.floor(key / 2 ** 32) + 1;
}
