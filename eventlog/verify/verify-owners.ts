/**
 * Compares what is stored beside the events with their fold: current rows and snapshots of each stream. Many streams
 * are read in one call, because a call for each takes ten times as long; a stream that is not found right is then
 * examined by itself, with a finding for each fault.
 */
import { EventUnreadable } from '../errors.ts';
import type { Base, Kept, LogInspection, StoredOwner, StoredSnapshot } from '../log-reader.ts';
import { kindOf, quoted } from '../names.ts';
import type { Version } from '../position.ts';
import { type FoldEnd, foldOf, type StreamRows } from '../replay/rebuild.ts';
import type { ProjectionOf } from '../replay/replay.ts';
import { isOfTheFile } from '../sqlite/sqlite-errors.ts';
import { type Finding, findingAt } from './finding.ts';

/** `checked`: how many streams or rows. */
export type OwnersChecked = { readonly checked: number; readonly findings: readonly Finding[] };

type OwnerRows = StreamRows & Pick<LogInspection, 'positionOf' | 'storedCurrent' | 'storedSnapshots'>;

const STREAMS = 100;
// About 5 ms of folding: other work of this thread waits no longer.
const EVENTS = 1000;
const ROWS = 500;
// A third time in a row within the same millisecond is no accident.
const TRIES = 3;
// Each snapshot of a large pool takes some hundred kilobytes.
const SNAPSHOTS = 16;

/** Checks every stream of the log, in pages. */
export function* ownerFindings(log: LogInspection, projectionOf: ProjectionOf): Generator<OwnersChecked> {
  const base = log.base();
  for (let after = ''; ; ) {
    const names = log.streams(after, STREAMS);
    const owners = readTogether(log, names);
    // The first stream may have too many events to be read with others.
    const taken = owners === undefined ? names : names.slice(0, Math.max(1, owners.length));
    const right = owners?.filter((owner) => isRight(log, base, owner, projectionOf));
    const found = new Set(right?.map(({ stream }) => stream));
    const doubted = taken.filter((stream) => !found.has(stream));
    yield { checked: taken.length - doubted.length, findings: [] };
    for (const stream of doubted) yield* checking(log, stream, projectionOf);
    if (taken.length === names.length && names.length < STREAMS) return;
    after = taken.at(-1) ?? after;
  }
}

/** In steps: a stream may have very many events. */
function* checking(
  log: LogInspection,
  stream: string,
  projectionOf: ProjectionOf,
): Generator<OwnersChecked, void> {
  const steps = streamFindings(log, stream, projectionOf);
  let step = steps.next();
  for (; step.done !== true; step = steps.next()) yield { checked: 0, findings: [] };
  yield { checked: 1, findings: step.value ?? [] };
}

/** Undefined: a page of the file is damaged, so each stream is read by itself. */
function readTogether(log: LogInspection, names: readonly string[]): readonly StoredOwner[] | undefined {
  try {
    return log.storedOwners(names, EVENTS);
  } catch (error) {
    if (!isUnreadable(error)) throw error;
    return undefined;
  }
}

function isRight(
  log: LogInspection,
  base: Base | undefined,
  owner: StoredOwner,
  projectionOf: ProjectionOf,
): boolean {
  // The stream was listed, so there must be something of it.
  if (owner.events.length === 0 && owner.base === undefined) return false;
  const steps = streamFindings(new ReadOwner(log, base, owner), owner.stream, projectionOf);
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value?.length === 0;
  }
}

/** One owner's rows, read before, behind the interface of the log. */
class ReadOwner implements OwnerRows {
  readonly #log: LogInspection;
  readonly #base: Base | undefined;
  readonly #owner: StoredOwner;

  constructor(log: LogInspection, base: Base | undefined, owner: StoredOwner) {
    this.#log = log;
    this.#base = base;
    this.#owner = owner;
  }

  base() {
    return this.#base;
  }

  baseState() {
    return this.#owner.base;
  }

  storedEventsOf(_stream: string, from: number, limit: number) {
    const { events } = this.#owner;
    return from === 1 && events.length <= limit
      ? events
      : events.filter(({ version }) => version >= from).slice(0, limit);
  }

  positionOf(stream: string, version: number) {
    return this.#log.positionOf(stream, version);
  }

  storedCurrent() {
    return this.#owner.current;
  }

  storedSnapshots(_stream: string, after: Version, limit: number) {
    return this.#owner.snapshots.filter(({ version }) => version > after).slice(0, limit);
  }
}

