/** Every event there is. A new shape of an old event gets the next schema version and a step in `upcast.ts`. */

import type { BackendId, StreamName } from '../names.ts';
import type { Position, Version } from '../position.ts';
import type { SparseBackend, SparseDomain, SparsePool } from '../settings/sparse-settings.ts';

export type DomainEvent =
  /** A host is served from now on; the first event of a domain's life, or of its next one. */
  | { readonly type: 'DomainCreated'; readonly data: { readonly settings: SparseDomain } }
  /** Its settings are now these, all of them. */
  | { readonly type: 'DomainChanged'; readonly data: { readonly settings: SparseDomain } }
  /** The host is unknown from now on. */
  | { readonly type: 'DomainRemoved'; readonly data: Record<string, never> };

export type PoolEvent =
  /** A pool exists from now on, without backends. */
  | { readonly type: 'PoolCreated'; readonly data: { readonly settings: SparsePool } }
  /** Its settings are now these, all of them; its backends stay. */
  | { readonly type: 'PoolChanged'; readonly data: { readonly settings: SparsePool } }
  /** The pool and its backends are gone. */
  | { readonly type: 'PoolRemoved'; readonly data: Record<string, never> }
  /** A backend joined the pool. */
  | {
      readonly type: 'BackendAdded';
      readonly data: { readonly id: BackendId; readonly backend: SparseBackend };
    }
  /** Its settings are now these, all of them. What was known of its health was of before; if its address is the same, it is told again. */
  | {
      readonly type: 'BackendChanged';
      readonly data: { readonly id: BackendId; readonly backend: SparseBackend };
    }
  /** It gets no further request; what it serves may finish. */
  | { readonly type: 'BackendRemoved'; readonly data: { readonly id: BackendId } }
  /** It gets no further request; what is unfinished at `untilMs` (epoch milliseconds) is cut. */
  | {
      readonly type: 'BackendDrainStarted';
      readonly data: { readonly id: BackendId; readonly untilMs: number };
    }
  /** Its drain is over, nothing is under way on it any more: of what was, so many requests finished, and so many were cut. */
  | {
      readonly type: 'BackendDrained';
      readonly data: { readonly id: BackendId; readonly finished: number; readonly cut: number };
    }
  /**
   * Requests have waited for it, or were refused for want of a backend, for `forMs`: more backends are wanted. It changes
   * nothing; whoever starts backends may heed it. Said again while it lasts, ever more seldom.
   */
  | { readonly type: 'CapacityWanted'; readonly data: CapacityWant }
  /** Connecting to it failed; it gets no request before `untilMs` (epoch milliseconds). */
  | {
      readonly type: 'BackendQuarantined';
      readonly data: { readonly id: BackendId; readonly cause: QuarantineCause; readonly untilMs: number };
    }
  /**
   * What is known of its health is now this; at most once a second. `withheld`: routes ('' for all) for which it should
   * have been ejected since the last such event, and was not, since too many are.
   */
  | {
      readonly type: 'BackendHealthChanged';
      readonly data: { readonly id: BackendId; readonly withheld: readonly string[] } & BackendHealth;
    }
  /** It was starting, and passes its probes: it is up. */
  | { readonly type: 'BackendStarted'; readonly data: { readonly id: BackendId } };

/** An ejection of an outlier. `route`: for requests of this route only; '' for all. */
export type Ejection = { readonly route: string; readonly untilMs: number; readonly level: number };

export type BackendHealth = {
  /** Present ones. After `untilMs` (epoch milliseconds) one request is its trial. `level`: how many it is in a row. */
  readonly ejections: readonly Ejection[];
  /** Whether it passes the probes of the router. */
  readonly probes: 'passing' | 'failing';
};

export type CapacityWant = {
  /** `saturated`: all slots are taken · `none_up`: there are backends, and none is up · `no_backends`. */
  readonly cause: 'saturated' | 'none_up' | 'no_backends';
  readonly forMs: number;
  readonly waiting: number;
  /** Refused since this was last said. */
  readonly refused: number;
  readonly inFlight: number;
  /** Requests at once, over all backends that are up; null: no limit. */
  readonly limit: number | null;
  readonly backends: number;
  readonly up: number;
  readonly starting: number;
};

export type QuarantineCause = 'connect_refused' | 'connect_timeout' | 'connect_failed';

export type SwitchyardEvent = DomainEvent | PoolEvent;
export type EventType = SwitchyardEvent['type'];

/** An event as the log keeps it. */
export type Recorded<E extends SwitchyardEvent = SwitchyardEvent> = E & {
  readonly position: Position;
  readonly stream: StreamName;
  readonly version: Version;
  readonly recordedAtMs: number;
  readonly metadata: Metadata;
};

export type Metadata = {
  readonly commandId: string;
  /** Who asked for it, as they called themselves: a claim, not a proof. */
  readonly author: string;
  /** The position of the event that led to this one, where there is one. */
  readonly causation?: Position;
};
