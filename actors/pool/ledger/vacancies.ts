/**
 * The empty rows of a pool while backends are added. It scans the rows once: a scan per backend would be quadratic,
 * under a lock that every worker may be waiting for.
 */
import assert from 'node:assert/strict';
import type { Row } from '../policy/policy.ts';

/** What has to be known about the rows of a pool. */
export type RowOccupancy = {
  rows(): number;
  capacity(): number;
  isEmpty(row: Row): boolean;
  /** Empty, and nobody is connected to the backend that had it. */
  isFree(row: Row): boolean;
  /** The backend that has or had the row. */
  keyOf(row: Row): number;
};

export class Vacancies {
  readonly #occupancy: RowOccupancy;
  /** Empty rows, by the backend that had them. */
  readonly #former = new Map<number, Row>();
  /** No row before this one is free. */
  #from = 0;

  constructor(occupancy: RowOccupancy) {
    this.#occupancy = occupancy;
    for (let row = 0; row < occupancy.rows(); row++) if (occupancy.isEmpty(row)) this.emptied(row);
  }

  /** Reports that a row was emptied: its backend may have it again. */
  emptied(row: Row): void {
    this.#former.set(this.#occupancy.keyOf(row), row);
    if (row < this.#from) this.#from = row;
  }

  /** The row that this backend had, else the first free one, else the one after the last. */
  rowFor(backendKey: number): Row {
    const occupancy = this.#occupancy;
    const former = this.#former.get(backendKey);
    if (former !== undefined && occupancy.isEmpty(former) && occupancy.keyOf(former) === backendKey)
      return former;
    while (this.#from < occupancy.rows() && !occupancy.isFree(this.#from)) this.#from += 1;
    assert(this.#from < occupancy.capacity(), 'expected room for a row');
    return this.#from;
  }
}
