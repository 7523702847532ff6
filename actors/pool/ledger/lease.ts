/** A lease as its thread holds it. */
import type { Lease } from './ledger.ts';

export class OpenLease implements Lease {
  readonly poolKey: number;
  readonly backendKey: number;
  readonly epoch: number;
  readonly ticket: number;
  readonly row: number;
  readonly route: number;
  open = true;

  constructor(
    poolKey: number,
    backendKey: number,
    epoch: number,
    ticket: number,
    row: number,
    route: number,
  ) {
    this.poolKey = poolKey;
    this.backendKey = backendKey;
    this.epoch = epoch;
    this.ticket = ticket;
    this.row = row;
    this.route = route;
  }
}
