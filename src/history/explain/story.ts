/** The story of a request: why it went where it went, in a shape for machines and people. Times are RFC 3339. */
import type { Draw, Look } from '../../../actors/index.ts';
import type { Change } from './changes.ts';
import type { ConsideredDomain, FoundRoute } from './route.ts';

export type NamedCandidate = Omit<Look['candidates'][number], 'backendKey' | 'untilMs'> & {
  readonly backend: string;
  readonly address: string | null;
  readonly until: string | null;
};

/** The pool as the request found it. */
export type Sight = {
  readonly policy: string;
  readonly measure: string | null;
  /** The backend that the policy picks; null: none is eligible. */
  readonly picked: string | null;
  readonly candidates: readonly NamedCandidate[];
  readonly draws: readonly Draw[];
  readonly waiting: number;
  readonly maxWaiting: number;
};

export type Step = {
  /** `leased`: at once; `granted`: after waiting; `queued`: it began to wait; the others: without a backend. */
  readonly type: 'leased' | 'granted' | 'queued' | 'refused' | 'left' | 'unknown';
  readonly at: string | null;
  /** Null if the step is not an operation of the ledger. */
  readonly ticket: number | null;
  /** The backend it was given. */
  readonly backend: string | null;
  /** One sentence. */
  readonly why: string;
  /** How the attempt ended; null: as the request did, or it was not an attempt. */
  readonly end: string | null;
  readonly sight: Sight | null;
};

export type Timings = {
  readonly queuedMs: number | null;
  readonly connectMs: number | null;
  readonly firstByteMs: number | null;
  readonly totalMs: number;
};

export type Ending = {
  readonly type: string;
  readonly code: string;
  readonly description: string;
  readonly phase: string;
  readonly blame: string;
  readonly status: number;
  readonly advice: string;
};

export type RequestStory = {
  readonly id: string;
  readonly requestId: string;
  readonly request: {
    readonly method: string;
    readonly host: string;
    readonly path: string;
    readonly version: string;
    readonly startedAt: string;
    readonly endedAt: string;
    readonly worker: number;
    readonly bytesIn: number;
    readonly bytesOut: number;
  };
  /** The log position that was in force. */
  readonly position: number;
  readonly domain: string | null;
  readonly domains: readonly ConsideredDomain[];
  readonly route: FoundRoute | null;
  readonly pool: string | null;
  /** What the pool's affinity did; null: it has none. */
  readonly affinity: string | null;
  readonly steps: readonly Step[];
  readonly timings: Timings;
  readonly outcome: Ending;
  readonly changes: {
    /** The newest of the others. */
    readonly last: Change | null;
    readonly domain: Change | null;
    readonly pool: Change | null;
    readonly backend: Change | null;
  };
  /** What cannot be told, and why. */
  readonly notes: readonly string[];
};
