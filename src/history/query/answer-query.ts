/** One SELECT over the views of log and journal, within bounds. */
import { QueryRefused, runQuery } from '../../../eventlog/index.ts';
import { timeBetween } from '../moment.ts';
import type { Room } from '../room.ts';
import { Unanswerable } from '../unanswerable.ts';
import { type Answer, MOST_CHARACTERS, QUERY_MS, type QueryWish } from './query-wish.ts';
import { views } from './views.ts';

export async function answerQuery(
  { sql, since, until, limit, timeoutMs = QUERY_MS }: QueryWish,
  room: Room,
): Promise<Answer> {
  const bounds = timeBetween(room.log, since, until, ['since', 'until']);
  const most = { rows: limit, characters: MOST_CHARACTERS, ms: timeoutMs };
  let missed: { readonly archived?: number } = {};
  const tables = views(room, bounds, (archived) => (missed = { archived }));
  try {
    const answer = await runQuery(sql, tables, most, room.breathe);
    const damaged = room.damage();
    return { ...answer, ...missed, ...(damaged.length === 0 ? {} : { damaged }) };
  } catch (error) {
    if (error instanceof QueryRefused) throw new Unanswerable('invalid_query', error.message);
    throw error;
  }
}
