/** One past change: the events of a command, and its owners' settings before and after it. */
import { EventUnreadable, type Position, type Recorded, type StreamName } from '../../../eventlog/index.ts';
import type { Routing } from '../../config/index.ts';
import { routingOf } from '../../plan/index.ts';
import { positionAt, requireEvents } from '../moment.ts';
import type { Room } from '../room.ts';
import type { Scope } from '../scope.ts';
import { Unanswerable } from '../unanswerable.ts';
import { someAt } from './present-at.ts';

export type ChangeWish = {
  /** The position of any of its events. */
  readonly position: Position;
  /** Undefined: all that it changed. */
  readonly scope?: Scope;
};

export type PastChange = {
  readonly first: Position;
  readonly last: Position;
  readonly streams: readonly StreamName[];
  readonly before: Routing;
  readonly after: Routing;
};

const PAGE = 1000;

/** Undefined at position 0, where nothing has happened yet. */
export async function changeAt({ position, scope }: ChangeWish, room: Room): Promise<PastChange | undefined> {
  const at = positionAt(room.log, { type: 'position', position }, 'change');
  requireEvents(room.log, at, 'change');
  const events = await commandAt(at, room);
  const [first, last] = [events[0]?.position, events.at(-1)?.position];
  if (first === undefined || last === undefined) return undefined;
  requireWhole(room, events[0]);
  const streams = [...new Set(events.map(({ stream }) => stream))].filter(
    (stream) => scope === undefined || scope.includes(stream),
  );
  const routingAfter = async (place: Position) => routingOf(await someAt(room, place, streams));
  return { first, last, streams, before: await routingAfter(first - 1), after: await routingAfter(last) };
}

/** A command cannot be undone in part. */
function requireWhole(room: Room, first: Recorded | undefined): void {
  if (!mayGoOn(room, first)) return;
  const detail = `change: expected one that is all in this log, found that of ${first?.position} may begin before, in the archive`;
  throw new Unanswerable('archived', detail, { begins: room.log.base()?.position });
}

/**
 * An archive written by an earlier version may end within a command. The events of a command have one time, so if the
 * first event of the log has the time of the last archived one, it may continue that command.
 */
function mayGoOn({ log }: Room, first: Recorded | undefined): boolean {
  const base = log.base();
  return base?.position === (first?.position ?? 0) - 1 && base.recordedAtMs === first?.recordedAtMs;
}

/** Refuses a position if the next one belongs to the same command. */
export function requireBetween(position: Position, room: Room, what: string): void {
  const across = changeAcross(position, room);
  if (across !== undefined) {
    const midst = `in the midst of one: ${across.first - 1} is before it, ${across.last} after it`;
    throw outside(`${what}: expected a position between changes, found ${position} ${midst}`);
  }
  if (!mayGoOn(room, eventAt(position + 1, room))) return;
  const end = edgeOf(position + 1, 1, room);
  const midst = `which may be in the midst of the one that ends at ${end}, as the archive knows`;
  throw outside(`${what}: expected a position between changes, found ${position}, ${midst}`);
}

/** Refuses a position that is not the first of its command. */
export function requireBeginning(position: Position, room: Room, what: string): void {
  const across = changeAcross(position - 1, room);
  if (across === undefined) return;
  const midst = `in the midst of one: it begins at ${across.first}, the next at ${across.last + 1}`;
  throw outside(`${what}: expected the first position of a change, found ${position} ${midst}`);
}

/** The first and last position of the command, if it continues after this one. */
function changeAcross(position: Position, room: Room): Pick<PastChange, 'first' | 'last'> | undefined {
  const id = eventAt(position, room)?.metadata.commandId;
  if (id === undefined || id !== eventAt(position + 1, room)?.metadata.commandId) return undefined;
  return { first: edgeOf(position, -1, room), last: edgeOf(position, 1, room) };
}

/** The last position of the command in this direction, by binary search: it may have ten thousand large events. */
function edgeOf(position: Position, direction: 1 | -1, room: Room): Position {
  const id = eventAt(position, room)?.metadata.commandId;
  const isIts = (steps: number) => eventAt(position + direction * steps, room)?.metadata.commandId === id;
  let out = 1;
  while (isIts(out)) out *= 2;
  let its = Math.floor(out / 2);
  while (out - its > 1) {
    const middle = Math.floor((its + out) / 2);
    if (isIts(middle)) its = middle;
    else out = middle;
  }
  return position + direction * its;
}

function outside(message: string): Unanswerable {
  return new Unanswerable('invalid_query', message);
}

/** Undefined if the event cannot be read; the caller reports that. */
function eventAt(position: Position, { log }: Room): Recorded | undefined {
  try {
    return position <= 0 ? undefined : log.read({ from: position, to: position, limit: 1 })[0];
  } catch (error) {
    if (error instanceof EventUnreadable) return undefined;
    throw error;
  }
}

/** A command's events are recorded together, so they are neighbours. */
async function commandAt(position: Position, { log, breathe }: Room): Promise<readonly Recorded[]> {
  const [at] = log.read({ from: position, to: position, limit: 1 });
  if (at === undefined) return [];
  const isIts = ({ metadata }: Recorded) => metadata.commandId === at.metadata.commandId;
  const found = [at];
  for (let to = position - 1; to > 0; ) {
    const page = log.read({ from: Math.max(1, to - PAGE + 1), to, limit: PAGE });
    const its = page.slice(page.findLastIndex((event) => !isIts(event)) + 1);
    found.unshift(...its);
    if (its.length < PAGE) break;
    to -= PAGE;
    await breathe();
  }
  for (let from = position + 1; ; ) {
    const page = log.read({ from, limit: PAGE });
    const end = page.findIndex((event) => !isIts(event));
    found.push(...(end === -1 ? page : page.slice(0, end)));
    if (end !== -1 || page.length < PAGE) return found;
    from += PAGE;
    await breathe();
  }
}
