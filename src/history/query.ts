/** `query`: one SELECT over the views of log and journal, within bounds. */
import { type QueryAnswer, QueryRefused, runQuery } from '../../eventlog/index.ts';
import type { Moment } from './moment.ts';
import type { Room } from './room.ts';
import { Unanswerable } from './unanswerable.ts';
import { msOf } from './verify-decisions.ts';
import { views } from './views.ts';

export type QueryWish = {
  readonly sql: string;
  readonly since?: Moment;
  readonly until?: Moment;
  /** Rows at most. */
  readonly limit: number;
};

// Whoever else asks of the past waits that long at most.
const QUERY_MS = 10_000;

export async function query({ sql, since, until, limit }: QueryWish, room: Room): Promise<QueryAnswer> {
  const fromMs = msOf(room, since, 'since');
  const toMs = msOf(room, until, 'until');
  const bounds = { ...(fromMs === undefined ? {} : { fromMs }), ...(toMs === undefined ? {} : { toMs }) };
  try {
    return await runQuery(sql, views(room, bounds), { rows: limit, ms: QUERY_MS }, room.breathe);
  } catch (error) {
    if (error instanceof QueryRefused) throw new Unanswerable('invalid_query', error.message);
    throw error;
  }
}
