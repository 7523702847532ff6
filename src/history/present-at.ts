/** Everything, or one thing, that was routed at a position of the log. */
import { type DomainState, evolveOwner, kindOf, type PoolState, type Present } from '../../actors/index.ts';
import type { DomainName, PoolName, StreamName } from '../../eventlog/index.ts';
import { type Moment, positionAt } from './moment.ts';
import { ownerAt } from './owner-at.ts';
import type { Room } from './room.ts';
import type { Scope } from './scope.ts';

const PAGE = 1000;

/** `what`: how whoever asked called the moment. Undefined: now. */
export async function presentAt(
  room: Room,
  at: Moment | undefined,
  scope: Scope,
  what: string,
): Promise<Present> {
  if (at === undefined && scope === undefined) return presentNow(room);
  const position = at === undefined ? room.log.position() : positionAt(room.log, at, what);
  return scope === undefined ? allAt(room, position) : someAt(room, position, scope);
}

export async function someAt(room: Room, position: number, streams: Iterable<StreamName>): Promise<Present> {
  const states = new Map<StreamName, unknown>();
  for (const stream of streams) {
    states.set(stream, ownerAt(room.log, stream, position).state);
    await room.breathe();
  }
  return presentOf(position, states);
}

export async function allAt(room: Room, position: number): Promise<Present> {
  const states = new Map<StreamName, unknown>();
  for (const state of baseStates(room)) states.set(state.stream as StreamName, JSON.parse(state.state));
  for (let from = (room.log.base()?.position ?? 0) + 1; from <= position; ) {
    const events = room.log.read({ from, to: position, limit: PAGE });
    if (events.length === 0) break;
    for (const event of events) {
      states.set(event.stream, evolveOwner(event.stream, states.get(event.stream) ?? null, event));
    }
    from += events.length;
    await room.breathe();
  }
  return presentOf(position, states);
}

function* baseStates({ log }: Room) {
  for (let after = ''; ; ) {
    const page = log.baseStates(after, PAGE);
    yield* page;
    if (page.length < PAGE) return;
    after = page.at(-1)?.stream ?? after;
  }
}

function presentNow({ log }: Room): Present {
  const states = new Map<StreamName, unknown>();
  const position = log.snapshotOfCurrents(({ stream, state }) => states.set(stream, state));
  return presentOf(position, states);
}

function presentOf(position: number, states: ReadonlyMap<StreamName, unknown>): Present {
  const domains = new Map<DomainName, NonNullable<DomainState>>();
  const pools = new Map<PoolName, NonNullable<PoolState>>();
  for (const [stream, state] of states) {
    if (state === null) continue;
    const kind = kindOf(stream);
    const name = stream.slice(kind.length + 1);
    if (kind === 'domain') domains.set(name as DomainName, state as NonNullable<DomainState>);
    else pools.set(name as PoolName, state as NonNullable<PoolState>);
  }
  return { position, domains, pools };
}
