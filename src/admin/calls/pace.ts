/**
 * The pace at which the main thread reads the log for those who take all of it: a page in each turn of the loop, whoever's it
 * is. Who reads as quickly as is written would have every turn else, and nobody another answer.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';

let last: Promise<void> = Promise.resolve();

/** Each waiter gets a turn of its own, first come, first served. */
export function ownTurn(): Promise<void> {
  last = last.then(() => nextTurn());
  return last;
}
