/** The seal of a base: a hash over the chain that it replaces and every state in it. */
import { createHash } from 'node:crypto';
import type { StoredCurrent } from '../log-reader.ts';

/** `states`: in order of stream name. `hash`: of the last archived event. Returns hexadecimal. */
export function baseDigest(hash: string, states: Iterable<StoredCurrent>): string {
  const digest = new BaseDigest(hash);
  for (const state of states) digest.add(state);
  return digest.end();
}

/** The same digest for states that come one by one. */
export class BaseDigest {
  readonly #hash;

  constructor(hash: string) {
    this.#hash = createHash('sha256').update(hash);
  }

  add({ stream, version, state }: StoredCurrent): void {
    this.#hash.update(`\n${stream}\n${version}\n${state}`);
  }

  end(): string {
    return this.#hash.digest('hex');
  }
}
