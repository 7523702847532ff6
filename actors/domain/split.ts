/**
 * Which pool of a split a draw falls to: in proportion to weight, and so that a draw stays with its pool unless that pool's
 * share shrinks or another's grows. A canary whose share grows keeps the draws it had.
 */
import type { PoolName } from '../../eventlog/index.ts';
import { isBetterLot, mix } from '../lots.ts';
import { keyOf } from '../pool/ledger/key.ts';

export type Share = { readonly pool: PoolName; readonly weight: number };

/** Draws are whole numbers below this: a safe integer, eight bytes in a journal. */
export const DRAWS = 2 ** 52;

/** Shares by the keys of their pools, so that a draw costs no hash of a name. */
export class Split {
  readonly #pools: readonly PoolName[];
  readonly #keys: readonly number[];
  readonly #weights: readonly number[];

  constructor(shares: readonly Share[]) {
    const some = shares.filter(({ weight }) => weight > 0);
    this.#pools = some.map(({ pool }) => pool);
    this.#keys = some.map(({ pool }) => keyOf(pool));
    this.#weights = some.map(({ weight }) => weight);
  }

  /** `draw`: random, or a digest of what is to stay with one pool. */
  poolOf(draw: number): PoolName {
    let best = 0;
    let bestBits = mix(this.#keys[0]!, draw);
    for (let i = 1; i < this.#keys.length; i++) {
      const bits = mix(this.#keys[i]!, draw);
      if (
        !isBetterLot(
          bits,
          this.#weights[i]!,
          this.#keys[i]!,
          bestBits,
          this.#weights[best]!,
          this.#keys[best]!,
        )
      )
        continue;
      best = i;
      bestBits = bits;
    }
    return this.#pools[best]!;
  }
}
