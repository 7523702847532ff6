/** What was seen to be in force, and when: whatever comes after, the past stays as it was. */
import type { Wish } from './deeds.ts';

const KEPT = 100;

type Seen = { readonly position: number; readonly state: Wish };

export class Past {
  readonly #positions: number[] = [0];
  readonly #seen: Seen[] = [];

  /** Where a change ended that was answered. */
  add(position: number): void {
    this.#positions.push(position);
    if (this.#positions.length > KEPT) this.#positions.shift();
  }

  /** So many answered changes ago. */
  back(changes: number): number {
    return this.#positions.at(-1 - (changes % this.#positions.length)) ?? 0;
  }

  keep(seen: Seen): void {
    this.#seen.push(seen);
    if (this.#seen.length > KEPT) this.#seen.shift();
  }

  /** Some of what was seen, to be looked at again. */
  some(count: number): readonly Seen[] {
    return this.#seen.slice(-count);
  }
}
