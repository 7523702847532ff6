/** One recorded request for a backend of a pool, and what came of it. */
import type { LeaseEnd, Refusal, Wait } from '../../../actors/index.ts';

/** When a recorded operation happened: its place in the order of its pool, and the time passed to the ledger. */
export type Place = {
  /** Never decreasing in the order of tickets; `nowMs` may, because threads read the clock before they get a ticket. */
  readonly atMs: number;
  readonly ticket: number;
  readonly nowMs: number;
};

export type Lent = { readonly place: Place; readonly backendKey: number };
export type Returned = { readonly place: Place; readonly end: LeaseEnd; readonly latencyMs: number };

export type Asked = {
  readonly thread: number;
  readonly tried: readonly number[];
  readonly hash: number;
  readonly route: number;
  readonly wanted: number;
};

export class Ask {
  readonly place: Place;
  readonly asked: Asked;
  isQueued = false;
  refusal: Refusal | undefined;
  left: { readonly place: Place; readonly why: Wait } | undefined;
  lent: Lent | undefined;
  back: Returned | undefined;
  /** When its thread died and its lease was lost. */
  lost: Place | undefined;
  /** The previous ask of the same request, whose lease led to nothing. */
  before: Ask | undefined;
  /** The next ask of the same request, for another backend. */
  next: Ask | undefined;

  constructor(place: Place, asked: Asked) {
    this.place = place;
    this.asked = asked;
  }

  /** The first ask of the same request. */
  get first(): Ask {
    let first: Ask = this;
    while (first.before !== undefined) first = first.before;
    return first;
  }

  /** How long it held its lease. */
  get heldMs(): number | undefined {
    return this.lent === undefined || this.back === undefined
      ? undefined
      : this.back.place.atMs - this.lent.place.atMs;
  }
}

const FAILED: ReadonlySet<LeaseEnd> = new Set([
  'connect_failed',
  'backend_failed',
  'timed_out',
  'server_error',
  'listed_status',
  'cut',
]);

/** The backend did not serve it. */
export function hasFailed(end: LeaseEnd): boolean {
  return FAILED.has(end);
}

/** The lease lasted as long as a response takes, or as long as its client was ready to wait. */
export function wasServed(end: LeaseEnd): boolean {
  return end !== 'unused' && !hasFailed(end);
}
