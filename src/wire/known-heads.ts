/**
 * Remembers parsed heads. A client sends the same fields with every request of a connection, and a backend often the
 * same head within a second: a head that is byte for byte the same means the same, and is not parsed again. That
 * takes 70 to 120 ns, while parsing takes 800 to 1 000.
 *
 * Few heads are kept, shared by all connections of a worker, so that idle connections hold no memory; each connection
 * remembers a place, whose content may have changed. If heads do not repeat, most are not stored.
 */
import { areSame, wordsOf } from './words.ts';

/** The parsed meaning of a head, or of its fields. */
export interface Remembered {
  /** Whether the other was parsed under the same conditions, so that equal bytes have equal meaning. */
  isAs(other: this): boolean;
}

export type KnownHead<M extends Remembered> = {
  readonly meaning: M;
  readonly length: number;
  readonly words: DataView;
};

/** No place. */
export const NOWHERE = -1;

// 256: at most half a megabyte, with 2 KiB per head; browsers and API clients send a third of that.
const PLACES = 256;
const MOST_BYTES = 2048;
// Learning costs about as much as four hits save; one miss in 64 is learnt in any case, since traffic changes.
const COST = 4;
const MOST_CREDIT = 1024;
const NEVERTHELESS = 64;

export class KnownHeads<M extends Remembered> {
  readonly #heads: (KnownHead<M> | undefined)[] = new Array(PLACES).fill(undefined);
  /** The place of the latest head of each length, so that the same head on many connections is stored once. */
  readonly #lastOfLength = new Int16Array(MOST_BYTES + 1).fill(NOWHERE);
  #next = 0;
  #credit = MOST_CREDIT;
  #missed = 0;

  /** The head at this place, if the bytes begin with it. */
  find(place: number, buffer: Buffer, from: number, end: number): KnownHead<M> | undefined {
    const head = place === NOWHERE ? undefined : this.#heads[place];
    if (head === undefined || head.length > end - from) return undefined;
    if (!areSame(wordsOf(buffer), from, head.words, 0, head.length)) return undefined;
    if (this.#credit < MOST_CREDIT) this.#credit++;
    return head;
  }

  /** Stores these bytes, a complete head, and returns their place; NOWHERE: not stored. */
  learn(buffer: Buffer, from: number, to: number, meaning: M): number {
    const length = to - from;
    if (length > MOST_BYTES) return NOWHERE;
    const place = this.#lastOfLength[length]!;
    const head = this.#heads[place];
    if (head !== undefined && head.length === length && head.meaning.isAs(meaning)) {
      if (areSame(wordsOf(buffer), from, head.words, 0, length)) return place;
    }
    return this.#mayLearn() ? this.#keep(buffer, from, length, meaning) : NOWHERE;
  }

  #mayLearn(): boolean {
    if (this.#credit >= COST) this.#credit -= COST;
    else if (++this.#missed % NEVERTHELESS !== 0) return false;
    return true;
  }

  #keep(buffer: Buffer, from: number, length: number, meaning: M): number {
    const place = this.#next;
    this.#next = (place + 1) % PLACES;
    const bytes = new Uint8Array(buffer.subarray(from, from + length));
    this.#heads[place] = { meaning, length, words: new DataView(bytes.buffer) };
    this.#lastOfLength[length] = place;
    return place;
  }
}
