/**
 * What the journal shows about the log beside it: the log must have every position on which requests were decided. It
 * lacks some if it was lost, came without its `-wal`, or is an older copy; nothing else would notice, because an
 * empty log is valid.
 */
import { openJournalReader } from '../../eventlog/index.ts';

// The last second of requests, and no more than are read in some ten milliseconds.
const LAST_MS = 1000;
const MOST_REQUESTS = 5000;
// Of a journal of a terabyte as of a small one, since a start waits for it; two routers of a take-over write by turns into few.
const MOST_SEGMENTS = 16;

/**
 * The last position that requests of former runs were decided on, as far as the newest of them tell; 0: they do not. `damaged` is
 * told of what of the journal cannot be read.
 */
export function positionInJournal(directory: string, damaged: (error: unknown) => void = () => {}): number {
  const told = (_path: string, error: unknown) => damaged(error);
  const journal = openJournalReader(directory, { damaged: told, newest: MOST_SEGMENTS });
  try {
    const toMs = journal.span()?.toMs;
    return toMs === undefined ? 0 : lastPosition(journal.requests({ fromMs: toMs - LAST_MS }));
  } catch {
    // A journal that cannot be read tells nothing, and whoever is to write it says what is wrong with it.
    return 0;
  } finally {
    journal.close();
  }
}

function lastPosition(requests: Iterable<{ readonly position: number }>): number {
  let last = 0;
  let read = 0;
  for (const { position } of requests) {
    last = Math.max(last, position);
    read += 1;
    if (read === MOST_REQUESTS) break;
  }
  return last;
}
