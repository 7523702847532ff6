/** The question and the answer of `query`. */
import type { QueryAnswer } from '../../../eventlog/index.ts';
import type { Moment } from '../moment.ts';

export type QueryWish = {
  readonly sql: string;
  readonly since?: Moment;
  readonly until?: Moment;
  /** Rows at most. */
  readonly limit: number;
  /** How long it may take. */
  readonly timeoutMs?: number;
};

/**
 * `archived`: up to this position the log is archived, where the query asked for events of then. `damaged`: what of the journal
 * could not be read, where the query read it.
 */
export type Answer = QueryAnswer & { readonly archived?: number; readonly damaged?: readonly string[] };

/** What a process for one query is told; `place`: a data directory, or one file. */
export type QueryOrder = { readonly place: string; readonly wish: QueryWish };

// What a process for one query may hold: rows that it sorts or groups.
export const MOST_MEGABYTES = 512;

// Whoever else asks of the past waits that long at most.
export const QUERY_MS = 10_000;
