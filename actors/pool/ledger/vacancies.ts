/**
 * The empty rows of a pool while backends are added. It scans the rows once: a scan per backend would be quadratic,
 * under a lock that every worker may be waiting for.
 */
import assert from 'node:assert/strict';
import type { Row } from '../policy/policy.ts';

/** What has to be known about the rows of a pool. */
export type Seats = {
  rows(): number;
  capacity(): number;
  isEmpty(row: Row): boolean;
  /** Empty, and nobody is connected to the backend that had it. */
  isFree(row: Row): boolean;
  /** The backend that has or had the row. */
  keyOf(row: Row): number;
};

export class Vacancies {
  readonly #seats: Seats;
  /** Empty rows, by the backend that had them. */
  readonly #former = new Map<number, Row>();
  /** No row before this one is free. */
  #from = 0;

  constructor(seats: Seats) {
    this.#seats = seats;
    for (let row = 0; row < seats.rows(); row++) if (seats.isEmpty(row)) this.emptied(row);
  }

  /** Reports that a row was emptied: its backend may have it again. */
  emptied(row: Row): void {
    this.#former.set(this.#seats.keyOf(row), row);
    if (row < this.#from) this.#from = row;
  }

  /** The row that this backend had, else the first free one, else the one after the last. */
  rowFor(backendKey: number): Row {
    const seats = this.#seats;
    const former = this.#former.get(backendKey);
    if (former !== undefined && seats.isEmpty(former) && seats.keyOf(former) === backendKey) return former;
    while (this.#from < seats.rows() && !seats.isFree(this.#from)) this.#from += 1;
    assert(this.#from < seats.capacity(), 'expected room for a row');
    return this.#from;
  }
}
