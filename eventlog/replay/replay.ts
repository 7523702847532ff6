/** States from events: pure folds, and the shortest way to one owner's state at any version. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { EventLog } from '../event-log.ts';
import type { Recorded } from '../events/events.ts';
import type { Json } from '../json.ts';
import type { StreamName } from '../names.ts';
import type { Position, Version } from '../position.ts';

/** How each event changes a state. `evolve` is total: it throws for no event that can be read. */
export type Projection<State> = {
  readonly initial: State;
  readonly evolve: (state: State, event: Recorded) => State;
};

/** How the events of one owner fold into the state in its current row and snapshots; null: it does not exist. */
export type OwnerProjection = Projection<Json>;
/** A new one for each fold: it may change a state that it made in place, so states in between must be kept as text. */
export type ProjectionOf = (kind: 'domain' | 'pool') => OwnerProjection;

export type Folded<State> = { readonly state: State; readonly version: Version };

// A page takes about 2 ms to read: other work of this thread waits no longer.
const PAGE = 1000;

export function fold<State>(
  { initial, evolve }: Projection<State>,
  events: Iterable<Recorded>,
  from: State = initial,
): State {
  let state = from;
  for (const event of events) state = evolve(state, event);
  return state;
}

/** The whole log, or the part up to a position, folded into one state. */
export async function replay<State>(
  log: Pick<EventLog, 'read' | 'position'>,
  projection: Projection<State>,
  upTo?: Position,
): Promise<State> {
  const last = upTo ?? (await log.position());
  let state = projection.initial;
  for (let from = 1; from <= last; ) {
    const events = await log.read({ from, to: last, limit: PAGE });
    if (events.length === 0) break;
    state = fold(projection, events, state);
    from = (events.at(-1)?.position ?? last) + 1;
    await nextTurn();
  }
  return state;
}

/** One owner's state at a version, by default the last: folds the newest snapshot before it and the events since. */
export async function stateOf<State extends Json>(
  log: Pick<EventLog, 'readStream' | 'snapshot' | 'version'>,
  stream: StreamName,
  projection: Projection<State>,
  at?: Version,
): Promise<Folded<State>> {
  const last = Math.min(at ?? Number.MAX_SAFE_INTEGER, await log.version(stream));
  const snapshot = last === 0 ? undefined : await log.snapshot(stream, last);
  // The state in a snapshot is what this projection folded.
  let state = snapshot === undefined ? projection.initial : (snapshot.state as State);
  let version = snapshot?.version ?? 0;
  while (version < last) {
    const events = await log.readStream(stream, { from: version + 1, to: last, limit: PAGE });
    if (events.length === 0) break;
    state = fold(projection, events, state);
    version += events.length;
  }
  return { state, version };
}
