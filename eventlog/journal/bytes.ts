/** Numbers and text as bytes and back: the encoding of the journal's records, blocks and checkpoints. */
import assert from 'node:assert/strict';

// From this length on, the native copy is worth the call; below it, a loop is faster.
const LONG_TEXT = 96;
const FIRST_BYTES = 4096;

const scratchDouble = new Float64Array(1);
const scratchBytes = new Uint8Array(scratchDouble.buffer);

/** Writes at `at` and advances it. The caller has ensured that there is enough room, or calls `reserve`. */
export class ByteWriter {
  bytes: Uint8Array;
  at: number;

  constructor(bytes: Uint8Array = new Uint8Array(FIRST_BYTES), at = 0) {
    this.bytes = bytes;
    this.at = at;
  }

  /** Makes room for this many more bytes; only for a writer over memory of its own. */
  reserve(bytes: number): void {
    if (this.at + bytes <= this.bytes.length) return;
    const grown = new Uint8Array(Math.max(2 * this.bytes.length, this.at + bytes));
    grown.set(this.bytes);
    this.bytes = grown;
  }

  written(): Uint8Array {
    return this.bytes.subarray(0, this.at);
  }

  byte(value: number): void {
    this.bytes[this.at++] = value;
  }

  /** A whole number from 0 to 2^53: 7 bits per byte, the low ones first. At most 8 bytes. */
  count(value: number): void {
    const { bytes } = this;
    let rest = value;
    let at = this.at;
    if (rest < 0x80) {
      bytes[at] = rest;
      this.at = at + 1;
      return;
    }
    while (rest > 0x7fffffff) {
      bytes[at++] = (rest % 128) | 0x80;
      rest = Math.floor(rest / 128);
    }
    while (rest > 0x7f) {
      bytes[at++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    bytes[at] = rest;
    this.at = at + 1;
  }

  /** A whole number of 52 bits, as likely large as small: 7 bytes. */
  key(value: number): void {
    const high = Math.floor(value / 2 ** 32);
    const { bytes } = this;
    const at = this.at + 4;
    this.word32(value | 0);
    bytes[at] = high;
    bytes[at + 1] = high >>> 8;
    bytes[at + 2] = high >>> 16;
    this.at = at + 3;
  }

  /** A whole number between ±2^52: the sign is the lowest bit, so that small numbers are short. */
  whole(value: number): void {
    this.count(value < 0 ? -2 * value - 1 : 2 * value);
  }

  /** Any double, exactly. */
  double(value: number): void {
    scratchDouble[0] = value;
    const { bytes } = this;
    const at = this.at;
    for (let i = 0; i < 8; i++) bytes[at + i] = scratchBytes[i]!;
    this.at = at + 8;
  }

  /** 32 bits, little-endian. */
  word32(value: number): void {
    this.word32At(this.at, value);
    this.at += 4;
  }

  word32At(at: number, value: number): void {
    const { bytes } = this;
    bytes[at] = value;
    bytes[at + 1] = value >>> 8;
    bytes[at + 2] = value >>> 16;
    bytes[at + 3] = value >>> 24;
  }

  /** Characters up to U+00FF, as heads are read; only the low byte of any other. */
  text(text: string): void {
    const { length } = text;
    this.count(length);
    const { bytes } = this;
    const at = this.at;
    if (length >= LONG_TEXT) Buffer.from(bytes.buffer, bytes.byteOffset + at, length).write(text, 'latin1');
    else for (let i = 0; i < length; i++) bytes[at + i] = text.charCodeAt(i);
    this.at = at + length;
  }

  /**
   * Characters as in `text`, without their number: at most `most`, and none from the first with code `until` on. Returns
   * how many.
   */
  letters(text: string, most: number, until: number): number {
    const length = Math.min(text.length, most);
    const { bytes, at } = this;
    let i = 0;
    for (; i < length; i++) {
      const code = text.charCodeAt(i);
      if (code === until) break;
      bytes[at + i] = code;
    }
    this.at = at + i;
    return i;
  }

  copy(from: Uint8Array): void {
    this.bytes.set(from, this.at);
    this.at += from.length;
  }
}

/** Reads what a `ByteWriter` wrote, from bytes that may be damaged; throws past the end. */
export class ByteReader {
  readonly bytes: Uint8Array;
  at: number;
  readonly end: number;

  constructor(bytes: Uint8Array, at = 0, end = bytes.length) {
    this.bytes = bytes;
    this.at = at;
    this.end = end;
  }

  get isDone(): boolean {
    return this.at >= this.end;
  }

  byte(): number {
    assert(this.at < this.end, 'expected another byte, found the end');
    return this.bytes[this.at++]!;
  }

  count(): number {
    let value = 0;
    let scale = 1;
    for (;;) {
      const byte = this.byte();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 128;
      assert(scale < 2 ** 56, 'expected a number of at most 53 bits');
    }
  }

  key(): number {
    const low = this.byte() | (this.byte() << 8) | (this.byte() << 16) | (this.byte() << 24);
    const high = this.byte() | (this.byte() << 8) | (this.byte() << 16);
    return high * 2 ** 32 + (low >>> 0);
  }

  whole(): number {
    const value = this.count();
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  double(): number {
    for (let i = 0; i < 8; i++) scratchBytes[i] = this.byte();
    return scratchDouble[0]!;
  }

  text(): string {
    const length = this.count();
    const { bytes, at } = this;
    this.#skip(length);
    return Buffer.from(bytes.buffer, bytes.byteOffset + at, length).toString('latin1');
  }

  slice(length: number): Uint8Array {
    const { at } = this;
    this.#skip(length);
    return this.bytes.subarray(at, this.at);
  }

  #skip(length: number): void {
    if (this.at + length > this.end)
      throw new RangeError(`expected ${length} bytes at byte ${this.at}, found ${this.end - this.at}`);
    this.at += length;
  }
}
