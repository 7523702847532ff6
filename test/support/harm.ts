/** What befalls a database's file: a byte is flipped, or its end is cut off; and what has to be noticed of it. */
import * as fc from 'fast-check';

export type Harm =
  | { readonly type: 'flip'; readonly at: number; readonly mask: number }
  | { readonly type: 'cut'; readonly at: number };

/** Which file: the database as it is left by who closes it, or the write-ahead log beside it, as a kill leaves it. */
export type Harmed = 'file' | 'wal';

export interface Harmable {
  readonly kind: Harmed;
  /** Length of the file that is harmed. */
  readonly bytes: number;
  /** Of a write-ahead log, the first byte of its last transaction; of a database, its length. */
  readonly lastChangeAt: number;
}

/** Of a file that is empty, or of one byte, nobody can say that there was more: it is as one that was lost. */
export const LEAST_LEFT = 2;

export function harms({ bytes, lastChangeAt }: Harmable): fc.Arbitrary<Harm> {
  const flip = (end: number) =>
    fc.record({
      type: fc.constant('flip'),
      at: fc.nat(end - 1),
      mask: fc.integer({ min: 1, max: 255 }),
    });
  const cut = fc.record({
    type: fc.constant('cut'),
    at: fc.integer({ min: LEAST_LEFT, max: bytes - 1 }),
  });
  return fc.oneof(
    // Where it has to be told, and anywhere.
    { arbitrary: flip(lastChangeAt), weight: 8 },
    { arbitrary: flip(bytes), weight: 1 },
    { arbitrary: cut, weight: 1 },
  );
}

export function harmed(bytes: Buffer, harm: Harm): Buffer {
  const copy = Buffer.from(bytes);
  if (harm.type === 'cut') return copy.subarray(0, harm.at);
  copy[harm.at]! ^= harm.mask;
  return copy;
}

/**
 * Whether what is missing after this harm has to be told. Of a write-ahead log that ends early nobody knows how much there
 * was, and damage in its last transaction looks as after a power cut; what there is belongs together.
 */
export function mustBeTold({ kind, lastChangeAt }: Harmable, harm: Harm): boolean {
  return kind === 'file' || (harm.type === 'flip' && harm.at < lastChangeAt);
}
