/** Every event there is. A new shape of an old event gets the next schema version and a step in `upcast.ts`. */

import type { BackendId, StreamName } from '../names.ts';
import type { Position, Version } from '../position.ts';
import type { SparseBackend, SparseDomain, SparsePool } from '../settings/sparse-settings.ts';

export type DomainEvent =
  /** A host is served from now on: the first event of a domain's life, or of its next life. */
  | { readonly type: 'DomainCreated'; readonly data: { readonly settings: SparseDomain } }
  /** These are now all of its settings. */
  | { readonly type: 'DomainChanged'; readonly data: { readonly settings: SparseDomain } }
  /** The host is unknown from now on. */
  | { readonly type: 'DomainRemoved'; readonly data: Record<string, never> };

export type PoolEvent =
  /** A pool exists from now on, without backends. */
  | { readonly type: 'PoolCreated'; readonly data: { readonly settings: SparsePool } }
  /** These are now all of its settings; its backends stay. */
  | { readonly type: 'PoolChanged'; readonly data: { readonly settings: SparsePool } }
  /** The pool and its backends are gone. */
  | { readonly type: 'PoolRemoved'; readonly data: Record<string, never> }
  /** A backend joined the pool. */
  | {
      readonly type: 'BackendAdded';
      readonly data: { readonly id: BackendId; readonly backend: SparseBackend };
    }
  /**
   * These are now all of its settings. What the log knew of its health no longer holds; if its address is the same, it is
   * recorded again.
   */
  | {
      readonly type: 'BackendChanged';
      readonly data: { readonly id: BackendId; readonly backend: SparseBackend };
    }
  /** It gets no more requests; what it serves may finish. */
  | { readonly type: 'BackendRemoved'; readonly data: { readonly id: BackendId } }
  /** It gets no more requests; what is unfinished at `untilMs` (epoch milliseconds) is cut. */
  | {
      readonly type: 'BackendDrainStarted';
      readonly data: { readonly id: BackendId; readonly untilMs: number };
    }
  /** Its drain is over, with nothing under way: of the requests that were, this many finished and this many were cut. */
  | {
      readonly type: 'BackendDrained';
      readonly data: { readonly id: BackendId; readonly finished: number; readonly cut: number };
    }
  /**
   * For `forMs`, requests have waited in this pool or were refused because no backend was free: more backends are wanted.
   * Changes nothing; whatever starts backends may act on it. Repeated while it lasts, less and less often.
   */
  | { readonly type: 'CapacityWanted'; readonly data: CapacityWant }
  /** Connecting to it failed; it gets no requests until `untilMs` (epoch milliseconds). */
  | {
      readonly type: 'BackendQuarantined';
      readonly data: { readonly id: BackendId; readonly cause: QuarantineCause; readonly untilMs: number };
    }
  /**
   * This is now what is known of its health; recorded at most once a second. `withheld`: routes ('' for all) for which it
   * should have been ejected since the last such event, but too many others are.
   */
  | {
      readonly type: 'BackendHealthChanged';
      readonly data: { readonly id: BackendId; readonly withheld: readonly string[] } & BackendHealth;
    }
  /** It was starting and passes its probes: it is up. */
  | { readonly type: 'BackendStarted'; readonly data: { readonly id: BackendId } };

/** An ejection of an outlier. `route`: only requests of this route are affected; '': all are. */
export type Ejection = { readonly route: string; readonly untilMs: number; readonly level: number };

export type BackendHealth = {
  /**
   * Ejections in force. After `untilMs` (epoch milliseconds), one request is the trial. `level`: how many ejections in a
   * row this makes.
   */
  readonly ejections: readonly Ejection[];
  /** Whether it passes the router's probes. */
  readonly probes: 'passing' | 'failing';
};

export type CapacityWant = {
  /** `saturated`: all slots are taken · `none_up`: there are backends, but none is up · `no_backends`. */
  readonly cause: 'saturated' | 'none_up' | 'no_backends';
  readonly forMs: number;
  readonly waiting: number;
  /** Requests refused since this was last recorded. */
  readonly refused: number;
  readonly inFlight: number;
  /** Concurrent requests that all backends that are up may take together; null: no limit. */
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
  /** The position of the event that led to this one, if there is one. */
  readonly causation?: Position;
};
