/**
 * Which domains there are, in memory that all threads share: the main thread writes, workers look. It keeps 64 bits of a
 * keyed hash of each name, not the name: some 11 to 22 bytes a domain. A name that is not there is known not to be; one that
 * seems to be there is read from the log, which tells the truth. Two names of one hash are two entries, so that removing
 * one leaves the other.
 *
 *   header · table of shards (where, mask, count) · slots, two words each, found by linear probing
 *
 * A look that crosses a change is told so (`lock` is odd during one, and differs after) and is made again.
 */
import { randomBytes } from 'node:crypto';
import type { Position, Recorded } from '../../eventlog/index.ts';

const HEADER = { lock: 0, published: 1, top: 2, size: 3, seed: 4, otherSeed: 5, words: 16 } as const;
const SHARD = { at: 0, mask: 1, count: 2, words: 4 } as const;
// 256: one of them, in a million, grows by 64 KiB, which takes less than a tenth of a millisecond.
const SHARDS = 256;
const FIRST_SLOTS = 64;
const SLOTS_FROM = HEADER.words + SHARDS * SHARD.words;
// Three quarters: a look for what is not there ends after some eight slots, on one or two cache lines.
const FULL = 0.75;
const WORD_BYTES = 4;
const PREFIX = 'domain-'.length;
const GROWTH_WORDS = 1 << 18;
// 1 GiB of addresses, not of memory: room for some 50 million names.
const RESERVE_BYTES = 2 ** 30;

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
    let names = 0;
    for (let shard = 0; shard < SHARDS; shard++) names += this.words[shardAt(shard) + SHARD.count]!;
    return names;
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

  protected get shard(): number {
    return shardAt(this.high >>> 24);
  }

  /** Where the hash is; -1: nowhere. A slot seen during a change may be anything, but the walk ends with the table. */
  protected find(): number {
    const { words, shard, low, high } = this;
    const at = words[shard + SHARD.at]!;
    const mask = words[shard + SHARD.mask]!;
    for (let step = 0, slot = low & mask; step <= mask; step++, slot = (slot + 1) & mask) {
      const place = at + 2 * slot;
      const foundLow = words[place];
      const foundHigh = words[place + 1];
      if (foundLow === low && foundHigh === high) return place;
      if (foundLow === 0 && foundHigh === 0) return -1;
    }
    return -1;
  }
}

/** The main thread's hand in it. */
export class NameIndexWriter extends NameIndex {
  readonly #free = new Map<number, number[]>();
  #position: Position = 0;

  constructor(seed = randomBytes(8)) {
    super({ buffer: newBuffer() });
    const { words } = this;
    words[HEADER.size] = words.length;
    words[HEADER.top] = SLOTS_FROM;
    words[HEADER.seed] = seed.readInt32LE(0);
    words[HEADER.otherSeed] = seed.readInt32LE(4);
    for (let shard = 0; shard < SHARDS; shard++) {
      this.#place(shardAt(shard), this.#allocate(2 * FIRST_SLOTS), FIRST_SLOTS);
    }
  }

