/** Hands the rings of records to the journal, packed. Their room is released only once they are committed. */
import type { ByteWriter, OperationSource, PoolIndex } from '../../../../eventlog/index.ts';
import type { LedgerShared } from '../ledger.ts';
import { AREA, ARENA, RING_OFFSET } from '../memory/layout.ts';
import { Memory } from '../memory/memory.ts';
import { SLOT, SLOT_WORDS } from './record-layout.ts';
import { RecordPacker } from './record-packer.ts';
import { slotsFor } from './recorder.ts';

// How far the records of one thread may be written ahead of another's. A journal that is far behind takes the records of
// all threads roughly in order of time; otherwise a ticket would be written long after those that follow it.
const AHEAD_MS = 50;

/** A ring has one reader at a time. */
export function recordSource(shared: LedgerShared): OperationSource {
  return new RingSource(shared);
}

class RingSource implements OperationSource {
  readonly threads: number;
  readonly #memory: Memory;
  readonly #packer = new RecordPacker();
  readonly #positions: Int32Array;
  /** Where the rings ended when `take` began. */
  readonly #heads: Int32Array;
  readonly #slots: number;
  // The record that is being packed: kept here so that no record needs a closure.
  #ring = 0;
  #index = 0;
  readonly #keysAt = (index: number): number => this.#slotAt(this.#ring, (this.#index + 1 + index) | 0);

  constructor({ buffer }: LedgerShared) {
    this.#memory = new Memory(buffer);
    this.threads = this.#memory.threads;
    this.#slots = this.#memory.words[ARENA.recordSlots]!;
    this.#positions = new Int32Array(this.threads);
    this.#heads = new Int32Array(this.threads);
    this.rewind();
  }

  take(into: ByteWriter, pools: PoolIndex, mostBytes: number): number {
    const end = into.at + mostBytes;
    let count = 0;
    let taken: number;
    this.#packer.begin();
    for (let thread = 0; thread < this.threads; thread++) this.#heads[thread] = this.#headOf(thread);
    do {
      const untilMs = this.#oldestMs() + AHEAD_MS;
      taken = 0;
      for (let thread = 0; thread < this.threads; thread++)
        taken += this.#takeFrom(thread, untilMs, into, end);
      count += taken;
    } while (taken > 0);
    this.#packer.finish(pools);
    return count;
  }

  release(): void {
    for (let thread = 0; thread < this.threads; thread++) {
      const tail = this.#memory.areaOf(thread) + AREA.recordTail;
      const position = this.#positions[thread]!;
      if (this.#memory.words[tail] !== position) Atomics.store(this.#memory.words, tail, position);
    }
  }

  rewind(): void {
    for (let thread = 0; thread < this.threads; thread++) this.#positions[thread] = this.#tailOf(thread);
  }

  discard(): void {
    for (let thread = 0; thread < this.threads; thread++) this.#positions[thread] = this.#headOf(thread);
    this.release();
  }

  positionOf(thread: number): number {
    return this.#positions[thread]!;
  }

  resume(thread: number, position: number): void {
    const tail = this.#tailOf(thread);
    // Never backwards, and never beyond what has been published.
    if ((position - tail) >>> 0 > (this.#headOf(thread) - tail) >>> 0) return;
    this.#positions[thread] = position;
    Atomics.store(this.#memory.words, this.#memory.areaOf(thread) + AREA.recordTail, position | 0);
  }

  lost(thread: number): number {
    return Atomics.load(this.#memory.words, this.#memory.areaOf(thread) + AREA.recordsLost);
  }

  fullness(): number {
    let used = 0;
    for (let thread = 0; thread < this.threads; thread++)
      used = Math.max(used, (this.#headOf(thread) - this.#positions[thread]!) | 0);
    return this.#slots === 0 ? 0 : used / this.#slots;
  }

  /** The earliest time among the records to be taken; Infinity: there are none. */
  #oldestMs(): number {
    let oldestMs = Number.POSITIVE_INFINITY;
    for (let thread = 0; thread < this.threads; thread++) {
      const index = this.#positions[thread]!;
      if (index === this.#heads[thread]) continue;
      const slot = this.#slotAt(this.#memory.areaOf(thread) + RING_OFFSET, index);
      oldestMs = Math.min(oldestMs, this.#memory.doubles[(slot + SLOT.nowMs) >> 1]!);
    }
    return oldestMs;
  }

  #takeFrom(thread: number, untilMs: number, into: ByteWriter, end: number): number {
    const { words, doubles } = this.#memory;
    const head = this.#heads[thread]!;
    this.#ring = this.#memory.areaOf(thread) + RING_OFFSET;
    this.#index = this.#positions[thread]!;
    let count = 0;
    while (this.#index !== head && into.at < end) {
      const slot = this.#slotAt(this.#ring, this.#index);
      if (doubles[(slot + SLOT.nowMs) >> 1]! > untilMs) break;
      this.#packer.add(into, this.#memory, slot, this.#keysAt);
      this.#index = (this.#index + slotsFor(words[slot + SLOT.triedCount]!)) | 0;
      count++;
    }
    this.#positions[thread] = this.#index;
    return count;
  }

  #headOf(thread: number): number {
    return Atomics.load(this.#memory.words, this.#memory.areaOf(thread) + AREA.recordsPublished);
  }

  #tailOf(thread: number): number {
    return Atomics.load(this.#memory.words, this.#memory.areaOf(thread) + AREA.recordTail);
  }

  #slotAt(ring: number, index: number): number {
    return ring + (index & (this.#slots - 1)) * SLOT_WORDS;
  }
}
