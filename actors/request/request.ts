/**
 * One request as an actor: an id, the phase it is in, one end. There is one per request, so it is light: a plain class,
 * which costs a tenth of a microsecond where a state machine costs twenty.
 *
 *   head → route → checkout ⇄ connect → send → respond (→ pipe) → ended, from anywhere, once
 */
import type { Outcome, OutcomeType, Phase } from './outcome.ts';

/** What inspection sees of a request: every change of phase, and the end. */
export type RequestObserver = (request: RequestActor) => void;

/** Why a request is stopped from outside: its client is gone, or the router is closing. */
export type RequestStop = Extract<
  OutcomeType,
  'client_closed' | 'client_idle' | 'forced_close' | 'drain_timeout' | 'internal_error'
>;

export abstract class RequestActor {
  /** Made by us, even if a trusted peer gave the request another id. */
  readonly id: string;
  phase: Phase = 'head';
  outcome: Outcome | undefined = undefined;
  readonly #observe: RequestObserver | undefined;

  constructor(id: string, observe: RequestObserver | undefined) {
    this.id = id;
    this.#observe = observe;
  }

  /** Aborts the request: whatever it holds is given back, and it ends with this reason. Stopping twice is harmless. */
  stop(reason: RequestStop): void {
    if (this.outcome === undefined) this.abort(reason);
  }

  protected abstract abort(reason: RequestStop): void;

  enter(phase: Phase): void {
    this.phase = phase;
    this.#observe?.(this);
  }

  /** True the first time: only then must the caller carry out the end. */
  conclude(outcome: Outcome): boolean {
    if (this.outcome !== undefined) return false;
    this.outcome = outcome;
    this.#observe?.(this);
    return true;
  }
}
