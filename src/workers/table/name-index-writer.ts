/** The main thread's side of the name index: full pages are split, and the directory deepens with them. */
import { randomBytes } from 'node:crypto';
import type { Happened, Packed, Position, Recorded } from '../../../eventlog/index.ts';
import { HEADER, NameIndex, PAGE, SLOT_MASK, SLOTS, viewOf, WORD_BYTES } from './name-index.ts';

const FIRST_DEPTH = 4;
// 70 million names use 20 bits. More are needed only for hashes with long common prefixes; beyond this depth those must
// fit into one page.
const MAX_DEPTH = 24;
// Seven eighths: in the fullest pages an unsuccessful lookup ends after some 30 slots, which are four cache lines.
const FULL = (7 / 8) * SLOTS;
const PREFIX = 'domain-'.length;
const GROWTH_WORDS = 1 << 18;
// 1 GiB of addresses, not of memory: enough for some 70 million names.
const RESERVE_BYTES = 2 ** 30;

export class NameIndexWriter extends NameIndex {
  #position: Position = 0;

  constructor(seed = randomBytes(8)) {
    super({ buffer: newBuffer() });
    const { words } = this;
    words[HEADER.size] = words.length;
    words[HEADER.top] = HEADER.words;
    words[HEADER.seed] = seed.readInt32LE(0);
    words[HEADER.otherSeed] = seed.readInt32LE(4);
    words[HEADER.directory] = this.#allocate(2 ** FIRST_DEPTH);
    words[HEADER.depth] = FIRST_DEPTH;
    for (let prefix = 0; prefix < 2 ** FIRST_DEPTH; prefix++)
      words[words[HEADER.directory]! + prefix] = this.#newPage(FIRST_DEPTH);
  }

  /** Adds the stream of every domain as of a position, one per line; later calls skip events up to it. */
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

  /** Applies a publication and calls `publish`, as one step for readers. */
  apply(happened: Happened, publish: () => number): void {
    Atomics.add(this.words, HEADER.lock, 1);
    try {
      if (happened.packed !== undefined && happened.first > this.#position) this.#takePacked(happened.packed);
      else for (const event of happened.events) if (event.position > this.#position) this.#take(event);
      this.#position = Math.max(this.#position, happened.last);
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
    let page = this.words[this.prefix]!;
    while (this.words[page + PAGE.count]! >= FULL && this.words[page + PAGE.depth]! < MAX_DEPTH) {
      this.#split(page);
      page = this.words[this.prefix]!;
    }
    // One slot always stays empty, to end every search.
    if (this.words[page + PAGE.count]! >= SLOTS - 1)
      throw new RangeError(`expected at most ${SLOTS - 1} names of one hash`);
    this.#put(page, this.low, this.high);
    this.words[HEADER.count]! += 1;
  }

  remove(name: string): void {
    this.hash(name, 0, name.length);
    this.#removeHashed();
  }

  #removeHashed(): void {
    const place = this.find();
    if (place < 0) return;
    const page = this.words[this.prefix]!;
    this.words[page + PAGE.count]! -= 1;
    this.words[HEADER.count]! -= 1;
    this.#close(page + PAGE.slots, place);
  }

  #take(event: Recorded): void {
    if (event.type === 'DomainCreated') this.add(event.stream.slice(PREFIX));
    else if (event.type === 'DomainRemoved') this.remove(event.stream.slice(PREFIX));
  }

  #takePacked({ streams, presence }: Packed): void {
    for (let place = 0, from = 0; place < presence.length; place++) {
      const end = streams.indexOf('\n', from);
      const to = end === -1 ? streams.length : end;
      if (presence[place] !== '=') {
        this.hash(streams, from + PREFIX, to);
        if (presence[place] === '+') this.#addHashed();
        else this.#removeHashed();
      }
      from = to + 1;
    }
  }

  #put(page: number, low: number, high: number): void {
    const { words } = this;
    const at = page + PAGE.slots;
    let slot = low & SLOT_MASK;
    while (words[at + 2 * slot] !== 0 || words[at + 2 * slot + 1] !== 0) slot = (slot + 1) & SLOT_MASK;
    words[at + 2 * slot] = low;
    words[at + 2 * slot + 1] = high;
    words[page + PAGE.count]! += 1;
  }

  /** Removes an entry and moves up those behind it that a search would no longer find across the gap. */
  #close(at: number, place: number): void {
    const { words } = this;
    let gap = (place - at) >> 1;
    for (let slot = (gap + 1) & SLOT_MASK; ; slot = (slot + 1) & SLOT_MASK) {
      const low = words[at + 2 * slot]!;
      const high = words[at + 2 * slot + 1]!;
      if (low === 0 && high === 0) break;
      // The entry's distance from its home, and from the gap.
      if (((slot - low) & SLOT_MASK) < ((slot - gap) & SLOT_MASK)) continue;
      words[at + 2 * gap] = low;
      words[at + 2 * gap + 1] = high;
      gap = slot;
    }
    words[at + 2 * gap] = 0;
    words[at + 2 * gap + 1] = 0;
  }

  /** Splits the hash's page by one more bit; half of the prefixes that led to it now lead to the new page. */
  #split(page: number): void {
    const depth = this.words[page + PAGE.depth]! + 1;
    if (depth > this.words[HEADER.depth]!) this.#deepen();
    const other = this.#newPage(depth);
    const { words } = this;
    const held = words.slice(page + PAGE.slots, page + PAGE.words);
    words.fill(0, page + PAGE.count, page + PAGE.words);
    words[page + PAGE.depth] = depth;
    for (let entry = 0; entry < held.length; entry += 2) {
      const low = held[entry]!;
      const high = held[entry + 1]!;
      if (low !== 0 || high !== 0) this.#put(isSecond(high, depth) ? other : page, low, high);
    }
    const spare = words[HEADER.depth]! - depth;
    const all = 2 ** (spare + 1);
    const from = Math.floor((this.high >>> (32 - words[HEADER.depth]!)) / all) * all;
    words.fill(other, words[HEADER.directory]! + from + all / 2, words[HEADER.directory]! + from + all);
  }

  /** Doubles the directory. The old ones stay allocated; together they are smaller than the present one. */
  #deepen(): void {
    const depth = this.words[HEADER.depth]!;
    const directory = this.#allocate(2 ** (depth + 1));
    const { words } = this;
    const former = words[HEADER.directory]!;
    for (let prefix = 0; prefix < 2 ** (depth + 1); prefix++)
      words[directory + prefix] = words[former + (prefix >> 1)]!;
    words[HEADER.directory] = directory;
    words[HEADER.depth] = depth + 1;
  }

  #newPage(depth: number): number {
    const page = this.#allocate(PAGE.words);
    this.words[page + PAGE.depth] = depth;
    return page;
  }

  /** Returns zeroed words. */
  #allocate(words: number): number {
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

function isSecond(high: number, depth: number): boolean {
  return ((high >>> (32 - depth)) & 1) === 1;
}

function newBuffer(): SharedArrayBuffer {
  return new SharedArrayBuffer(GROWTH_WORDS * WORD_BYTES, { maxByteLength: RESERVE_BYTES });
}
