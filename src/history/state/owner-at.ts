/**
 * One owner at a position of the log: its current row if nothing came after, otherwise its newest earlier snapshot
 * and the events since.
 */
import { evolveOwner } from '../../../actors/index.ts';
import {
  EventUnreadable,
  isOwned,
  type LogInspection,
  type LogReader,
  type StreamName,
} from '../../../eventlog/index.ts';

type Log = LogInspection & LogReader;

export type OwnerAt = {
  /** As returned by `evolveOwner`; null if the owner did not exist. */
  readonly state: unknown;
  /** The version of its last event at or before the position; 0 if none. */
  readonly version: number;
};

const PAGE = 1000;

/**
 * Throws `EventUnreadable` at the first event of the stream that cannot be read, and for a stream of an unknown kind.
 */
export function ownerAt(log: Log, stream: StreamName, position: number): OwnerAt {
  return ownerOfVersion(log, stream, versionAt(log, stream, position));
}

export function ownerOfVersion(log: Log, stream: StreamName, last: number): OwnerAt {
  if (last === 0) return { state: null, version: 0 };
  if (!isOwned(stream)) throw unknownKind(stream, log.positionOf(stream, last));
  const current = last === log.version(stream) ? log.storedCurrent(stream) : undefined;
  if (current?.version === last && current.intact) return { state: JSON.parse(current.state), version: last };
  const snapshot = log.snapshot(stream, last);
  let state: unknown = snapshot?.state ?? null;
  let version = snapshot?.version ?? 0;
  const scratch = new WeakSet();
  while (version < last) {
    const events = log.readStream(stream, { from: version + 1, to: last, limit: PAGE });
    if (events.length === 0) break;
    for (const event of events) state = evolveOwner(stream, state, event, scratch);
    version += events.length;
  }
  return { state, version };
}

/** What is stored with such events may be intact, but it is neither a domain nor a pool. */
export function unknownKind(stream: StreamName, position: number): EventUnreadable {
  return new EventUnreadable(
    position,
    stream,
    'expected the stream of a domain or a pool, found another kind',
  );
}

/** The stream's last version at or before the position, by binary search: versions and positions grow together. */
export function versionAt(log: Log, stream: StreamName, position: number): number {
  let low = 0;
  let high = log.version(stream);
  // Nothing has happened to most streams since.
  if (log.positionOf(stream, high) <= position) return high;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (log.positionOf(stream, middle) <= position) low = middle;
    else high = middle - 1;
  }
  return low;
}
