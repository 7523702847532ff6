/** One thread's window on the arena: a growable shared buffer whose memory is allocated and never freed. */

import type { ArenaOptions } from '../ledger.ts';
import { SLOT_WORDS } from '../record/record-layout.ts';
import { AREA, ARENA, CLAIM, MAGIC, RING_OFFSET, ROW } from './layout.ts';

const WORD_BYTES = 4;
const LINE_WORDS = 16;
const MIN_GROWTH_WORDS = 1 << 18;
// 255: the greatest number that the owner's bits of a lock word can hold.
export const THREADS_MAX = 255;
// 1 GiB of addresses, not of memory: room for half a million pools of four backends.
const RESERVE_BYTES = 2 ** 30;
// 16 384 records: a third of a second of a busy worker, longer than a group commit of the journal takes.
const RECORD_SLOTS = 16_384;

export class Memory {
  readonly buffer: SharedArrayBuffer;
  // Views of fixed length, remade after the buffer has grown: a length-tracking view costs ten times as much.
  words: Int32Array;
  doubles: Float64Array;

  constructor(buffer: SharedArrayBuffer) {
    this.buffer = buffer;
    this.words = new Int32Array(buffer, 0, buffer.byteLength / WORD_BYTES);
    this.doubles = new Float64Array(buffer, 0, buffer.byteLength / WORD_BYTES / 2);
  }

  get threads(): number {
    return this.words[ARENA.threads]!;
  }

  areaOf(thread: number): number {
    return this.words[ARENA.areas]! + thread * this.words[ARENA.areaWords]!;
  }

  /** Afterwards everything that is reachable lies within the views. */
  look(): void {
    if (Atomics.load(this.words, ARENA.size) !== this.words.length) this.remap();
  }

  /** Allocates words of zeros at the start of a cache line. Any thread may call it, outside any lock. */
  allocate(words: number): number {
    const whole = Math.ceil(words / LINE_WORDS) * LINE_WORDS;
    for (;;) {
      const at = Atomics.load(this.words, ARENA.top);
      const end = at + whole;
      this.growTo(end);
      // Last: a thread that finds no room, or dies before, takes none from the others, not even for a moment.
      if (Atomics.compareExchange(this.words, ARENA.top, at, end) !== at) continue;
      this.look();
      return at;
    }
  }

  private growTo(end: number): void {
    if (end * WORD_BYTES > this.buffer.maxByteLength) {
      throw new RangeError(
        `expected at most ${this.buffer.maxByteLength} bytes of ledgers, found need of ${end * WORD_BYTES}`,
      );
    }
    while (Atomics.load(this.words, ARENA.size) < end) {
      const most = this.buffer.maxByteLength / WORD_BYTES;
      const wanted = Math.min(most, Math.max(end, Atomics.load(this.words, ARENA.size) + MIN_GROWTH_WORDS));
      try {
        this.buffer.grow(wanted * WORD_BYTES);
      } catch (error) {
        // Another thread may have grown it further meanwhile; anything else is a failure.
        if (this.buffer.byteLength < wanted * WORD_BYTES) throw error;
      }
      this.raiseSize(this.buffer.byteLength / WORD_BYTES);
    }
  }

  private raiseSize(size: number): void {
    for (;;) {
      const found = Atomics.load(this.words, ARENA.size);
      if (found >= size || Atomics.compareExchange(this.words, ARENA.size, found, size) === found) return;
    }
  }

  private remap(): void {
    const size = Atomics.load(this.words, ARENA.size);
    this.words = new Int32Array(this.buffer, 0, size);
    this.doubles = new Float64Array(this.buffer, 0, size >> 1);
  }
}

/** A new arena with an area for each thread and nothing in it. */
export function createBuffer(options: ArenaOptions): SharedArrayBuffer {
  const { threads } = options;
  if (!(threads >= 1 && threads <= THREADS_MAX)) {
    throw new RangeError(`expected 1 to ${THREADS_MAX} threads, found ${threads}`);
  }
  const slots = options.record ? (options.recordSlots ?? RECORD_SLOTS) : 0;
  if ((slots & (slots - 1)) !== 0)
    throw new RangeError(`expected a power of two of record slots, found ${slots}`);
  const areaWords = Math.ceil((RING_OFFSET + slots * SLOT_WORDS) / LINE_WORDS) * LINE_WORDS;
  const top = ARENA.words + threads * areaWords;
  const size = top + MIN_GROWTH_WORDS;
  const buffer = new SharedArrayBuffer(size * WORD_BYTES, {
    maxByteLength: size * WORD_BYTES + (options.reserveBytes ?? RESERVE_BYTES),
  });
  const words = new Int32Array(buffer, 0, size);
  words[ARENA.magic] = MAGIC;
  words[ARENA.threads] = threads;
  words[ARENA.recordSlots] = slots;
  words[ARENA.size] = size;
  words[ARENA.top] = top;
  words[ARENA.areas] = ARENA.words;
  words[ARENA.areaWords] = areaWords;
  const claims = ROW.shadows + threads;
  const row = options.claims === false ? claims : claims + threads * CLAIM.words;
  words[ARENA.claims] = options.claims === false ? 0 : claims;
  words[ARENA.rowWords] = row + (row & 1);
  return buffer;
}

/** Where a thread's bell is. */
export function bellOf(memory: Memory, thread: number): number {
  return memory.areaOf(thread) + AREA.bell;
}
