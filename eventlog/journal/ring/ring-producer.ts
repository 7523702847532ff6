/**
 * The writing end of a thread's ring: it writes frames in place and never waits. A full ring loses them and counts
 * the loss.
 */
import { ByteWriter } from '../bytes.ts';
import { FRAME, frameWord, wholeDoubles } from './frame.ts';
import { JournalMemory, type JournalShared } from './memory.ts';

export class RingProducer extends ByteWriter {
  /** What the writer reports about itself. */
  readonly writerStatus: Float64Array;
  readonly #control: Int32Array;
  readonly #ring: Int32Array;
  readonly #doubles: Float64Array;
  readonly #head: number;
  readonly #tail: number;
  readonly #lost: number;
  #position: number;
  #from = 0;

  /** `ring`: used by this thread alone for as long as it lives. */
  constructor(shared: JournalShared, ring: number) {
    const memory = new JournalMemory(shared);
    super(new Uint8Array(shared.buffer, memory.bytesOf(ring), memory.ringBytes));
    this.writerStatus = memory.writerStatus;
    this.#control = memory.words;
    this.#ring = new Int32Array(shared.buffer, memory.bytesOf(ring), memory.ringBytes / 4);
    this.#doubles = new Float64Array(shared.buffer, memory.bytesOf(ring), memory.ringBytes / 8);
    this.#head = memory.headOf(ring);
    this.#tail = memory.tailOf(ring);
    this.#lost = memory.lostOf(ring);
    this.#position = Atomics.load(memory.words, this.#head);
  }

  /** Makes room for a frame of at most this many bytes, including its first word; false: there is none, which is counted. */
  begin(mostBytes: number): boolean {
    const size = this.bytes.length;
    const offset = this.#position & (size - 1);
    const pad = offset + mostBytes > size ? size - offset : 0;
    // A plain read: a tail seen late makes the ring look fuller than it is.
    const used = (this.#position - this.#control[this.#tail]!) | 0;
    if (used + pad + wholeDoubles(mostBytes) > size) {
      this.#control[this.#lost] = (this.#control[this.#lost]! + 1) | 0;
      return false;
    }
    if (pad > 0) {
      this.#ring[offset >> 2] = frameWord(pad, FRAME.pad);
      this.#position = (this.#position + pad) | 0;
    }
    this.#from = pad > 0 ? 0 : offset;
    this.at = this.#from + 4;
    return true;
  }

  /** From 0 to 1. */
  get fullness(): number {
    return ((this.#position - this.#control[this.#tail]!) | 0) / this.bytes.length;
  }

  /** Writes a word of the frame; its first word has index 0. */
  word(index: number, value: number): void {
    this.#ring[(this.#from >> 2) + index] = value;
  }

  /** Writes a double at an even word of the frame. */
  number(index: number, value: number): void {
    this.#doubles[(this.#from >> 3) + (index >> 1)] = value;
  }

  /** Publishes what was written since `begin` to the writer. */
  end(kind: number): void {
    const length = wholeDoubles(this.at - this.#from);
    this.#ring[this.#from >> 2] = frameWord(length, kind);
    this.#position = (this.#position + length) | 0;
    Atomics.store(this.#control, this.#head, this.#position);
  }
}
