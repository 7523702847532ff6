/** Who changed what last: of a domain, of its pool, and of one backend, as of a position. */
import type {
  LogInspection,
  LogReader,
  Recorded,
  StreamName,
  SwitchyardEvent,
} from '../../../eventlog/index.ts';
import { versionAt } from '../owner-at.ts';

type Log = LogReader & LogInspection;

export type Change = {
  readonly position: number;
  readonly at: string;
  readonly author: string;
  readonly stream: string;
  readonly type: string;
  readonly data: object;
};

// Backends come and go; who changed one longer ago than this many events of its pool is not looked for.
const LOOK_BACK = 1000;
// What the router found by itself is no change of anybody's.
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
  if (to === 0) return undefined;
  const events = log.readStream(stream, { from: Math.max(1, to - LOOK_BACK + 1), to, limit: LOOK_BACK });
  const found = events.findLast(isIt);
  return found === undefined ? undefined : changeOf(found);
}

export function lastChangeOfBackend(
  log: Log,
  pool: StreamName,
  id: string,
  position: number,
): Change | undefined {
  return lastChange(log, pool, position, (event) => 'id' in event.data && event.data.id === id);
}

export function isByPerson(event: Recorded): boolean {
  return !FOUND_BY_ITSELF.has(event.type);
}

export function changeOf({ position, recordedAtMs, metadata, stream, type, data }: Recorded): Change {
  return {
    position,
    at: new Date(recordedAtMs).toISOString(),
    author: metadata.author,
    stream,
    type,
    data,
  };
}
