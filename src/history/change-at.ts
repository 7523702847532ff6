/** One change of the past: the events of a command, and what their owners' settings were before and after it. */
import { EventUnreadable, type Position, type Recorded, type StreamName } from '../../eventlog/index.ts';
import { routingOf } from '../admin/routing-of.ts';
import type { Routing } from '../config/index.ts';
import { positionAt, requireEvents } from './moment.ts';
import { someAt } from './present-at.ts';
import type { Room } from './room.ts';
import type { Scope } from './scope.ts';
import { Unanswerable } from './unanswerable.ts';

export type ChangeWish = {
  /** Any of its events. */
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

/** Undefined where nothing happened: position 0. */
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

/**
 * An archive may end within a command, and half of one is not undone. The events of a command are of one time: one that
 * begins the log and is of the time of the last archived event may go on from there, and no more is known of it.
 */
function requireWhole({ log }: Room, first: Recorded | undefined): void {
  const base = log.base();
  if (base === undefined || first === undefined) return;
  if (first.position !== base.position + 1 || first.recordedAtMs !== base.recordedAtMs) return;
  const detail = `change: expected one that is all in this log, found that of ${first.position} may begin before, in the archive`;
  throw new Unanswerable('archived', detail, { begins: base.position });
}

/** Refuses a position that is one command's, and the next one too. */
export async function requireBetween(position: Position, room: Room, what: string): Promise<void> {
  const id = position === 0 ? undefined : commandIdAt(position, room);
  if (id === undefined || id !== commandIdAt(position + 1, room)) return;
  const events = await commandAt(position, room);
  const [before, last] = [events[0]!.position - 1, events.at(-1)!.position];
  throw new Unanswerable(
    'invalid_query',
    `${what}: expected a position between changes, found ${position} in the midst of one: ${before} is before it, ${last} after it`,
  );
}

/** Undefined: nothing is known of it, which is for others to tell. */
function commandIdAt(position: Position, { log }: Room): string | undefined {
  try {
    return log.read({ from: position, to: position, limit: 1 })[0]?.metadata.commandId;
  } catch (error) {
    if (error instanceof EventUnreadable) return undefined;
    throw error;
  }
}

/** Commands happen as one: their events are neighbours. */
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
