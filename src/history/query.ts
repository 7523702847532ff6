/** `query`: one SELECT over the views of log and journal, within bounds. */
import { type QueryAnswer, QueryRefused, runQuery } from '../../eventlog/index.ts';
import type { Moment } from './moment.ts';
import { queryApart } from './query-apart.ts';
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
  /** How long it may take. */
  readonly timeoutMs?: number;
};

// Whoever else asks of the past waits that long at most.
const QUERY_MS = 10_000;

/** Beside a running router by a process of its own: of what SQLite does by itself, nothing else can be stopped. */
export function query(wish: QueryWish, room: Room): Promise<Answer> {
  const { directory, isBeside, signal } = room;
  if (isBeside !== true || directory === undefined) return answerQuery(wish, room);
  return queryApart({ directory, wish }, wish.timeoutMs ?? QUERY_MS, signal);
}

/** `archived`: up to this position the log is archived, where the query asked for events of then. */
export type Answer = QueryAnswer & { readonly archived?: number };

export async function answerQuery(
  { sql, since, until, limit, timeoutMs = QUERY_MS }: QueryWish,
  room: Room,
): Promise<Answer> {
  const fromMs = msOf(room, since, 'since');
  const toMs = msOf(room, until, 'until');
  const bounds = { ...(fromMs === undefined ? {} : { fromMs }), ...(toMs === undefined ? {} : { toMs }) };
  let missed: { readonly archived?: number } = {};
  const tables = views(room, bounds, (archived) => (missed = { archived }));
  try {
    const answer = await runQuery(sql, tables, { rows: limit, ms: timeoutMs }, room.breathe);
    return { ...answer, ...missed };
  } catch (error) {
    if (error instanceof QueryRefused) throw new Unanswerable('invalid_query', error.message);
    throw error;
  }
}