  /** Every domain's stream there is as of a position, a line each; what happened until then needs not be told. */
  load(read: (visit: (streams: string) => void) => Position): void {
    this.#position = read((streams) => {
      for (let from = 0; from < streams.length; ) {
        const end = streams.indexOf('\n', from);
        const to = end === -1 ? streams.length : end;
        this.hash(streams, from + PREFIX, to);
        this.#addHashed();
        from = to + 1;
      }
    });
  }

  /** What a publication changes, and `publish` with it, as one step to whoever looks. */
  apply(events: readonly Recorded[], publish: () => number): void {
    Atomics.add(this.words, HEADER.lock, 1);
    try {
      for (const event of events) if (event.position > this.#position) this.#take(event);
      this.#position = Math.max(this.#position, events.at(-1)?.position ?? 0);
      Atomics.store(this.words, HEADER.published, publish());
    } finally {
      Atomics.add(this.words, HEADER.lock, 1);
    }
  }

  add(name: string): void {
    this.hash(name, 0, name.length);
    this.#addHashed();
  }

  #addHashed(): void {
    const { shard, words } = this;
    if (words[shard + SHARD.count]! + 1 > FULL * (words[shard + SHARD.mask]! + 1)) this.#grow(shard);
    this.#put(shard, this.low, this.high);
    this.words[shard + SHARD.count]! += 1;
  }

  remove(name: string): void {
    this.hash(name, 0, name.length);
    const place = this.find();
    if (place < 0) return;
    const { shard } = this;
    this.words[shard + SHARD.count]! -= 1;
    this.#close(shard, place);
  }

  #take(event: Recorded): void {
    if (event.type === 'DomainCreated') this.add(event.stream.slice(PREFIX));
    else if (event.type === 'DomainRemoved') this.remove(event.stream.slice(PREFIX));
  }

  #put(shard: number, low: number, high: number): void {
    const { words } = this;
    const at = words[shard + SHARD.at]!;
    const mask = words[shard + SHARD.mask]!;
    let slot = low & mask;
    while (words[at + 2 * slot] !== 0 || words[at + 2 * slot + 1] !== 0) slot = (slot + 1) & mask;
    words[at + 2 * slot] = low;
    words[at + 2 * slot + 1] = high;
  }

  /** Takes an entry out and moves up those behind it that would not be found across the gap. */
  #close(shard: number, place: number): void {
    const { words } = this;
    const at = words[shard + SHARD.at]!;
    const mask = words[shard + SHARD.mask]!;
    let gap = (place - at) >> 1;
    for (let slot = (gap + 1) & mask; ; slot = (slot + 1) & mask) {
      const low = words[at + 2 * slot]!;
      const high = words[at + 2 * slot + 1]!;
      if (low === 0 && high === 0) break;
      // How far it lies from where it belongs, and how far the gap does.
      if (((slot - low) & mask) < ((slot - gap) & mask)) continue;
      words[at + 2 * gap] = low;
      words[at + 2 * gap + 1] = high;
      gap = slot;
    }
    words[at + 2 * gap] = 0;
    words[at + 2 * gap + 1] = 0;
  }

  #grow(shard: number): void {
    const { low, high } = this;
    const old = this.words[shard + SHARD.at]!;
    const slots = this.words[shard + SHARD.mask]! + 1;
    this.#place(shard, this.#allocate(4 * slots), 2 * slots);
    const { words } = this;
    for (let place = old; place < old + 2 * slots; place += 2) {
      if (words[place] !== 0 || words[place + 1] !== 0) this.#put(shard, words[place]!, words[place + 1]!);
    }
    const free = this.#free.get(2 * slots) ?? [];
    this.#free.set(2 * slots, free);
    free.push(old);
    this.low = low;
    this.high = high;
  }

  #place(shard: number, at: number, slots: number): void {
    this.words[shard + SHARD.at] = at;
    this.words[shard + SHARD.mask] = slots - 1;
  }

  /** Words that are zero: given back ones of the same number, else new ones. */
  #allocate(words: number): number {
    const free = this.#free.get(words)?.pop();
    if (free !== undefined) {
      this.words.fill(0, free, free + words);
      return free;
    }
    const at = this.words[HEADER.top]!;
    if (at + words > this.words.length) this.#enlarge(at + words);
    this.words[HEADER.top] = at + words;
    return at;
  }

  #enlarge(words: number): void {
    const { buffer } = this.shared;
    const most = buffer.maxByteLength / WORD_BYTES;
    if (words > most) throw new RangeError(`expected at most ${most} words of names, found need of ${words}`);
    buffer.grow(Math.min(most, Math.ceil(words / GROWTH_WORDS) * GROWTH_WORDS) * WORD_BYTES);
    this.words = viewOf(buffer);
    Atomics.store(this.words, HEADER.size, this.words.length);
  }
}

function shardAt(shard: number): number {
  return HEADER.words + shard * SHARD.words;
}

/** Of fixed length, made anew when the buffer has grown: one that tracks its length costs ten times as much. */
function viewOf(buffer: SharedArrayBuffer): Int32Array<SharedArrayBuffer> {
  return new Int32Array(buffer, 0, buffer.byteLength / WORD_BYTES);
}

function newBuffer(): SharedArrayBuffer {
  return new SharedArrayBuffer(GROWTH_WORDS * WORD_BYTES, { maxByteLength: RESERVE_BYTES });
}
