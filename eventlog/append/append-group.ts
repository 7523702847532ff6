/** Appends that share one commit: each has an end of its own, in order. */

import { EventUnreadable, LogUnavailable } from '../errors.ts';
import type { LogStore } from '../log-reader.ts';
import { judge, type Prepared, record, type Written } from './append.ts';
import type { Appended } from './append-wish.ts';
import type { PackedAppend } from './packed-append.ts';

/** `packed`: the form in which another thread prepared it. */
export type Entry = { readonly append: Prepared; readonly packed: PackedAppend | undefined };

export type Ended =
  | { readonly type: 'answered'; readonly appended: Appended; readonly written?: Written }
  | { readonly type: 'failed'; readonly error: unknown };

/**
 * Writes them together if possible, otherwise each with a commit of its own. Does not throw errors of the disk or of an
 * append.
 */
export function writeEach(group: readonly Entry[], store: LogStore, now: () => number): readonly Ended[] {
  try {
    return writeTogether(group, store, now);
  } catch (error) {
    // The disk and the lock concern all; any other failure may be that of one append, so each is tried alone.
    if (group.length === 1 || (error instanceof LogUnavailable && error.code !== 'log_failed')) {
      return group.map(() => ({ type: 'failed', error }));
    }
    return group.flatMap((entry) => writeEach([entry], store, now));
  }
}

/** In one transaction, or not at all: then it throws the cause. */
export function writeTogether(group: readonly Entry[], store: LogStore, now: () => number): readonly Ended[] {
  const ended: Ended[] = [];
  store.transaction(() => {
    for (const entry of group) ended.push(carriedOut(entry, store, now));
  });
  return ended;
}

/** If a packed append meets a conflict, nobody asks what won. */
function carriedOut({ append, packed }: Entry, store: LogStore, now: () => number): Ended {
  const refused = refusalOf(append, store, packed === undefined ? undefined : 0);
  if (refused !== undefined) return refused;
  const written = record(append, store, now());
  return { type: 'answered', appended: written.appended, written };
}

function refusalOf(append: Prepared, store: LogStore, mostWon: number | undefined): Ended | undefined {
  try {
    const appended = judge(append, store, mostWon);
    return appended && { type: 'answered', appended };
  } catch (error) {
    // An event that won a conflict cannot be read: that only fails this append, and nothing was written.
    if (error instanceof EventUnreadable) return { type: 'failed', error };
    throw error;
  }
}
