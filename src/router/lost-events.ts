/**
 * What the journal shows about the log beside it: the log must have every position on which requests were decided. It
 * lacks some if it was lost, came without its `-wal`, or is an older copy; nothing else would notice, because an
 * empty log is valid.
 */
import { openJournalReader } from '../../eventlog/index.ts';

// The last second of requests, and no more than can be read in about 10 ms.
const LAST_MS = 1000;
const MOST_REQUESTS = 5000;
// The same bound for a journal of a terabyte, because a start waits for this. In a takeover, two routers write
// alternately into a few segments.
const MOST_SEGMENTS = 16;

/**
 * The last position on which requests of earlier runs were decided, according to the newest segments; 0 if they do not
 * tell. `damaged` is called for parts of the journal that cannot be read.
 */
export function positionInJournal(directory: string, damaged: (error: unknown) => void = () => {}): number {
  const told = (_path: string, error: unknown) => damaged(error);
  const journal = openJournalReader(directory, { damaged: told, newest: MOST_SEGMENTS });
  try {
    const toMs = journal.span()?.toMs;
    return toMs === undefined ? 0 : lastPosition(journal.requests({ fromMs: toMs - LAST_MS }));
  } catch {
    // A journal that cannot be read tells nothing; its writer will report what is wrong with it.
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
