/** What differs between two moments of the past, in settings: what passes by itself is no difference. */
import type { StreamName } from '../../eventlog/index.ts';
import { routingOf } from '../admin/routing-of.ts';
import { type Change, difference } from '../config/index.ts';
import { type Moment, positionAt } from './moment.ts';
import { allAt, someAt } from './present-at.ts';
import type { Room } from './room.ts';
import type { Scope } from './scope.ts';

export type DifferenceWish = {
  readonly from: Moment;
  /** Undefined: now. */
  readonly to?: Moment;
  readonly scope?: Scope;
};

export type Difference = {
  /** Positions. */
  readonly from: number;
  readonly to: number;
  readonly changes: readonly Change[];
};

const PAGE = 1000;
// One owner is some 100 events to fold, all of them are a point of the past and 5 000: about as much as 20 owners.
const FEW = 20;
// And so many events are soon looked through.
const NEAR = 2000;

export async function differenceBetween(wish: DifferenceWish, room: Room): Promise<Difference> {
  const from = positionAt(room.log, wish.from, 'from');
  const to = wish.to === undefined ? room.log.position() : positionAt(room.log, wish.to, 'to');
  const streams = wish.scope ?? (await changedBetween(room, Math.min(from, to), Math.max(from, to)));
  const at = (position: number) =>
    streams === undefined ? allAt(room, position) : someAt(room, position, streams);
  const changes = difference(routingOf(await at(from)), routingOf(await at(to)));
  return { from, to, changes };
}

/** The streams that have events after one position and up to the other; undefined where they are many. */
async function changedBetween(room: Room, after: number, to: number): Promise<Scope> {
  if (to - after > NEAR) return undefined;
  const streams = new Set<StreamName>();
  for (let from = after + 1; from <= to; ) {
    const events = room.log.storedEvents(from, Math.min(PAGE, to - from + 1));
    for (const { stream } of events) streams.add(stream as StreamName);
    if (streams.size > FEW) return undefined;
    const last = events.at(-1)?.position;
    if (last === undefined) break;
    from = last + 1;
    await room.breathe();
  }
  return [...streams];
}
