/**
 * Checks bytes of a buffer four at a time: nearly all of a head is visible ASCII, and a loop over single bytes is
 * slow.
 */

// A worker reads from clients into one buffer and from backends into another, so two are cached.
let latest: Buffer = Buffer.alloc(0);
let latestWords = viewOf(latest);
let other = latest;
let otherWords = latestWords;

/** A view of the same memory, readable at any offset. */
export function wordsOf(buffer: Buffer): DataView {
  if (buffer === latest) return latestWords;
  if (buffer === other) return otherWords;
  other = latest;
  otherWords = latestWords;
  latest = buffer;
  latestWords = viewOf(buffer);
  return latestWords;
}

/** Skips words of visible ASCII and spaces; the bytes from the returned index up to `stop` are still to be checked. */
export function printableEnd(words: DataView, from: number, stop: number): number {
  const last = stop - 8;
  let at = from;
  // A byte below 0x20 sets its high bit in the first term, 0x7f in the second, one above in the third. Borrows and
  // carries start only from such a byte, so they cannot hide one.
  while (at <= last) {
    const one = words.getInt32(at, true);
    const two = words.getInt32(at + 4, true);
    const odd = (one - 0x20202020) | (one + 0x01010101) | one | (two - 0x20202020) | (two + 0x01010101) | two;
    if ((odd & 0x80808080) !== 0) break;
    at += 8;
  }
  return at;
}

function viewOf(buffer: Buffer): DataView {
  return new DataView(buffer.buffer, buffer.byteOffset, buffer.length);
}

/** Whether `length` bytes are equal in both. */
export function areSame(a: DataView, aFrom: number, b: DataView, bFrom: number, length: number): boolean {
  const last = length - 8;
  let i = 0;
  while (i <= last) {
    const isOdd =
      (a.getInt32(aFrom + i, true) ^ b.getInt32(bFrom + i, true)) |
      (a.getInt32(aFrom + i + 4, true) ^ b.getInt32(bFrom + i + 4, true));
    if (isOdd !== 0) return false;
    i += 8;
  }
  for (; i < length; i++) if (a.getUint8(aFrom + i) !== b.getUint8(bFrom + i)) return false;
  return true;
}
