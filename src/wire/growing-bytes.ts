/**
 * Bytes that arrive in pieces, in one buffer that doubles: cheap even byte by byte, where a buffer per piece would
 * take hundreds.
 */

// 4 KiB: holds most heads completely.
const FIRST_BYTES = 4096;

export class GrowingBytes {
  bytes = Buffer.allocUnsafe(FIRST_BYTES);
  length = 0;

  append(from: Buffer, start: number, end: number): void {
    const needed = this.length + end - start;
    if (needed > this.bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(needed, this.bytes.length * 2));
      this.bytes.copy(larger, 0, 0, this.length);
      this.bytes = larger;
    }
    from.copy(this.bytes, this.length, start, end);
    this.length = needed;
  }
}
