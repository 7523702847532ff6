/** When a backend began to get requests, and when it ceased to: what its pool's events made of it. */
import { backendOf, evolveOwner, type PoolState } from '../../actors/index.ts';
import { type BackendId, type PoolName, poolStream, type Recorded } from '../../eventlog/index.ts';
import { ownerAt } from './owner-at.ts';
import type { Room } from './room.ts';

export type Availability = {
  readonly pool: PoolName;
  readonly backend: BackendId;
  readonly became: 'available' | 'unavailable';
};

const PAGE = 500;

/** In order. What ends by itself, such as a quarantine, ends without an event. */
export async function availabilityChanges(
  { pool, backend, became }: Availability,
  room: Room,
  from: number,
  to: number,
): Promise<readonly Recorded[]> {
  const stream = poolStream(pool);
  const before = ownerAt(room.log, stream, from - 1);
  const found: Recorded[] = [];
  let state = before.state as PoolState;
  const scratch = new WeakSet();
  for (let next = before.version + 1; ; ) {
    const events = room.log.readStream(stream, { from: next, limit: PAGE });
    for (const event of events) {
      if (event.position > to) return found;
      const was = isAvailable(state, backend, event.recordedAtMs);
      state = evolveOwner(stream, state, event, scratch) as PoolState;
      const is = isAvailable(state, backend, event.recordedAtMs);
      if (was !== is && is === (became === 'available')) found.push(event);
    }
    if (events.length < PAGE) return found;
    next += events.length;
    await room.breathe();
  }
}

/** As the log knows it: it is there, it is up, and nothing keeps it from requests at that time. */
function isAvailable(pool: PoolState, id: string, nowMs: number): boolean {
  const present = backendOf(pool, id);
  if (present === undefined || (present.backend.state ?? 'up') !== 'up') return false;
  return (present.quarantine?.untilMs ?? 0) <= nowMs;
}
