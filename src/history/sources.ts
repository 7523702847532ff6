/** The log and the journal of a data directory, opened for reading when they are first wanted. */
import {
  type JournalReader,
  type LogInspection,
  type LogReader,
  openJournalReader,
  openSqliteReader,
} from '../../eventlog/index.ts';
import type { Sources } from './room.ts';

export type OpenSources = { readonly sources: () => Sources; readonly close: () => void };

export function sourcesOf(directory: string, now: () => number): OpenSources {
  let log: (LogReader & LogInspection) | undefined;
  let journal: JournalReader | undefined;
  return {
    sources: () => {
      log ??= openSqliteReader(directory);
      return {
        log,
        journal: () => {
          journal ??= openJournalReader(directory);
          return journal;
        },
        now,
      };
    },
    close: () => {
      log?.close();
      journal?.close();
    },
  };
}
