/** The question and the answer of `query`. */
import type { QueryAnswer } from '../../../eventlog/index.ts';
import type { Moment } from '../moment.ts';

export type QueryWish = {
  readonly sql: string;
  readonly since?: Moment;
  readonly until?: Moment;
  /** The most rows returned. */
  readonly limit: number;
  /** How long it may take. */
  readonly timeoutMs?: number;
};

/**
 * `archived`: the last archived position, if the query asked for events from then. `damaged`: the parts of the journal
 * that could not be read, if the query read it.
 */
export type Answer = QueryAnswer & { readonly archived?: number; readonly damaged?: readonly string[] };

/** What a query process is told; `place`: a data directory, or one file. */
export type QueryOrder = { readonly place: string; readonly wish: QueryWish };

// What a process for one query may hold: rows that it sorts or groups.
export const MOST_MEGABYTES = 512;

// What an answer may hold, since it passes through the main thread in one piece: 50 MB of it stopped that for half a second.
export const MOST_CHARACTERS = 8_388_608;

// Other questions about the past wait at most this long.
export const QUERY_MS = 10_000;
