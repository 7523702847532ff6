/**
 * Digests keyed with the secret of the data directory: the same text gives the same number in every worker and after
 * a restart, and nobody who has the journal but not the secret can read what a digest stands for, or check a guess.
 */
import { createHmac, hash, randomBytes } from 'node:crypto';

// 52 bits, as the ledger's keys have: 13 digits of 16.
const DIGITS = 13;
// 128 bits: nobody guesses one.
const TAG_BYTES = 16;

/** What a digest is for, so that one says nothing about another. */
export type Purpose = 'hash' | 'split';

export class KeyedDigest {
  readonly #secret: string;

  /** Without a secret, one of its own that nobody else knows. */
  constructor(secret: string = randomBytes(32).toString('hex')) {
    this.#secret = secret;
  }

  /** Up to 2^52, never 0. The secret has a fixed length and comes first; 52 bits of 256 say nothing of the rest. */
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
