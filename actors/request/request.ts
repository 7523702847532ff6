/**
 * One request as an actor: an id, the phase it is in, one end. Light, because there is one per request: a plain
 * class that costs a tenth of a microsecond where a state machine costs twenty.
 *
 *   head → route → checkout ⇄ connect → send → respond (→ pipe) → ended, from anywhere, once
 */
import type { Outcome, OutcomeType, Phase } from './outcome.ts';

/** What inspection sees of a request: every change of phase, and the end. */
export type RequestObserver = (request: RequestActor) => void;

/** Why a request is stopped from outside: its client has gone, or the router is closing. */
export type RequestStop = Extract<
  OutcomeType,
  'client_closed' | 'client_idle' | 'forced_close' | 'drain_timeout' | 'internal_error'
>;

export abstract class RequestActor {
  /** Ours, also where the request goes by another id from a trusted peer. */
  readonly id: string;
  phase: Phase = 'head';
  outcome: Outcome | undefined = undefined;
  readonly #observe: RequestObserver | undefined;

  constructor(id: string, observe: RequestObserver | undefined) {
    this.id = id;
    this.#observe = observe;
  }

  /** Stop means abort: whatever it holds is given back, and it ends with this reason. Stopping twice is harmless. */
  stop(reason: RequestStop): void {
    if (this.outcome === undefined) this.abort(reason);
  }

  protected abstract abort(reason: RequestStop): void;

  enter(phase: Phase): void {
    this.phase = phase;
    this.#observe?.(this);
  }

  /** True the first time: only then is the end the caller's to carry out. */
  conclude(outcome: Outcome): boolean {
    if (this.outcome !== undefined) return false;
    this.outcome = outcome;
    this.#observe?.(this);
    return true;
  }
}
