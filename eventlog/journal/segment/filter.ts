/**
 * A Bloom filter over the ids in a block: it says that an id is not there, or may be. So the one block among
 * thousands is found by reading two kilobytes of each. With 16 bits and 3 probes per id, one block in 200 is read in
 * vain.
 */
const BITS_EACH = 16;
const PROBES = 3;
const LEAST_BITS = 64;

/** Hashes of the ids in the block being built. */
export class IdHashes {
  #hashes = new Int32Array(1024);
  count = 0;

  add(hash: number): void {
    if (this.count === this.#hashes.length) {
      const grown = new Int32Array(2 * this.count);
      grown.set(this.#hashes);
      this.#hashes = grown;
    }
    this.#hashes[this.count++] = hash;
  }

  clear(): void {
    this.count = 0;
  }

  /** Empty if there are no ids. */
  filter(): Uint8Array {
    if (this.count === 0) return new Uint8Array(0);
    let bits = LEAST_BITS;
    while (bits < this.count * BITS_EACH) bits *= 2;
    const filter = new Uint8Array(bits / 8);
    for (let i = 0; i < this.count; i++) mark(filter, bits - 1, this.#hashes[i]!);
    return filter;
  }
}

function mark(filter: Uint8Array, mask: number, hash: number): void {
  const step = stepOf(hash);
  for (let probe = 0; probe < PROBES; probe++) {
    const bit = (hash + Math.imul(probe, step)) & mask;
    filter[bit >> 3] = filter[bit >> 3]! | (1 << (bit & 7));
  }
}

export function mayContain(filter: Uint8Array, hash: number): boolean {
  const mask = 8 * filter.length - 1;
  const step = stepOf(hash);
  for (let probe = 0; probe < PROBES; probe++) {
    const bit = (hash + Math.imul(probe, step)) & mask;
    if ((filter[bit >> 3]! & (1 << (bit & 7))) === 0) return false;
  }
  return filter.length > 0;
}

function stepOf(hash: number): number {
  return (hash >>> 17) | (hash << 15) | 1;
}
