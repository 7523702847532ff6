/**
 * A frame: the unit of which rings and blocks are a sequence. One word holds its length and kind. In a ring all
 * frames are aligned to doubles, so there is always room for that word before the ring's end.
 *
 *   word 0: length in bytes, this word included (24 bits) · kind (8 bits)
 */
export const FRAME = {
  /** Padding: the rest of a ring that was too short for the next frame. */
  pad: 0,
  request: 1,
  /** The name behind a key of shared memory. */
  name: 2,
  checkpoint: 3,
} as const;

const LONGEST_FRAME = 0xffffff;

export function frameWord(length: number, kind: number): number {
  return length | (kind << 24);
}

export function frameLength(word: number): number {
  return word & LONGEST_FRAME;
}

export function frameKind(word: number): number {
  return word >>> 24;
}

/** Rounds up to where a double may be stored. */
export function wholeDoubles(bytes: number): number {
  return (bytes + 7) & ~7;
}
