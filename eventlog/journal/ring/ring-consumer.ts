/** The reading end of a ring: it reads frames in place, and frees their space once they are committed. */
import { frameKind, frameLength } from './frame.ts';
import type { JournalMemory } from './memory.ts';

export class RingConsumer {
  readonly bytes: Uint8Array;
  readonly words: Int32Array;
  readonly doubles: Float64Array;
  readonly #control: Int32Array;
  readonly #head: number;
  readonly #tail: number;
  readonly #lost: number;
  /** How far it has read; everything before the tail was committed. */
  position: number;

  constructor(memory: JournalMemory, ring: number) {
    this.bytes = new Uint8Array(memory.buffer, memory.bytesOf(ring), memory.ringBytes);
    this.words = new Int32Array(memory.buffer, memory.bytesOf(ring), memory.ringBytes / 4);
    this.doubles = new Float64Array(memory.buffer, memory.bytesOf(ring), memory.ringBytes / 8);
    this.#control = memory.words;
    this.#head = memory.headOf(ring);
    this.#tail = memory.tailOf(ring);
    this.#lost = memory.lostOf(ring);
    this.position = Atomics.load(memory.words, this.#tail);
  }

  /**
   * Shows the frames that are there now, oldest first, until `each` returns false, which leaves that frame for the next
   * time. A frame begins at byte `offset` of the ring and never wraps around.
   */
  look(each: (kind: number, offset: number, length: number) => boolean): void {
    const head = Atomics.load(this.#control, this.#head);
    const mask = this.bytes.length - 1;
    while (this.position !== head) {
      const offset = this.position & mask;
      const word = this.words[offset >> 2]!;
      const length = frameLength(word);
      if (length === 0 || offset + length > this.bytes.length)
        throw new RangeError(`expected a frame at byte ${offset} of a ring, found ${word}`);
      if (!each(frameKind(word), offset, length)) return;
      this.position = (this.position + length) | 0;
    }
  }

  /** What was read is committed. */
  release(): void {
    Atomics.store(this.#control, this.#tail, this.position);
  }

  /** What was read and not released will be read again. */
  rewind(): void {
    this.position = Atomics.load(this.#control, this.#tail);
  }

  /** Drops what is there now without reading it. */
  discard(): void {
    this.position = Atomics.load(this.#control, this.#head);
    this.release();
  }

  /** An earlier writer had committed up to here, and may have died before it could release it. Never goes back. */
  resume(position: number): void {
    const tail = Atomics.load(this.#control, this.#tail);
    const head = Atomics.load(this.#control, this.#head);
    if ((position - tail) >>> 0 > (head - tail) >>> 0) return;
    this.position = position | 0;
    this.release();
  }

  get usedBytes(): number {
    return (Atomics.load(this.#control, this.#head) - this.position) | 0;
  }

  /** Records that found the ring full, since the memory was made; wraps at 2^32. */
  get lost(): number {
    return Atomics.load(this.#control, this.#lost);
  }
}
