/** Reads one owner from the log as it is now. */
import { type DomainState, evolveOwner, type PoolState } from '../../../actors/index.ts';
import { EventUnreadable, type LogReader, type Position, type StreamName } from '../../../eventlog/index.ts';

/** A row that is damaged or behind is made again from the events, which is slower and as true. */
export function activated(reader: LogReader, stream: StreamName, warn: (error: EventUnreadable) => void) {
  try {
    return reader.activate(stream);
  } catch (error) {
    if (!(error instanceof EventUnreadable)) throw error;
    warn(error);
  }
  const position = reader.position();
  const snapshot = reader.snapshot(stream);
  const { state = null, version = 0 } = snapshot ?? {};
  const found = followed(reader, stream, { state: state as Held['state'], version }, position);
  if (found !== undefined) return { ...found, position };
  throw new EventUnreadable(
    position,
    stream,
    `expected its events from version ${version + 1} on one after the other, found a gap`,
  );
}

// Beyond so many events one that was kept on the way is read: a hundred of them are read as quickly.
const MANY = 100;

type Held = { readonly state: DomainState | PoolState; readonly version: number };

/** What became of one up to a position; undefined: not all of that is there, since an archive has it meanwhile. */
export function followed(
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

/** As it was kept meanwhile, where a great change made many events of it: these one by one would keep requests waiting. */
function later(reader: LogReader, stream: StreamName, held: Held, last: Position): Held {
  if (reader.version(stream) - held.version <= MANY) return held;
  const snapshot = reader.snapshot(stream);
  if (snapshot === undefined || snapshot.position > last || snapshot.version <= held.version) return held;
  return { state: snapshot.state as Held['state'], version: snapshot.version };
}
