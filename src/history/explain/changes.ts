/** The last change, and its author, of a domain, of its pool, and of one backend, as of a position. */
import {
  type LogInspection,
  type LogReader,
  type Recorded,
  renderTime,
  type StreamName,
  type SwitchyardEvent,
} from '../../../eventlog/index.ts';
import { versionAt } from '../state/owner-at.ts';

type Log = LogReader & LogInspection;

export type Change = {
  readonly position: number;
  readonly at: string;
  readonly author: string;
  readonly stream: string;
  readonly type: string;
  readonly data: object;
};

// Half a second of reading. A backend that comes and goes once a second has as many events in a day.
const LOOK_BACK = 100_000;
const PAGE = 1000;
// What the router found by itself is not a change made by anybody.
const FOUND_BY_ITSELF: ReadonlySet<string> = new Set([
  'BackendQuarantined',
  'BackendHealthChanged',
  'BackendStarted',
  'BackendDrained',
  'CapacityWanted',
] satisfies SwitchyardEvent['type'][]);

export function lastChange(
  log: Log,
  stream: StreamName,
  position: number,
  isIt: (event: Recorded) => boolean = isByPerson,
): Change | undefined {
  const to = versionAt(log, stream, position);
  for (let last = to; last > Math.max(0, to - LOOK_BACK); last -= PAGE) {
    const events = log.readStream(stream, { from: Math.max(1, last - PAGE + 1), to: last, limit: PAGE });
    // Earlier events are archived.
    if (events.length === 0) return undefined;
    const found = events.findLast(isIt);
    if (found !== undefined) return changeOf(found);
  }
  return undefined;
}

export function lastChangeOfBackend(
  log: Log,
  pool: StreamName,
  id: string,
  position: number,
): Change | undefined {
  return lastChange(log, pool, position, (event) => 'id' in event.data && event.data.id === id);
}

/** What was looked for, in which stream, and the change found. */
export type Looked = {
  readonly what: string;
  readonly stream: StreamName | undefined;
  readonly change: Change | undefined;
};

/** Changes that were not found because they are, or may be, in the archive. */
export function archivedChanges(log: Log, position: number, looked: readonly Looked[]): string[] {
  const upTo = log.base()?.position;
  if (upTo === undefined) return [];
  const isGone = ({ stream, change }: Looked) =>
    stream !== undefined && change === undefined && reachesArchive(log, stream, position);
  const gone = looked.filter(isGone).map(({ what }) => what);
  if (gone.length === 0) return [];
  return [`who changed ${listed(gone)} last is in the archive, which has positions up to ${upTo}`];
}

function listed(words: readonly string[]): string {
  return [words.slice(0, -1).join(', '), ...words.slice(-1)].filter(Boolean).join(' and ');
}

function reachesArchive(log: Log, stream: StreamName, position: number): boolean {
  const archived = log.baseState(stream)?.version ?? 0;
  return archived > 0 && archived > versionAt(log, stream, position) - LOOK_BACK;
}

function isByPerson(event: Recorded): boolean {
  return !FOUND_BY_ITSELF.has(event.type);
}

function changeOf({ position, recordedAtMs, metadata, stream, type, data }: Recorded): Change {
  return {
    position,
    at: renderTime(recordedAtMs),
    author: metadata.author,
    stream,
    type,
    data,
  };
}
