/**
 * The empty rows of a pool, while backends are given some: one look at all, where each backend's own would take the square of
 * it under the lock, at which every worker may stand.
 */
import assert from 'node:assert/strict';
import type { Row } from '../policy/policy.ts';

/** What is to be known of a pool's rows. */
export type Seats = {
  rows(): number;
  capacity(): number;
  isEmpty(row: Row): boolean;
  /** Nobody's, and nobody is connected to whose it was. */
  isFree(row: Row): boolean;
  /** Whose it is, or was. */
  keyOf(row: Row): number;
};

export class Vacancies {
  readonly #seats: Seats;
  /** By whose they were. */
  readonly #former = new Map<number, Row>();
  /** No row before it is free. */
  #from = 0;

  constructor(seats: Seats) {
    this.#seats = seats;
    for (let row = 0; row < seats.rows(); row++) if (seats.isEmpty(row)) this.emptied(row);
  }

  /** Its backend may have it again. */
  emptied(row: Row): void {
    this.#former.set(this.#seats.keyOf(row), row);
    if (row < this.#from) this.#from = row;
  }

  /** The row this backend had, else the first that is free, else one after the last. */
  rowFor(backendKey: number): Row {
    const seats = this.#seats;
    const former = this.#former.get(backendKey);
    if (former !== undefined && seats.isEmpty(former) && seats.keyOf(former) === backendKey) return former;
    while (this.#from < seats.rows() && !seats.isFree(this.#from)) this.#from += 1;
    assert(this.#from < seats.capacity(), 'expected room for a row');
    return this.#from;
  }
}
