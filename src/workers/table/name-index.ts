/**
 * The index of domain names in shared memory: the main thread writes it (`name-index-writer.ts`), workers read it. It
 * keeps 64 bits of a keyed hash of each name, not the name: some 15 bytes per domain. A name that is not found does
 * not exist; one that is found is read from the log, which is authoritative. Two names with the same hash are two
 * entries, so removing one leaves the other.
 *
 *   header · directory: where the page of each prefix of a hash is · pages of slots, two words each, found by linear probing
 *
 * A full page is split in place, so there is never an old table beside a new one, nor a long copy. `lock` is odd during
 * a change and differs after it: a lookup that crosses a change notices and is repeated.
 */

/** Offsets of the words in the header. */
export const HEADER = {
  lock: 0,
  published: 1,
  top: 2,
  size: 3,
  seed: 4,
  otherSeed: 5,
  directory: 6,
  /** How many bits of a hash select its page; a page shared by several prefixes has a smaller depth. */
  depth: 7,
  count: 8,
  words: 16,
} as const;
export const SLOTS = 128;
export const SLOT_MASK = SLOTS - 1;
export const PAGE = { depth: 0, count: 1, slots: 2, words: 2 + 2 * SLOTS } as const;
export const WORD_BYTES = 4;

export type IndexShared = { readonly buffer: SharedArrayBuffer };

/** A thread's read access to the index. */
export class NameIndex {
  readonly shared: IndexShared;
  protected words: Int32Array<SharedArrayBuffer>;
  // The latest hash, as two fields to avoid an object.
  protected low = 0;
  protected high = 0;

  constructor(shared: IndexShared) {
    this.shared = shared;
    this.words = viewOf(shared.buffer);
  }

  /** Odd during a change. If equal before and after a lookup, nothing changed meanwhile. */
  get lock(): number {
    return Atomics.load(this.words, HEADER.lock);
  }

  /** The count of publications that the index includes. */
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

  /** Bytes in use, including free slots. */
  get bytes(): number {
    return this.words[HEADER.top]! * WORD_BYTES;
  }

  /** Hashes text[from, to), so that a name in a long text need not be cut out. */
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

  /** The directory entry of the hash's page. */
  protected get prefix(): number {
    return this.words[HEADER.directory]! + (this.high >>> (32 - this.words[HEADER.depth]!));
  }

  /** The hash's slot; -1: absent. During a change slots may hold anything, but the search ends with the page. */
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

/** Of fixed length, and recreated when the buffer has grown: a length-tracking view is ten times as slow. */
export function viewOf(buffer: SharedArrayBuffer): Int32Array<SharedArrayBuffer> {
  return new Int32Array(buffer, 0, buffer.byteLength / WORD_BYTES);
}
