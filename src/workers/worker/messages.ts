/** The messages between the main thread and a worker. */
import type { MessagePort } from 'node:worker_threads';
import type { HealthReport, LedgerShared } from '../../../actors/index.ts';
import type { StreamName } from '../../../eventlog/index.ts';
import type { ListenerSettings, ProcessSettings } from '../../config/index.ts';
import type { Farewell, HeadcountMemory } from '../../proxy/index.ts';
import type { RequestMetricsSnapshot } from '../../telemetry/request-metrics.ts';
import type { JournalShare } from '../journal/journal.ts';
import type { IndexShared } from '../table/name-index.ts';
import type { Feed } from '../table/publisher.ts';

/** All a worker is born with. */
export type Boot = {
  /** The ledger's name for this thread. */
  readonly thread: number;
  /** As people know it: `worker:1` has 1, whatever its thread. */
  readonly number: number;
  /** Where the event log lies, to be read. */
  readonly directory: string;
  /** Streams whose events cannot be read, and of which there is no row from before. */
  readonly unreadable: readonly StreamName[];
  /** Which domains there are. */
  readonly names: IndexShared;
  readonly ledger: LedgerShared;
  /** Undefined: no journal is kept. */
  readonly journal: JournalShare | undefined;
  /** Undefined: this thread counts alone what has a limit. */
  readonly headcount: HeadcountMemory | undefined;
  readonly feed: Feed;
  /** A cell that the worker raises while its loop turns, and its requests in flight just then. */
  readonly heartbeat: Int32Array<SharedArrayBuffer>;
  readonly listeners: readonly ListenerSettings[];
  readonly accessLog: ProcessSettings['accessLog'];
  /** Random per data directory: how we know ourselves in `Via`. */
  readonly pseudonym: string;
  /** Of the data directory, for digests and affinity cookies. */
  readonly secret: string;
};

export const HEARTBEAT_CELLS = 2;

export type ToWorker =
  /** A port on which this thread and another ring each other. */
  | { readonly type: 'neighbour'; readonly thread: number; readonly port: MessagePort }
  | { readonly type: 'neighbour gone'; readonly thread: number }
  /** Grants wait to be delivered. */
  | { readonly type: 'bell' }
  /** A pool's ledger that it asked for is there, or is not to be had. */
  | { readonly type: 'awake'; readonly pool: string }
  | { readonly type: 'metrics'; readonly id: number }
  /** Accept no more and finish what is under way, at most for so long; then end. `idleMs`: as in RoutingPlane. */
  | { readonly type: 'drain'; readonly withinMs: number; readonly idleMs?: number }
  /** Fail as a bug would. */
  | { readonly type: 'fail'; readonly message: string }
  /** Stand still. */
  | { readonly type: 'stall'; readonly message: string }
  /** Have a request fail as by a bug in it. */
  | { readonly type: 'fail request'; readonly message: string };

export type FromWorker =
  /** Addresses as bound, in the order of the listeners. */
  | { readonly type: 'ready'; readonly addresses: readonly string[] }
  | { readonly type: 'bell' }
  /** It accepts no more. */
  | { readonly type: 'farewell'; readonly farewell: Farewell }
  /** All it served is over; the last it says. */
  | { readonly type: 'over'; readonly cut: number; readonly snapshot: RequestMetricsSnapshot }
  /** A pool is asked for that nobody used for long. */
  | { readonly type: 'wake'; readonly pool: string }
  | { readonly type: 'report'; readonly report: HealthReport }
  | { readonly type: 'warning'; readonly message: string }
  | { readonly type: 'metrics'; readonly id: number; readonly snapshot: RequestMetricsSnapshot }
  /** Whole lines of the access log. */
  | { readonly type: 'log'; readonly text: string };
