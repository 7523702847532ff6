/** Everything, or one thing, that was routed at a position of the log. */
import { type DomainState, evolveOwner, type PoolState, type Present } from '../../../actors/index.ts';
import {
  baseOf,
  type DomainName,
  EventUnreadable,
  isOwned,
  type Json,
  kindOf,
  type LogInspection,
  ownerNameOf,
  POINT_EVERY,
  type Points,
  type PoolName,
  type StreamName,
  type Whole,
} from '../../../eventlog/index.ts';
import { projectionOf } from '../../projection.ts';
import type { Room } from '../room.ts';
import { ownerAt, unknownKind } from './owner-at.ts';

const PAGE = 1000;
// Up to this size, folding the whole state is faster than reading owners one by one, and its memory (as objects, about
// ten times the text) is no burden.
const FEW = 20_000;
const SMALL_BYTES = 16_777_216;

/** Whether whole states of this log are made, stored and held in memory. */
export function isSmall(log: LogInspection): boolean {
  const { rows, bytes } = log.sizeOfCurrents(FEW + 1);
  return rows <= FEW && bytes <= SMALL_BYTES;
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
  const { position: before, states } = await wholeBefore(room, position);
  const scratch = new WeakSet();
  for (let from = before + 1; from <= position; ) {
    const events = room.log.read({ from, to: position, limit: PAGE });
    if (events.length === 0) break;
    for (const event of events) {
      const state = evolveOwner(event.stream, states.get(event.stream) ?? null, event, scratch);
      states.set(event.stream, state as unknown as Json);
    }
    from += events.length;
    await room.breathe();
  }
  return presentOf(position, states);
}

/**
 * The nearest whole state before the position: a point, made now if the last one is far away, or the beginning of the
 * log.
 */
async function wholeBefore(room: Room, position: number): Promise<Whole> {
  const { log } = room;
  const begin = log.base()?.position ?? 0;
  const points = position - begin < POINT_EVERY ? undefined : room.points();
  const near = points?.before(log, position);
  if (points === undefined || position - (near?.position ?? begin) < 2 * POINT_EVERY)
    return near ?? { position: begin, states: baseOf(log) };
  await extended(points, room, position);
  return points.before(log, position) ?? { position: begin, states: baseOf(log) };
}

/** Makes points up to the first event that cannot be read; a fold that needs that event will report it. */
async function extended(points: Points, { log, breathe }: Room, to: number): Promise<void> {
  try {
    await points.extend(log, projectionOf, to, breathe);
  } catch (error) {
    if (!(error instanceof EventUnreadable)) throw error;
  }
}

/** In the background: makes points up to the end, so that nobody has to wait for them. */
export async function makePoints(_wish: object, room: Room): Promise<null> {
  const points = room.points();
  if (points !== undefined && isSmall(room.log)) await extended(points, room, room.log.position());
  return null;
}

function presentOf(position: number, states: ReadonlyMap<StreamName, unknown>): Present {
  const domains = new Map<DomainName, NonNullable<DomainState>>();
  const pools = new Map<PoolName, NonNullable<PoolState>>();
  for (const [stream, state] of states) {
    if (state === null) continue;
    if (!isOwned(stream)) throw unknownKind(stream, position);
    const name = ownerNameOf(stream);
    if (kindOf(stream) === 'domain') domains.set(name as DomainName, state as NonNullable<DomainState>);
    else pools.set(name as PoolName, state as NonNullable<PoolState>);
  }
  return { position, domains, pools };
}
