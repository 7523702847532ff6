/** The messages between the main thread and a worker. */
import type { MessagePort } from 'node:worker_threads';
import type { HealthReport, LedgerShared } from '../../../actors/index.ts';
import type { StreamName } from '../../../eventlog/index.ts';
import type { ListenerSettings, ProcessSettings } from '../../config/index.ts';
import type { Farewell, HeadcountMemory } from '../../proxy/index.ts';
import type { RequestMetricsSnapshot } from '../../telemetry/request-metrics.ts';
import type { JournalShare } from '../journal/journal.ts';
import type { IndexShared } from '../table/name-index.ts';
import type { PublicationSource } from '../table/publisher.ts';

/** Everything that a worker is started with. */
export type Boot = {
  /** The number of this thread in the ledger. */
  readonly thread: number;
  /** The number shown to operators: `worker:1` has 1, whatever its thread. */
  readonly number: number;
  /** The data directory with the event log, which is only read. */
  readonly directory: string;
  /** Streams whose events cannot be read, and that have no earlier row. */
  readonly unreadable: readonly StreamName[];
  /** The index of all domain names. */
  readonly names: IndexShared;
  readonly ledger: LedgerShared;
  /** Undefined: no journal is kept. */
  readonly journal: JournalShare | undefined;
  /** Counts what has a limit; undefined: this thread counts alone. */
  readonly headcount: HeadcountMemory | undefined;
  readonly feed: PublicationSource;
  /** A counter that the worker increments while its loop turns, then its number of requests in flight. */
  readonly heartbeat: Int32Array<SharedArrayBuffer>;
  readonly listeners: readonly ListenerSettings[];
  /** Connections to backends, of all threads; 0: any number. */
  readonly mostToBackends: number;
  readonly accessLog: ProcessSettings['accessLog'];
  /** The router's name in `Via`; random per data directory. */
  readonly pseudonym: string;
  /** The key of digests and affinity cookies; random per data directory. */
  readonly secret: string;
};

export const HEARTBEAT_CELLS = 2;

export type ToWorker =
  /** A port on which this worker and another ring each other. */
  | { readonly type: 'neighbour'; readonly thread: number; readonly port: MessagePort }
  | { readonly type: 'neighbour gone'; readonly thread: number }
  /** Grants wait to be delivered. */
  | { readonly type: 'bell' }
  /** The wait for a pool's ledger is over: it exists, or could not be created. */
  | { readonly type: 'awake'; readonly pool: string }
  | { readonly type: 'metrics'; readonly id: number }
  /** The router is going to end: answer probes 503. */
  | { readonly type: 'ending' }
  /** Stop accepting, finish what is in progress within `withinMs`, then end. `idleMs`: as in RoutingPlane. */
  | { readonly type: 'drain'; readonly withinMs: number; readonly idleMs?: number }
  /** Fail as a bug would. */
  | { readonly type: 'fail'; readonly message: string }
  /** Block the event loop. */
  | { readonly type: 'stall'; readonly message: string }
  /** Make a request fail as a bug would. */
  | { readonly type: 'fail request'; readonly message: string };

export type FromWorker =
  /** Addresses as bound, in the order of the listeners. */
  | { readonly type: 'ready'; readonly addresses: readonly string[] }
  | { readonly type: 'bell' }
  /** The worker has stopped accepting. */
  | { readonly type: 'farewell'; readonly farewell: Farewell }
  /** Everything it served has ended. Its last message. */
  | { readonly type: 'over'; readonly cut: number; readonly snapshot: RequestMetricsSnapshot }
  /** A request needs a pool that is asleep. */
  | { readonly type: 'wake'; readonly pool: string }
  | { readonly type: 'report'; readonly report: HealthReport }
  | { readonly type: 'warning'; readonly message: string }
  | { readonly type: 'metrics'; readonly id: number; readonly snapshot: RequestMetricsSnapshot }
  /** Whole lines of the access log. */
  | { readonly type: 'log'; readonly text: string };
