/** What is simulated: who asks when, what the backends do, and how the pool is set. */
import type { PolicyName } from '../../actors/pool/policy/policies.ts';
import type { SparsePool } from '../../eventlog/index.ts';
import type { Chance } from './chance.ts';

/** A request as a backend sees it. */
export interface Served {
  /** Which of the scenario's endpoints it asks for. */
  readonly endpoint: number;
  /** Drawn when it arrived, so that every discipline is given the same work. */
  readonly workMs: number;
}

export interface Answer {
  readonly status: number;
  /** Infinity: it never answers. */
  readonly afterMs: number;
}

/** Cores that requests share while a backend works on them. They may change every so often. */
export interface Cores {
  readonly everyMs: number;
  at(nowMs: number): number;
}

export interface Backend {
  readonly id: string;
  readonly weight?: number;
  /** Requests it works on at once; the others wait in its own queue, first come first served. Without: all. */
  readonly slots?: number;
  /** It works on all at once, and each takes its work and its share of these; then it answers 200. */
  readonly cores?: Cores;
  /** When it is added to the pool; 0 without. */
  readonly addedAtMs?: number;
  /** What it answers to a request it begins to serve. `busy`: those it serves now, this one included. */
  answer(request: Served, nowMs: number, busy: number): Answer;
}

export interface Scenario {
  readonly seed: number;
  readonly requests: number;
  /** Requests that arrive before this are not counted. */
  readonly warmUpMs?: number;
  nextArrivalMs(chance: Chance): number;
  workMs(chance: Chance): number;
  /** Drawn for each request: after so long its client goes away, answered or not. Without: all stay. */
  patienceMs?(chance: Chance): number;
  readonly endpoints?: number;
  readonly backends: readonly Backend[];
  readonly policy: PolicyName;
  /** maxConcurrency of each backend; 0: none. */
  readonly limit: number;
  /** Routers that share nothing: each has a ledger of its own, and knows only its own requests. */
  readonly routers?: number;
  /** Worker threads that share a ledger. */
  readonly workers?: number;
  /** From a grant by one worker to another's knowing of it. */
  readonly handOverMs?: number;
  /** The pool's other settings, as an operator writes them; without: no health is judged, nothing is retried. */
  readonly pool?: SparsePool;
  /** Each endpoint is an entry of the domain's routes. */
  readonly routed?: boolean;
  /** Success is an answer below 500 within this. */
  readonly goodWithinMs?: number;
  /** Whether operations leave records, for a replay. */
  readonly record?: boolean;
}
