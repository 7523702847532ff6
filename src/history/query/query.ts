/** `query`: SQL over data on disk in a separate process, over a log in memory in this thread. */

import type { Room } from '../room.ts';
import { answerQuery } from './answer-query.ts';
import { queryApart } from './query-apart.ts';
import { type Answer, QUERY_MS, type QueryWish } from './query-wish.ts';

/** In a separate process: work inside SQLite cannot be stopped in any other way, neither by a timeout nor by Ctrl-C. */
export function query(wish: QueryWish, room: Room): Promise<Answer> {
  const { place, signal } = room;
  if (place === undefined) return answerQuery(wish, room);
  return queryApart({ place, wish }, wish.timeoutMs ?? QUERY_MS, signal);
}
