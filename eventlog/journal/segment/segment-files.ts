/** The files of a journal's segments: `segment-00000001.db` and so on; the oldest are deleted whole. */
import { existsSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { makeNewFile } from '../../sqlite/make-file.ts';

/** The name of the journal in a data directory. */
export const JOURNAL_DIRECTORY = 'journal';

export type SegmentFile = { readonly number: number; readonly path: string };

const NAME = /^segment-(\d{8,})\.db$/;
const COMPANIONS = ['', '-wal', '-shm', '-journal'] as const;

/** Oldest first; empty if the directory does not exist. */
export function segmentFiles(directory: string): SegmentFile[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory)
    .flatMap((name) => {
      const found = NAME.exec(name);
      return found === null ? [] : [{ number: Number(found[1]), path: join(directory, name) }];
    })
    .toSorted((a, b) => a.number - b.number);
}

/**
 * Puts each run's segments after those of the run that began before it. Usually that is the order of their numbers; if one
 * process took over from another, both wrote for a while. `runOf`: the run of the last block; a segment is continued by
 * later runs, never by earlier ones.
 */
export function inOrderOfRuns<T>(segments: readonly T[], runOf: (segment: T) => number | undefined): T[] {
  return [...Map.groupBy(segments, runOf).values()].flat();
}

export function segmentPath(directory: string, number: number): string {
  return join(directory, `segment-${String(number).padStart(8, '0')}.db`);
}

export function makeJournalDirectory(directory: string): void {
  // 0700: paths and hosts concern only their users. Never makes the data directory too: if that was moved away, it should
  // come back.
  if (!existsSync(directory)) mkdirSync(directory, { mode: 0o700 });
}

/** Throws `EEXIST` if the file exists: if the directory was away for a moment, its files could not be seen. */
export function beginSegment(path: string): void {
  makeNewFile(path);
}

/** Includes what SQLite keeps beside the file. */
export function bytesOf(path: string): number {
  return COMPANIONS.reduce(
    (sum, suffix) => sum + (statSync(path + suffix, { throwIfNoEntry: false })?.size ?? 0),
    0,
  );
}

export function hasWriteAheadLog(path: string): boolean {
  return existsSync(`${path}-wal`);
}

export function modifiedAtMs(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

export function dropSegment(path: string): void {
  for (const suffix of COMPANIONS) rmSync(path + suffix, { force: true });
}
