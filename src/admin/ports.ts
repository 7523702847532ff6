/** What the admin API needs from the rest of the program: a small interface for each thing. */
import type { ActorPage, CrashPoint, Desk, Drained, PageOptions } from '../../actors/index.ts';
import type { BackendId, EventLog, PoolName } from '../../eventlog/index.ts';
import type { OwnAddresses } from '../config/index.ts';
import type { ArchiveReport, Historian, Repaired, Repairing } from '../history/index.ts';
import type { Importer } from '../import/index.ts';
import type { Family } from '../telemetry/prometheus.ts';
import type { ReplaceAnswer } from '../workers/index.ts';
import type { Confirmations } from './confirmations.ts';
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
      /** As the ledger sees it: eligible, quarantined, draining and the like. */
      readonly state: string;
      /** Present where that ends by itself. */
      readonly untilMs?: number;
    };
  };
};

export type CrashAnswer = 'done' | 'not_running' | 'unknown';

export interface AdminPorts {
  readonly desk: Desk;
  /** Who carries out imports; the desk, where nobody does it beside. */
  readonly importer?: Importer;
  readonly log: History;
  /** Questions about the past, answered beside routing. */
  readonly history: Historian;
  /** Who compares a wish of so many bytes with what is in force; `history`, unless somebody else does. */
  readonly comparer?: (bytes: number) => Historian;
  /** The supervision tree, a page at a time. */
  readonly actors: (page: PageOptions) => ActorPage;
  /** Absent without `--chaos`: then the route does not exist. */
  readonly chaos?: (wish: {
    readonly crash: string;
    readonly at?: CrashPoint;
  }) => CrashAnswer | Promise<CrashAnswer>;
  /** Undefined for a pool whose ledger nobody has used yet. */
  readonly ledger: (pool: string) => LedgerFigures | undefined;
  /** A pool's ledger as it is, packed; undefined: it has none. */
  readonly checkpoint: (pool: string) => Uint8Array | undefined;
  /** Resolves when a backend that was drained or removed has nothing under way; undefined: who asked went away. */
  readonly drained: (pool: PoolName, id: BackendId, gone: AbortSignal) => Promise<Drained | undefined>;
  readonly metrics: () => Promise<readonly Family[]>;
  readonly health: () => Check;
  readonly ready: () => Check;
  /** Absent where nothing can be changed. */
  readonly confirmations?: Confirmations;
  /** Absent where the log is not at rest. */
  readonly repair?: () => AsyncGenerator<Repairing, Repaired>;
  /** Absent where the log is in no directory. */
  readonly archive?: (
    wish: { readonly before: number; readonly file: string },
    signal?: AbortSignal,
  ) => AsyncGenerator<string, ArchiveReport>;
  /** This worker, or all, one after the other; and then so long for the former ones to be gone. */
  readonly replace: (worker: number | undefined, waitMs: number) => Promise<ReplaceAnswer>;
  /** Another process may take this one's place. */
  readonly successions: Successions;
  /** Our own listeners, which no backend may be: such a backend would be a loop. */
  readonly ownAddresses: () => OwnAddresses;
  readonly now: () => number;
  /** How often a silent Server-Sent Events stream says that it lives; 15 s by default. */
  readonly heartbeatMs?: number;
}
