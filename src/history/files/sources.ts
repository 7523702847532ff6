/**
 * The log and the journal of a data directory, opened for reading when they are first wanted; or those of one file that
 * an export or an archive wrote, whose journal is unpacked into a directory that is removed at the end. If an archive
 * swaps the log's file, questions in progress continue with the file they began with.
 */
import {
  isFile,
  type JournalReader,
  type LogFile,
  makeTemporaryDirectory,
  openJournalReader,
  openLogFile,
  openPoints,
  type Points,
  type TemporaryDirectory,
  unpackJournal,
} from '../../../eventlog/index.ts';
import type { Sources } from '../room.ts';
import { Damage } from './damage.ts';

/** `sources`: opens them for one question, which must leave them at its end. */
export type OpenSources = { readonly sources: () => Sources; readonly close: () => void };

export function sourcesOf(place: string, now: () => number): OpenSources {
  const isOneFile = isFile(place);
  const damage = new Damage();
  const logs = new LogFiles(place);
  let journal: JournalReader | undefined;
  let points: Points | undefined;
  let unpacked: TemporaryDirectory | undefined;
  const openJournal = () => {
    if (isOneFile) {
      unpacked = makeTemporaryDirectory();
      unpackJournal(place, unpacked.path);
    }
    return openJournalReader(unpacked?.path ?? place, {
      damaged: (path, error) => damage.add(path, error),
      opened: (path) => damage.forget(path),
    });
  };
  const sources = (): Sources => {
    const { log, leave } = logs.enter();
    return {
      place,
      directory: isOneFile ? undefined : place,
      log,
      leave,
      points: () => {
        if (isOneFile) return undefined;
        points ??= openPoints(place);
        return points;
      },
      journal: () => {
        journal ??= openJournal();
        return journal;
      },
      damage: () => damage.all(),
      now,
    };
  };
  const close = () => {
    logs.close();
    journal?.close();
    points?.close();
    unpacked?.remove();
  };
  return { sources, close };
}

type InUse = LogFile & { readers: number };

/** The log's file, and former files while a question still reads them. */
class LogFiles {
  readonly #place: string;
  #files: InUse[] = [];

  constructor(place: string) {
    this.#place = place;
  }

  enter(): Required<Pick<Sources, 'log' | 'leave'>> {
    const file = this.#newest();
    file.readers += 1;
    let isOver = false;
    const leave = () => {
      if (isOver) return;
      isOver = true;
      file.readers -= 1;
      this.#letGo();
    };
    return { log: file.log, leave };
  }

  close(): void {
    for (const { log } of this.#files) log.close();
    this.#files = [];
  }

  #newest(): InUse {
    const last = this.#files.at(-1);
    if (last !== undefined && !last.isSwapped()) return last;
    const file = { ...openLogFile(this.#place), readers: 0 };
    this.#files.push(file);
    this.#letGo();
    return file;
  }

  /** Keeps the newest file open, because its pages are in memory. */
  #letGo(): void {
    const newest = this.#files.at(-1);
    const isWanted = (file: InUse) => file === newest || file.readers > 0;
    for (const file of this.#files) if (!isWanted(file)) file.log.close();
    this.#files = this.#files.filter(isWanted);
  }
}
