/** Parts of the log as files of their own: exports to share, and archives. */
import { rmSync } from 'node:fs';
import {
  type Copying,
  copying,
  type Finding,
  type JournalReader,
  type Packing,
  packJournal,
  verifying,
} from '../../../eventlog/index.ts';
import { projectionOf } from '../../projection.ts';
import { type Moment, positionAt } from '../moment.ts';
import type { Room } from '../room.ts';
import { requireBeginning } from '../state/change-at.ts';
import { Unanswerable } from '../unanswerable.ts';
import { trialsIn } from '../undo/trial.ts';
import type { Repaired } from './repair-log.ts';

export type ExportWish = {
  /** The first and last moment wanted; by default the beginning and the end. */
  readonly from?: Moment | undefined;
  readonly to?: Moment | undefined;
  /** The file to write; it must not exist yet. */
  readonly path: string;
};

export type Exported = {
  readonly from: number;
  readonly to: number;
  readonly events: number;
  /** Segments of the journal. */
  readonly segments: number;
};

/** The events, the state before them as a base, and the part of the journal from that time. */
export async function* exportPart(
  { from, to, path }: ExportWish,
  room: Room,
): AsyncGenerator<Copying | Packing, Exported> {
  const { log, directory, breathe } = room;
  const least = (log.base()?.position ?? 0) + 1;
  const last = to === undefined ? log.position() : positionAt(log, to, 'to');
  const first = Math.max(least, from === undefined ? least : positionAt(log, from, 'from'));
  if (first > last + 1) throw outside('from', `at most ${last + 1}`, first);
  const copied = yield* copying({ source: log, path, from: first, to: last, projectionOf, breathe });
  const segments =
    directory === undefined ? 0 : yield* packJournal(directory, path, timesOf(room, first, last), breathe);
  return { ...copied, segments };
}

/** From the first event to the one after the last, so that requests decided on the last event are included. */
function timesOf({ log, now }: Room, first: number, last: number) {
  const atMs = (position: number) => log.storedEvents(position, 1)[0]?.recordedAtMs;
  return { fromMs: first === 1 ? 0 : (atMs(first) ?? 0), toMs: atMs(last + 1) ?? now() };
}

export type ArchiveWish = {
  /** The first position that stays. */
  readonly before: number;
  /** The file for the older events. */
  readonly file: string;
  /** The file for the log that stays. */
  readonly fresh: string;
};

export type Archived = {
  readonly from: number;
  /** The last archived position. */
  readonly to: number;
  readonly events: number;
  /** The last position in `fresh`. */
  readonly upTo: number;
};

/** Makes both files, or leaves neither. */
export async function* archivePart(
  { before, file, fresh }: ArchiveWish,
  room: Room,
): AsyncGenerator<Copying, Archived> {
  const { log, breathe } = room;
  const first = (log.base()?.position ?? 0) + 1;
  const upTo = log.position();
  if (before <= first || before > upTo + 1)
    throw outside('before', `from ${first + 1} to ${upTo + 1}`, before);
  requireBeginning(before, room, 'before');
  // Undoing a trial needs the position before it.
  for (const trial of trialsIn(log))
    if (trial.before < before - 1)
      throw outside('before', `up to ${trial.before + 1} while change ${trial.id} is on trial`, before);
  const copied = yield* copying({
    source: log,
    path: file,
    from: first,
    to: before - 1,
    projectionOf,
    breathe,
  });
  const rest = { source: log, path: fresh, from: before, to: upTo, commands: 'all' as const };
  let isDone = false;
  try {
    yield* copying({ ...rest, projectionOf, breathe });
    isDone = true;
  } finally {
    // The log keeps these events, and the next try needs the name.
    if (!isDone) rmSync(file, { force: true });
  }
  return { ...copied, upTo };
}

/** `repaired`: what was just repaired; included in the answer. */
export type VerifyWish = { readonly repaired?: Repaired };

/** Blocks of the journal. */
type Checking = { readonly checking: 'journal'; readonly done: number; readonly of: number };

/** Checks the chain, positions, readability, current rows and snapshots, and the journal if there is one. */
export async function* verifyAll({ repaired }: VerifyWish, room: Room) {
  const found = yield* verifying(room.log, projectionOf, { signal: room.signal });
  const journal = room.journal();
  yield* checkingJournal(journal, room);
  const span = journal.span();
  const damaged = room.damage();
  const firstBad = Math.min(...found.findings.filter(isOfTheLog).map(({ position }) => position));
  return {
    ...found,
    ok: found.ok && damaged.length === 0,
    ...(Number.isFinite(firstBad) ? { firstBad } : {}),
    journal: { span: span ?? null, gaps: journal.gaps().length, damaged },
    ...(repaired === undefined ? {} : { repaired }),
  };
}

async function* checkingJournal(journal: JournalReader, { breathe }: Room): AsyncGenerator<Checking, void> {
  for (const blocks of journal.check()) {
    yield { checking: 'journal', ...blocks };
    await breathe();
  }
}

/** Caches can be rebuilt; damage to the file as a whole has no position to name. */
function isOfTheLog({ type, position }: Finding): boolean {
  return position > 0 && type !== 'current_wrong' && type !== 'snapshot_wrong';
}

function outside(what: string, expected: string, found: number): Unanswerable {
  return new Unanswerable('invalid_query', `${what}: expected a position ${expected}, found ${found}`);
}
