/** Appends that are written with one commit: each ends by itself, in order. */

import { EventUnreadable, LogUnavailable } from '../errors.ts';
import type { LogStore } from '../log-reader.ts';
import { judge, type Prepared, record, type Written } from './append.ts';
import type { Appended } from './append-wish.ts';
import type { PackedAppend } from './packed-append.ts';

/** `packed`: as another thread prepared it. */
export type Entry = { readonly append: Prepared; readonly packed: PackedAppend | undefined };

export type Ended =
  | { readonly type: 'answered'; readonly appended: Appended; readonly written?: Written }
  | { readonly type: 'failed'; readonly error: unknown };

/** Together if that goes, else each with a commit of its own. Throws nothing that the disk or an append does. */
export function writeEach(group: readonly Entry[], store: LogStore, now: () => number): readonly Ended[] {
  try {
    return writeTogether(group, store, now);
  } catch (error) {
    // The disk and the lock are everyone's; any other failure is one append's own, so each is tried alone.
    if (group.length === 1 || (error instanceof LogUnavailable && error.code !== 'log_failed')) {
      return group.map(() => ({ type: 'failed', error }));
    }
    return group.flatMap((entry) => writeEach([entry], store, now));
  }
}

/** In one transaction, or not at all: throws what hindered it. */
export function writeTogether(group: readonly Entry[], store: LogStore, now: () => number): readonly Ended[] {
  const ended: Ended[] = [];
  store.transaction(() => {
    for (const entry of group) ended.push(carriedOut(entry, store, now));
  });
  return ended;
}

/** Of a packed one that meets a conflict nobody asks what won. */
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
    // One of the events that won a conflict cannot be read: this append's own misfortune, with nothing written.
    if (error instanceof EventUnreadable) return { type: 'failed', error };
    throw error;
  }
}
