/**
 * Digests keyed with the secret of the data directory: the same text gives the same number in every worker and after
 * a restart, and nobody who has the journal but not the secret can read what a digest stands for, or check a guess.
 */
import { createHmac, hash, randomBytes } from 'node:crypto';

// 52 bits, like the ledger's keys: 13 hexadecimal digits.
const DIGITS = 13;
// 128 bits: too many to guess.
const TAG_BYTES = 16;

/** What a digest is for; digests for different purposes reveal nothing about each other. */
export type Purpose = 'hash' | 'split';

export class KeyedDigest {
  readonly #secret: string;

  /** Default: a random secret that nobody else knows. */
  constructor(secret: string = randomBytes(32).toString('hex')) {
    this.#secret = secret;
  }

  /** Below 2^52, never 0. The secret has a fixed length, so the input is unambiguous; 52 of 256 bits rule out extension. */
  of(purpose: Purpose, text: string): number {
    const digits = hash('sha256', `${this.#secret} ${purpose} ${text}`, 'hex').slice(0, DIGITS);
    return Number.parseInt(digits, 16) || 1;
  }

  /** A token that only the holder of the secret can make. */
  tag(text: string): string {
    return createHmac('sha256', this.#secret)
      .update(text)
      .digest()
      .subarray(0, TAG_BYTES)
      .toString('base64url');
  }
}
