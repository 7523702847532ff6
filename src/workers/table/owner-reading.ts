/** Reads one owner from the log as it is now. */
import { type DomainState, evolveOwner, type PoolState } from '../../../actors/index.ts';
import { EventUnreadable, type LogReader, type Position, type StreamName } from '../../../eventlog/index.ts';

/** If the current row is damaged or behind, the state is folded from the events, which is slower and equally true. */
export function readOwner(reader: LogReader, stream: StreamName, warn: (error: EventUnreadable) => void) {
  try {
    return reader.activate(stream);
  } catch (error) {
    if (!(error instanceof EventUnreadable)) throw error;
    warn(error);
  }
  const position = reader.position();
  const snapshot = reader.snapshot(stream);
  const { state = null, version = 0 } = snapshot ?? {};
  const found = broughtUpTo(reader, stream, { state: state as Held['state'], version }, position);
  if (found !== undefined) return { ...found, position };
  throw new EventUnreadable(
    position,
    stream,
    `expected its events from version ${version + 1} on one after the other, found a gap`,
  );
}

// With more events than this, a snapshot is read first: reading a hundred events takes as long.
const MANY = 100;

type Held = { readonly state: DomainState | PoolState; readonly version: number };

/** Brings a held state up to a position; undefined: events are missing, since an archive has replaced the log. */
export function broughtUpTo(
  reader: LogReader,
  stream: StreamName,
  held: Held,
  last: Position,
): Held | undefined {
  let { state, version } = later(reader, stream, held, last);
  const scratch = new WeakSet();
  for (;;) {
    const events = reader.readStream(stream, { from: version + 1 });
    for (const event of events) {
      if (event.position > last) return { state, version };
      if (event.version !== version + 1) return undefined;
      state = evolveOwner(stream, state, event, scratch) as Held['state'];
      version = event.version;
    }
    if (events.length === 0) return reader.version(stream) === version ? { state, version } : undefined;
  }
}

/** Skips to a later snapshot if there were many events, which would keep requests waiting. */
function later(reader: LogReader, stream: StreamName, held: Held, last: Position): Held {
  if (reader.version(stream) - held.version <= MANY) return held;
  const snapshot = reader.snapshot(stream);
  if (snapshot === undefined || snapshot.position > last || snapshot.version <= held.version) return held;
  return { state: snapshot.state as Held['state'], version: snapshot.version };
}
