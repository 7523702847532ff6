/** When a backend began and ceased to get requests, from its pool's events. */
import { backendOf, evolveOwner, type PoolState, rowsOf } from '../../actors/index.ts';
import { type BackendId, type PoolName, poolStream, type Recorded } from '../../eventlog/index.ts';
import type { Room } from './room.ts';
import { ownerAt } from './state/owner-at.ts';

export type Availability = {
  readonly pool: PoolName;
  readonly backend: BackendId;
  readonly became: 'available' | 'unavailable';
};

const PAGE = 500;
// An ejection for one route leaves the backend to the other routes.
const UNROUTED = 0;

/** In order, page by page. A state that ends by itself, such as a quarantine, ends without an event. */
export async function* availabilityChanges(
  { pool, backend, became }: Availability,
  room: Room,
  from: number,
  to: number,
): AsyncGenerator<readonly Recorded[], undefined> {
  const stream = poolStream(pool);
  const before = ownerAt(room.log, stream, from - 1);
  let state = before.state as PoolState;
  const scratch = new WeakSet();
  for (let next = before.version + 1; ; ) {
    const events = room.log.readStream(stream, { from: next, limit: PAGE });
    const found: Recorded[] = [];
    for (const event of events) {
      if (event.position > to) break;
      const was = isAvailable(state, backend, event.recordedAtMs);
      state = evolveOwner(stream, state, event, scratch) as PoolState;
      const is = isAvailable(state, backend, event.recordedAtMs);
      if (was !== is && is === (became === 'available')) found.push(event);
    }
    yield found;
    if (events.length < PAGE || (events.at(-1)?.position ?? 0) > to) return;
    next += events.length;
    await room.breathe();
  }
}

/** Newest first. The events can only be found forwards, so their positions are kept and the events are read again. */
export async function* availabilityChangesBackwards(
  what: Availability,
  room: Room,
  from: number,
  to: number,
): AsyncGenerator<readonly Recorded[], undefined> {
  const stream = poolStream(what.pool);
  const versions: number[] = [];
  for await (const page of availabilityChanges(what, room, from, to))
    for (const { version } of page) versions.push(version);
  for (let end = versions.length; end > 0; end -= PAGE) {
    const page = versions.slice(Math.max(0, end - PAGE), end).reverse();
    yield page.flatMap((version) => room.log.readStream(stream, { from: version, to: version, limit: 1 }));
  }
}

/** According to the log: the backend is present and up, and nothing keeps all requests from it at that time. */
function isAvailable(pool: PoolState, id: string, nowMs: number): boolean {
  const present = backendOf(pool, id);
  if (pool === null || present === undefined) return false;
  const [row] = rowsOf({ ...pool, backends: { [id]: present } }, Number.POSITIVE_INFINITY);
  if (row === undefined || row.state !== 'up' || row.isFailing === true) return false;
  // When its time is over, it lets only one request through, and ends if that is answered: which is an event.
  const isEjected = row.ejections?.some(({ route }) => route === UNROUTED) === true;
  return row.quarantineUntilMs <= nowMs && !isEjected;
}
