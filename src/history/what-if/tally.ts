/** Counts the outcomes of a pool's requests, recorded or simulated alike. */
import type { LeaseEnd, Refusal } from '../../../actors/index.ts';
import { Samples, type Summary } from '../../simulation/index.ts';
import { hasFailed } from './ask.ts';

/** How a request of a pool ended there. */
export type Ending =
  | { readonly type: 'served' }
  /** Failed at its last backend. */
  | { readonly type: 'failed'; readonly end: LeaseEnd }
  | { readonly type: 'refused'; readonly refusal: Refusal }
  /** It waited in vain, or its client left meanwhile. */
  | { readonly type: 'gave_up' }
  | { readonly type: 'client_gone' }
  /** Still in progress at the end of the record, or lost with its thread. */
  | { readonly type: 'unfinished' };

export type BackendLoad = {
  readonly leases: number;
  readonly failed: number;
  /** The total time of all its leases, including those from before the beginning. */
  readonly busyMs: number;
  readonly peakInFlight: number;
};

export type Sums = {
  readonly requests: number;
  readonly endings: Readonly<Record<Ending['type'], number>>;
  readonly refusals: Readonly<Record<string, number>>;
  /** Requests that queued. */
  readonly waited: number;
  /** Time in the queue, all waits of a request together; over all requests. */
  readonly waitMs: Summary;
  /** From the first ask to the last check-in, for requests that were served. */
  readonly timeMs: Summary;
  /** Leases beyond a request's first. */
  readonly retries: number;
  readonly backends: ReadonlyMap<number, BackendLoad>;
};

type Load = { leases: number; failed: number; busyMs: number; inFlight: number; peakInFlight: number };

export class Tally {
  readonly #endings = { served: 0, failed: 0, refused: 0, gave_up: 0, client_gone: 0, unfinished: 0 };
  readonly #refusals: Record<string, number> = {};
  readonly #waitMs = new Samples();
  readonly #timeMs = new Samples();
  readonly #loads = new Map<number, Load>();
  #requests = 0;
  #waited = 0;
  #retries = 0;

  lent(backendKey: number): void {
    this.#loadOf(backendKey).leases += 1;
    this.held(backendKey);
  }

  /** A lease begins, or was already out at the beginning. */
  held(backendKey: number): void {
    const load = this.#loadOf(backendKey);
    load.inFlight += 1;
    load.peakInFlight = Math.max(load.peakInFlight, load.inFlight);
  }

  /** `end` undefined: it was lost with its thread, or is still out at the end. */
  back(backendKey: number, heldMs: number, end: LeaseEnd | undefined): void {
    const load = this.#loadOf(backendKey);
    load.inFlight -= 1;
    load.busyMs += heldMs;
    if (end !== undefined && hasFailed(end)) load.failed += 1;
  }

  over(ending: Ending, waitMs: number, isQueued: boolean, timeMs: number, leases: number): void {
    this.#requests += 1;
    this.#endings[ending.type] += 1;
    if (ending.type === 'refused') this.#refusals[ending.refusal] = (this.#refusals[ending.refusal] ?? 0) + 1;
    if (isQueued) this.#waited += 1;
    if (ending.type === 'served') this.#timeMs.add(timeMs);
    this.#waitMs.add(waitMs);
    this.#retries += Math.max(0, leases - 1);
  }

  sums(): Sums {
    return {
      requests: this.#requests,
      endings: this.#endings,
      refusals: this.#refusals,
      waited: this.#waited,
      waitMs: this.#waitMs.summary(),
      timeMs: this.#timeMs.summary(),
      retries: this.#retries,
      backends: new Map([...this.#loads].map(([key, { inFlight: _out, ...load }]) => [key, load])),
    };
  }

  #loadOf(backendKey: number): Load {
    const known = this.#loads.get(backendKey);
    if (known !== undefined) return known;
    const fresh = { leases: 0, failed: 0, busyMs: 0, inFlight: 0, peakInFlight: 0 };
    this.#loads.set(backendKey, fresh);
    return fresh;
  }
}

export function endingOf(end: LeaseEnd): Ending {
  if (end === 'finished') return { type: 'served' };
  if (end === 'client_gone' || end === 'unused') return { type: 'client_gone' };
  return { type: 'failed', end };
}
