/**
 * What lies beside the events, compared with their fold: current rows and snapshots of each stream. Many streams are read in
 * one call, a call for each taking ten times as long; one of which that does not say that all is right is looked at by itself,
 * with a finding for what is wrong.
 */
import { EventUnreadable, LogUnavailable } from './errors.ts';
import type { Finding } from './finding.ts';
import type { Base, Kept, LogInspection, StoredOwner, StoredSnapshot } from './log-reader.ts';
import { quoted } from './names.ts';
import { cachesOf, kindOf, type StreamRows } from './rebuild.ts';
import type { ProjectionOf } from './replay.ts';

/** Of so many streams, or rows. */
export type OwnersChecked = { readonly checked: number; readonly findings: readonly Finding[] };

type OwnerRows = StreamRows & Pick<LogInspection, 'positionOf' | 'storedCurrent' | 'storedSnapshots'>;

const STREAMS = 100;
// Some 5 ms of folding: whoever shares this thread waits no longer.
const EVENTS = 1000;
const ROWS = 500;

/** Every stream of the log, in pages. */
export function* ownerFindings(log: LogInspection, projectionOf: ProjectionOf): Generator<OwnersChecked> {
  const base = log.base();
  for (let after = ''; ; ) {
    const names = log.streams(after, STREAMS);
    const owners = readTogether(log, names);
    // The first of them may have too many events to be read with others.
    const taken = owners === undefined ? names : names.slice(0, Math.max(1, owners.length));
    const right = owners?.filter((owner) => isRight(log, base, owner, projectionOf));
    const found = new Set(right?.map(({ stream }) => stream));
    const doubted = taken.filter((stream) => !found.has(stream));
    const findings = doubted.flatMap((stream) => streamFindings(log, stream, projectionOf) ?? []);
    yield { checked: taken.length, findings };
    if (taken.length === names.length && names.length < STREAMS) return;
    after = taken.at(-1) ?? after;
  }
}

/** Undefined where a page of the file is damaged: then each is read by itself. */
function readTogether(log: LogInspection, names: readonly string[]): readonly StoredOwner[] | undefined {
  let owners: readonly StoredOwner[] | undefined;
  damageOf(() => {
    owners = log.storedOwners(names, EVENTS);
  });
  return owners;
}

function isRight(
  log: LogInspection,
  base: Base | undefined,
  owner: StoredOwner,
  projectionOf: ProjectionOf,
): boolean {
  // It was named, so something of it is there.
  if (owner.events.length === 0 && owner.base === undefined) return false;
  return streamFindings(new ReadOwner(log, base, owner), owner.stream, projectionOf)?.length === 0;
}

/** One owner's rows, as the log itself would say them. */
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

  storedSnapshots() {
    return this.#owner.snapshots;
  }
}

/** Undefined where its events cannot be folded: that is told where the chain is followed. */
function streamFindings(
  log: OwnerRows,
  stream: string,
  projectionOf: ProjectionOf,
): readonly Finding[] | undefined {
  const findings: Finding[] = [];
  const damage = damageOf(() => {
    const { version, state, snapshots } = cachesOf(log, stream, projectionOf(kindOf(stream)));
    const row = log.storedCurrent(stream);
    const equal =
      state === 'null' ? row === undefined : row?.version === version && row.state === state && row.intact;
    if (!equal) {
      const position = log.positionOf(stream, version);
      const expected = state === 'null' ? 'no current row' : `version ${version} with ${quoted(state)}`;
      const found =
        row === undefined
          ? 'no current row'
          : `${soundness(row)}version ${row.version} with ${quoted(row.state)}`;
      findings.push({ type: 'current_wrong', position, stream, expected, found });
    }
    findings.push(...snapshotFindings(log.storedSnapshots(stream), snapshots));
  });
  return damage === undefined ? findings : undefined;
}

/** A snapshot may be missing, since it may be deleted at any time; one that is there is the right one. */
function snapshotFindings(
  kept: readonly Kept<StoredSnapshot>[],
  right: readonly StoredSnapshot[],
): readonly Finding[] {
  return kept.flatMap((snapshot) => {
    const expected = right.find(({ version }) => version === snapshot.version);
    if (
      expected !== undefined &&
      snapshot.intact &&
      describe(expected) === describe(snapshot) &&
      expected.state === snapshot.state
    )
      return [];
    const { position, stream } = snapshot;
    const wanted = expected === undefined ? `no snapshot of version ${snapshot.version}` : describe(expected);
    const found = `${soundness(snapshot)}${describe(snapshot)}`;
    return [{ type: 'snapshot_wrong' as const, position, stream, expected: wanted, found }];
  });
}

/** Current rows of which there never was an owner. */
export function* strayFindings(log: LogInspection): Generator<OwnersChecked> {
  for (let after = ''; ; ) {
    const page = log.rowsOf(after, ROWS);
    const findings = page
      .filter(({ isKnown }) => !isKnown)
      .map(({ stream, version }) => ({
        type: 'current_wrong' as const,
        position: 0,
        stream,
        expected: 'no current row without events',
        found: `one of version ${version}`,
      }));
    yield { checked: page.length, findings };
    if (page.length < ROWS) return;
    after = page.at(-1)?.stream ?? after;
  }
}

function soundness({ intact }: { readonly intact: boolean }): string {
  return intact ? '' : 'damaged bytes: ';
}

function describe({ version, position, hash, state }: StoredSnapshot): string {
  return `version ${version} at ${position} with hash ${hash.slice(0, 16)} and ${quoted(state)}`;
}

function damageOf(work: () => void): EventUnreadable | LogUnavailable | undefined {
  try {
    work();
  } catch (error) {
    if (error instanceof EventUnreadable) return error;
    if (error instanceof LogUnavailable && error.code === 'log_failed') return error;
    throw error;
  }
  return undefined;
}