/** A step for each snapshot. Undefined: its events cannot be folded, which is reported when the chain is followed. */
function* streamFindings(
  log: OwnerRows,
  stream: string,
  projectionOf: ProjectionOf,
): Generator<void, readonly Finding[] | undefined> {
  try {
    for (let tries = 1; ; tries++) {
      const kept = keptSnapshots(log, stream);
      const right = foldOf(log, stream, projectionOf(kindOf(stream)));
      const { wrong, end } = yield* snapshotFindings(kept, right);
      const findings = [...currentFindings(log, stream, end), ...wrong];
      // Another thread appended after the last event was folded and before the row was read: check again.
      const grew = findings.length > 0 && log.storedEventsOf(stream, end.version + 1, 1).length > 0;
      if (!grew || tries === TRIES) return findings;
    }
  } catch (error) {
    if (!isUnreadable(error)) throw error;
    return undefined;
  }
}

function currentFindings(log: OwnerRows, stream: string, { version, state }: FoldEnd): readonly Finding[] {
  const row = log.storedCurrent(stream);
  const equal =
    state === 'null' ? row === undefined : row?.version === version && row.state === state && row.intact;
  if (equal) return [];
  const position = log.positionOf(stream, version);
  const expected = state === 'null' ? 'no current row' : `version ${version} with ${quoted(state)}`;
  const found =
    row === undefined ? 'no current row' : `${soundness(row)}version ${row.version} with ${quotedState(row)}`;
  return [findingAt({ position, stream }, 'current_wrong', expected, found)];
}

/** The stored snapshots in order of version. */
function* keptSnapshots(log: OwnerRows, stream: string): Generator<Kept<StoredSnapshot>, undefined> {
  for (let after = Number.MIN_SAFE_INTEGER; ; ) {
    const page = log.storedSnapshots(stream, after, SNAPSHOTS);
    yield* page;
    if (page.length < SNAPSHOTS) return;
    after = page.at(-1)?.version ?? after;
  }
}

/** Both are in order of version. */
function* snapshotFindings(
  kept: Generator<Kept<StoredSnapshot>, undefined>,
  right: Generator<StoredSnapshot, FoldEnd>,
): Generator<void, { readonly wrong: readonly Finding[]; readonly end: FoldEnd }> {
  const wrong: Finding[] = [];
  let snapshot = kept.next().value;
  let step = right.next();
  for (; step.done !== true; step = right.next()) {
    for (; snapshot !== undefined && snapshot.version <= step.value.version; snapshot = kept.next().value)
      wrong.push(...snapshotFinding(snapshot, step.value));
    yield;
  }
  for (; snapshot !== undefined; snapshot = kept.next().value)
    wrong.push(...snapshotFinding(snapshot, undefined));
  return { wrong, end: step.value };
}

/** A snapshot may be missing, since it may be deleted at any time; an existing one must be right. */
function snapshotFinding(
  snapshot: Kept<StoredSnapshot>,
  next: StoredSnapshot | undefined,
): readonly Finding[] {
  const expected = next?.version === snapshot.version ? next : undefined;
  if (
    expected !== undefined &&
    snapshot.intact &&
    describe(expected) === describe(snapshot) &&
    expected.state === snapshot.state
  )
    return [];
  const wanted = expected === undefined ? `no snapshot of version ${snapshot.version}` : describe(expected);
  const found = `${soundness(snapshot)}${describe(snapshot)}`;
  return [findingAt(snapshot, 'snapshot_wrong', wanted, found)];
}

/** Current rows of owners that never existed. */
export function* strayFindings(log: LogInspection): Generator<OwnersChecked> {
  for (let after = ''; ; ) {
    const page = log.rowsOf(after, ROWS);
    const findings = page
      .filter(({ isKnown }) => !isKnown)
      .map(({ stream, version }) =>
        findingAt(
          { position: 0, stream },
          'current_wrong',
          'no current row without events',
          `one of version ${version}`,
        ),
      );
    yield { checked: page.length, findings };
    if (page.length < ROWS) return;
    after = page.at(-1)?.stream ?? after;
  }
}

function soundness({ intact }: { readonly intact: boolean }): string {
  return intact ? '' : 'damaged bytes: ';
}

function describe({ version, position, hash, state }: StoredSnapshot): string {
  return `version ${version} at ${position} with hash ${hash.slice(0, 16)} and ${quotedState({ state })}`;
}

/** Of a damaged row it may be a blob, or nothing. */
function quotedState({ state }: { readonly state: unknown }): string {
  return quoted(String(state));
}

function isUnreadable(error: unknown): boolean {
  return error instanceof EventUnreadable || isOfTheFile(error);
}
