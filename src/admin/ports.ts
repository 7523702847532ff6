/** What the admin API needs from the rest of the program: a small interface for each thing. */
import type { ActorPage, CrashPoint, Desk, Drained, PageOptions } from '../../actors/index.ts';
import type { BackendId, EventLog, PoolName } from '../../eventlog/index.ts';
import type { OwnAddresses } from '../config/index.ts';
import type { ArchiveReport, Historian, Repaired, Repairing } from '../history/index.ts';
import type { Importer } from '../import/index.ts';
import type { Family } from '../telemetry/prometheus.ts';
import type { ReplaceAnswer } from '../workers/index.ts';
import type { Confirmations } from './confirmations.ts';
import type { Logger } from './logger.ts';
import type { Successions } from './succession.ts';

/** The reading half of the log: commands go through the desk. */
export type History = Pick<
  EventLog,
  'read' | 'readStream' | 'current' | 'currents' | 'position' | 'archived' | 'version' | 'onAppended'
>;

export type Check = { readonly ok: boolean; readonly detail: string };

export type LedgerFigures = {
  readonly waiting: number;
  readonly backends: {
    readonly [id: string]: {
      readonly inFlight: number;
      /** Null: no limit. */
      readonly limit: number | null;
      /** As the ledger sees it: eligible, quarantined, draining and so on. */
      readonly state: string;
      /** Present if the state ends by itself. */
      readonly untilMs?: number;
    };
  };
};

export type CrashAnswer = 'done' | 'not_running' | 'unknown';

export interface AdminPorts {
  readonly desk: Desk;
  /** Carries out imports; if absent, the desk does. */
  readonly importer?: Importer;
  readonly log: History;
  /** Answers questions about the past, without blocking routing. */
  readonly history: Historian;
  /** Chooses who compares a wish of this many bytes with what is in force; `history` if absent. */
  readonly comparer?: (bytes: number) => Historian;
  /** Works out what a rollback, an undo or a removal changes, at the priority of a command; `history` if absent. */
  readonly restorer?: Historian;
  /** The supervision tree, a page at a time. */
  readonly actors: (page: PageOptions) => ActorPage;
  /** Absent without `--chaos`: then the route does not exist. */
  readonly chaos?: (wish: {
    readonly crash: string;
    readonly at?: CrashPoint;
  }) => CrashAnswer | Promise<CrashAnswer>;
  /** Undefined for a pool whose ledger has not been used yet. */
  readonly ledger: (pool: string) => LedgerFigures | undefined;
  /** A pool's ledger as it is, packed; undefined if it has none. */
  readonly checkpoint: (pool: string) => Uint8Array | undefined;
  /** Resolves when a backend that was drained or removed has nothing in progress; undefined if the caller left. */
  readonly drained: (pool: PoolName, id: BackendId, gone: AbortSignal) => Promise<Drained | undefined>;
  readonly metrics: () => Promise<readonly Family[]>;
  readonly health: () => Check;
  readonly ready: () => Check;
  /** Absent if nothing can be changed. */
  readonly confirmations?: Confirmations;
  /** Absent if the log is in use. */
  readonly repair?: () => AsyncGenerator<Repairing, Repaired>;
  /** Absent if the log is not in a directory. */
  readonly archive?: (
    wish: { readonly before: number; readonly file: string },
    signal?: AbortSignal,
  ) => AsyncGenerator<string, ArchiveReport>;
  /** Replaces this worker, or all, one after the other; then waits up to this long until the former ones are gone. */
  readonly replace: (worker: number | undefined, waitMs: number) => Promise<ReplaceAnswer>;
  /** Lets another process take this one's place. */
  readonly successions: Successions;
  /** The router's own listeners, which no backend may have: it would be a loop. */
  readonly ownAddresses: () => OwnAddresses;
  readonly now: () => number;
  /** The interval of heartbeats on a silent Server-Sent Events stream; 15 s by default. */
  readonly heartbeatMs?: number;
}

export interface AdminOptions extends AdminPorts {
  /** If set, required for everything but probes. Without a token the API listens on loopback only. */
  readonly token?: string;
  /** Further names accepted in the Host field. */
  readonly names: readonly string[];
  readonly logger: Logger;
  /** The number of connections that may be open at once; 288 by default. */
  readonly connections?: number;
  /** A client that takes nothing of its response for this long is cut off; 60 s by default. */
  readonly stalledMs?: number;
}
