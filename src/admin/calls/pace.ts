/**
 * The pace at which the main thread reads the log for clients that take all of it: one page per turn of the event loop,
 * for all clients together. Otherwise a client that reads as fast as pages are written would take every turn, and
 * nobody else would get an answer.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';

let last: Promise<void> = Promise.resolve();

/** Each waiter gets a turn of its own, first come, first served. */
export function ownTurn(): Promise<void> {
  last = last.then(() => nextTurn());
  return last;
}
