/** What the parts of one thread's plane share, and what a plane is made of. */

import type { HealthNews, Ledger, RequestObserver } from '../../actors/index.ts';
import type { QuarantineCause } from '../../eventlog/index.ts';
import type { AccessLog } from '../telemetry/access-log.ts';
import type { PlaneCounters } from '../telemetry/plane-counters.ts';
import type { RequestJournal } from '../telemetry/request-journal.ts';
import type { RequestMetrics } from '../telemetry/request-metrics.ts';
import type { HeadScan } from '../wire/index.ts';
import type { Deadlines } from './deadlines.ts';
import type { Delegate, Delegated } from './delegate.ts';
import type { RetryBudget } from './forward/retry-budget.ts';
import type { Headcount } from './headcount.ts';
import type { HttpDate } from './http-date.ts';
import type { KeyedDigest } from './keyed-digest.ts';
import type { Affinity } from './lease/affinity.ts';
import type { TableWaiters } from './lease/table-waiters.ts';
import type { WaitWatch } from './lease/wait-watch.ts';
import type { Wakes } from './lease/wakes.ts';
import type { OneWrite } from './one-write.ts';
import type { ReadBuffers } from './read-buffers.ts';
import type { RequestIds } from './request-id.ts';
import type { PoolRoute, RoutingTable } from './routing-table.ts';
import type { Upstreams } from './upstream/upstreams.ts';

export type PlaneSettings = {
  /** 0 to 4095: part of every request id. */
  readonly worker: number;
  /** Our name in Via: random per data directory. */
  readonly pseudonym: string;
  /** The key of digests and affinity cookies; random per data directory. Absent: a random one for this plane alone. */
  readonly secret?: string;
  /** How often time-outs are checked; default 100. */
  readonly tickMs?: number;
  /** Connections to backends, of all threads that share the headcount; absent or 0: any number. */
  readonly mostToBackends?: number;
  /** False: clients are read by Node's `data` events, as where own-reads.ts does not find what it expects in Node. */
  readonly ownReads?: boolean;
};

/** What the main thread should know. */
export type PlaneReport =
  /** The backend is already quarantined in the ledger; its owner should record it. */
  | {
      readonly type: 'connect_failed';
      readonly pool: string;
      readonly backend: string;
      readonly cause: QuarantineCause;
      readonly untilMs: number;
      /** False: the backend was already in quarantine, which is now longer. */
      readonly isNew: boolean;
    }
  /** The ledger acts on it already; its owner should record it. */
  | {
      readonly type: 'health_changed';
      readonly pool: string;
      readonly backend: string;
      readonly news: HealthNews;
    }
  /** Our own code threw while serving this request, which ends as internal_error unless it has ended. '': no request. */
  | { readonly type: 'request_crashed'; readonly requestId: string; readonly error: unknown };

export type PlaneOptions = {
  readonly table: RoutingTable;
  readonly ledger: Ledger;
  readonly settings: PlaneSettings;
  /** Wall-clock milliseconds, fractions welcome; the clock that all threads share. */
  readonly now: () => number;
  readonly random: () => number;
  /** Undefined: no access log. */
  readonly accessLog: AccessLog | undefined;
  /** Undefined: no journal. */
  readonly journal?: RequestJournal | undefined;
  readonly metrics: RequestMetrics;
  /** Counts what has a limit. Absent: this thread counts alone. */
  readonly headcount?: Headcount | undefined;
  /** Asks for a pool's ledger to be created; `awake` is called afterwards. Absent: all ledgers exist. */
  readonly wake?: (pool: string) => void;
  readonly report: (report: PlaneReport) => void;
  /** Called at each failure for lack of a resource of the router, such as descriptors. */
  readonly scarce?: (what: string) => void;
  readonly observe?: RequestObserver;
  /** Decides instead of the table and the ledger; called once per request with a valid head. */
  readonly delegate?: (request: Delegated) => Delegate;
};

export type PlaneContext = Omit<PlaneOptions, 'observe' | 'headcount'> & {
  /** Captured by a request when it begins. */
  observe: RequestObserver | undefined;
  readonly ids: RequestIds;
  readonly digest: KeyedDigest;
  readonly affinity: Affinity;
  readonly date: HttpDate;
  readonly deadlines: Deadlines;
  readonly buffers: ReadBuffers;
  /** The scan that all connections share; a head that arrives in parts takes it and leaves a new one. */
  readonly scans: { spare: HeadScan };
  readonly writes: OneWrite;
  readonly upstreams: Upstreams;
  readonly waits: WaitWatch;
  readonly wakes: Wakes;
  readonly tableWaiters: TableWaiters;
  readonly counters: PlaneCounters;
  /** Keyed by the pool's map of backends, which lives as long as the pool; made when a request first wants a retry. */
  readonly retryBudgets: WeakMap<PoolRoute['backends'], RetryBudget>;
  /** Requests in flight by domain name; only of domains with a limit. */
  readonly headcount: Headcount;
  /** The router is going to end: answers to probes say so, and nothing else changes. */
  isEnding: boolean;
  isDraining: boolean;
  /** While draining: when idle connections are closed. */
  idleUntilMs: number;
};
