/**
 * Archives an old prefix of the log: it goes into a file, and the log continues after it, anchored by hash and base.
 */
import { existsSync, realpathSync, rmSync, statSync } from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';
import {
  inTheWayOf,
  JOURNAL_DIRECTORY,
  type LocalLog,
  removeCopy,
  swapLog,
} from '../../../eventlog/index.ts';
import type { Historian } from '../historian.ts';
import { Unanswerable } from '../unanswerable.ts';

export type ArchiveOptions = {
  readonly history: Historian;
  readonly directory: string;
  /** The log that is open at the time of the call. */
  readonly log: () => LocalLog;
  /** Runs work while nobody appends; absent if nobody else uses the log. */
  readonly alone?: <T>(work: () => Promise<T>) => Promise<T>;
};

export type ArchiveReport = {
  readonly from: number;
  readonly to: number;
  readonly events: number;
  readonly file: string;
};

const busy = new Set<string>();

/**
 * Writes both files beside the log, then, in one step, copies what was appended meanwhile and swaps the log. Yields
 * lines of progress.
 */
export async function* archiveLog(
  { history, directory, log, alone = (work) => work() }: ArchiveOptions,
  { before, file }: { readonly before: number; readonly file: string },
  signal?: AbortSignal,
): AsyncGenerator<string, ArchiveReport> {
  checkFile(file, directory);
  if (busy.has(directory))
    throw new Unanswerable('history_busy', 'expected one archive at a time, found another');
  busy.add(directory);
  const fresh = join(directory, 'archiving.db');
  try {
    removeCopy(fresh);
    const { upTo, from, to, events } = yield* history.pour('archive', { before, file, fresh }, signal);
    await alone(async () => swapLog(log(), directory, fresh, upTo));
    return { from, to, events, file };
  } finally {
    rmSync(fresh, { force: true });
    busy.delete(directory);
  }
}

function checkFile(file: string, directory: string): void {
  const refused = (expected: string, found: string) =>
    new Unanswerable('invalid_query', `file: expected ${expected}, found ${found}`);
  if (!isAbsolute(file) || file.includes('\0')) throw refused('an absolute path', JSON.stringify(file));
  const existing = inTheWayOf(file);
  if (existing !== undefined) throw refused(`to write ${existing}`, 'that it exists already');
  const place = dirname(file);
  if (statSync(place, { throwIfNoEntry: false })?.isDirectory() !== true)
    throw refused(`to write ${file}`, 'no such directory');
  // In those directories some names belong to caches, which get deleted, and others to files that come and go.
  const own = [directory, join(directory, JOURNAL_DIRECTORY)].filter((each) => existsSync(each));
  if (own.some((each) => realpathSync(each) === realpathSync(place)))
    throw refused('a place of its own', `${file}, in the data directory`);
}
