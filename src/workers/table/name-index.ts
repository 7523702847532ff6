/**
 * The index of domain names in shared memory: the main thread writes it (`name-index-writer.ts`), workers read it. It
 * keeps 64 bits of a keyed hash of each name, not the name: some 15 bytes per domain. A name that is not found does
 * not exist; one that is found is read from the log, which is authoritative. Two names with the same hash are two
 * entries, so removing one leaves the other.
 *
 *   header · directory: where the page of each prefix of a hash is · pages of slots, two words each, found by linear probing
 *
 * A full page becomes two, and what it was is one of them, so there is never an old table beside a new one, nor a long copy.
 * A look that crosses a change is told so (`lock` is odd during one, and differs after) and is made again.
 */

/** Words at the front. */
export const HEADER = {
  lock: 0,
  published: 1,
  top: 2,
  size: 3,
  seed: 4,
  otherSeed: 5,
  directory: 6,
  /** How many bits of a hash choose its page; a page that is shared by several prefixes has fewer. */
  depth: 7,
  count: 8,
  words: 16,
} as const;
export const SLOTS = 128;
export const SLOT_MASK = SLOTS - 1;
export const PAGE = { depth: 0, count: 1, slots: 2, words: 2 + 2 * SLOTS } as const;
export const WORD_BYTES = 4;

export type IndexShared = { readonly buffer: SharedArrayBuffer };

/** A thread's eyes on the index. */
export class NameIndex {
  readonly shared: IndexShared;
  protected words: Int32Array<SharedArrayBuffer>;
  // The hash last made: two numbers without an object for them.
  protected low = 0;
  protected high = 0;

  constructor(shared: IndexShared) {
    this.shared = shared;
    this.words = viewOf(shared.buffer);
  }

  /** Odd: it is being changed. The same before and after a look: nothing was changed meanwhile. */
  get lock(): number {
    return Atomics.load(this.words, HEADER.lock);
  }

  /** The count of publications that it is as of. */
  get published(): number {
    return Atomics.load(this.words, HEADER.published);
  }

  has(name: string): boolean {
    if (Atomics.load(this.words, HEADER.size) !== this.words.length) this.words = viewOf(this.shared.buffer);
    this.hash(name, 0, name.length);
    return this.find() >= 0;
  }

  get size(): number {
    return this.words[HEADER.count]!;
  }

  /** Bytes in use, free ones between included. */
  get bytes(): number {
    return this.words[HEADER.top]! * WORD_BYTES;
  }

  /** Of the characters from one to before another: a name in a long text need not be cut out. */
  protected hash(text: string, from: number, to: number): void {
    let low = this.words[HEADER.seed]!;
    let high = this.words[HEADER.otherSeed]!;
    for (let i = from; i < to; i++) {
      const unit = text.charCodeAt(i);
      low = Math.imul(low ^ unit, 0x9e3779b1);
      low ^= low >>> 15;
      high = Math.imul(high ^ unit, 0x5f356495);
      high ^= high >>> 13;
    }
    low = Math.imul(low ^ (high >>> 16), 0x85ebca6b);
    high = Math.imul(high ^ (low >>> 13), 0xc2b2ae35);
    this.low = low ^ (high >>> 15);
    // An empty slot is two zeros.
    this.high = high === 0 && this.low === 0 ? 1 : high;
  }

  /** Where the hash's page is noted. */
  protected get prefix(): number {
    return this.words[HEADER.directory]! + (this.high >>> (32 - this.words[HEADER.depth]!));
  }

  /** Where the hash is; -1: nowhere. A slot seen during a change may be anything, but the walk ends with the page. */
  protected find(): number {
    const { words, low, high } = this;
    const at = words[this.prefix]! + PAGE.slots;
    for (let step = 0, slot = low & SLOT_MASK; step < SLOTS; step++, slot = (slot + 1) & SLOT_MASK) {
      const place = at + 2 * slot;
      const foundLow = words[place];
      const foundHigh = words[place + 1];
      if (foundLow === low && foundHigh === high) return place;
      if (foundLow === 0 && foundHigh === 0) return -1;
    }
    return -1;
  }
}

/** Of fixed length, made anew when the buffer has grown: one that tracks its length costs ten times as much. */
export function viewOf(buffer: SharedArrayBuffer): Int32Array<SharedArrayBuffer> {
  return new Int32Array(buffer, 0, buffer.byteLength / WORD_BYTES);
}
