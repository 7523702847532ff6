/** One owner as it is now, read from the log. */
import { type DomainState, evolveOwner, type PoolState } from '../../actors/index.ts';
import { EventUnreadable, type LogReader, type Position, type StreamName } from '../../eventlog/index.ts';

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
  let state: unknown = snapshot?.state ?? null;
  let version = snapshot?.version ?? 0;
  for (let more = true; more; ) {
    const events = reader.readStream(stream, { from: version + 1 });
    for (const event of events) state = evolveOwner(stream, state, event);
    version = events.at(-1)?.version ?? version;
    more = events.length > 0;
  }
  return { state, version, position };
}

type Held = { readonly state: DomainState | PoolState; readonly version: number };

/** One that is held, after what has happened to it up to a position; undefined: an archive has that meanwhile. */
export function followed(
  reader: LogReader,
  stream: StreamName,
  held: Held,
  last: Position,
): Held | undefined {
  let { state, version } = held;
  for (;;) {
    const events = reader.readStream(stream, { from: version + 1 });
    for (const event of events) {
      if (event.position > last) return { state, version };
      if (event.version !== version + 1) return undefined;
      state = evolveOwner(stream, state, event) as Held['state'];
      version = event.version;
    }
    if (events.length === 0) return reader.version(stream) === version ? { state, version } : undefined;
  }
}
