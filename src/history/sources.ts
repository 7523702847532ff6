/**
 * The log and the journal of a data directory, opened for reading when they are first wanted; or of one file that an
 * export or an archive wrote, whose journal is then unpacked into a directory that goes when this is closed.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  isFile,
  type JournalReader,
  type LogInspection,
  type LogReader,
  openJournalReader,
  openPoints,
  openSqliteReader,
  type Points,
  unpackJournal,
} from '../../eventlog/index.ts';
import type { Sources } from './room.ts';

export type OpenSources = { readonly sources: () => Sources; readonly close: () => void };

export function sourcesOf(place: string, now: () => number): OpenSources {
  const isOneFile = isFile(place);
  const damage = new Map<string, string>();
  let log: (LogReader & LogInspection) | undefined;
  let journal: JournalReader | undefined;
  let points: Points | undefined;
  let unpacked: string | undefined;
  const openJournal = () => {
    if (isOneFile) {
      unpacked = mkdtempSync(join(tmpdir(), 'switchyard-export-'));
      unpackJournal(place, unpacked);
    }
    return openJournalReader(unpacked ?? place, {
      damaged: (path, error) => void damage.set(path, `${path}: ${(error as Error).message}`),
    });
  };
  const sources = (): Sources => {
    log ??= openSqliteReader(place);
    return {
      directory: isOneFile ? undefined : place,
      log,
      points: () => {
        if (isOneFile) return undefined;
        points ??= openPoints(place);
        return points;
      },
      journal: () => {
        journal ??= openJournal();
        return journal;
      },
      damage: () => [...damage.values()],
      now,
    };
  };
  const close = () => {
    log?.close();
    journal?.close();
    points?.close();
    if (unpacked !== undefined) rmSync(unpacked, { recursive: true, force: true });
  };
  return { sources, close };
}
