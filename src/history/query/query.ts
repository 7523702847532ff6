/** `query`: SQL over a directory in a process beside, over a single file in the same thread. */

import type { Room } from '../room.ts';
import { answerQuery } from './answer-query.ts';
import { queryApart } from './query-apart.ts';
import { type Answer, QUERY_MS, type QueryWish } from './query-wish.ts';

/** By a process of its own: of what SQLite does by itself, nothing else can be stopped, by a clock or by Ctrl-C. */
export function query(wish: QueryWish, room: Room): Promise<Answer> {
  const { directory, isOnDisk, signal } = room;
  if (isOnDisk !== true || directory === undefined) return answerQuery(wish, room);
  return queryApart({ directory, wish }, wish.timeoutMs ?? QUERY_MS, signal);
}
