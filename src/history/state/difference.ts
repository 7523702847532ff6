/** The difference in settings between two moments of the past; state that expires by itself does not count. */
import type { DomainState, PoolState } from '../../../actors/index.ts';
import type { StreamName } from '../../../eventlog/index.ts';
import { type Change, difference } from '../../config/index.ts';
import { routingOf } from '../../plan/index.ts';
import { type Moment, positionAt } from '../moment.ts';
import { linesOfJson, pieces } from '../pieces.ts';
import type { Room } from '../room.ts';
import type { Scope } from '../scope.ts';
import { type DifferenceEntry, differenceJson } from './difference-text.ts';
import { ownerOfVersion, versionAt } from './owner-at.ts';
import { ownerOf, streamsIn } from './owners-at.ts';
import { allAt, isSmall } from './present-at.ts';

export type DifferenceWish = {
  readonly from: Moment;
  /** Undefined: now. */
  readonly to?: Moment;
  readonly scope?: Scope;
  /** One line per entry instead of one value. */
  readonly asLines?: boolean;
};

type Bounds = { readonly owners: number; readonly events: number };

const PAGE = 1000;
// One owner costs about 100 events to fold; the whole of a small log costs a point and up to 5000 events, about as much
// as 20 owners.
const OF_SMALL: Bounds = { owners: 20, events: 2000 };
// In a large log every owner must be looked at unless the events name those that changed: at most a second of reading
// and some megabytes of names.
const OF_LARGE: Bounds = { owners: 100_000, events: 200_000 };

/** Pools by name, then domains, as they are found, so that they are never all in memory. */
export async function* pourDifference(wish: DifferenceWish, room: Room): AsyncGenerator<string, undefined> {
  const from = positionAt(room.log, wish.from, 'from');
  const to = wish.to === undefined ? room.log.position() : positionAt(room.log, wish.to, 'to');
  const entries = entriesOf(room, from, to, wish.scope);
  yield* pieces(wish.asLines === true ? linesOfJson(entries) : differenceJson(entries));
}

async function* entriesOf(
  room: Room,
  from: number,
  to: number,
  scope: Scope,
): AsyncGenerator<DifferenceEntry> {
  yield { from, to };
  yield* changesBetween(room, from, to, scope);
}

export async function* changesBetween(
  room: Room,
  from: number,
  to: number,
  scope: Scope,
): AsyncGenerator<Change> {
  const isWhole = isSmall(room.log);
  const streams = scope ?? (await changedBetween(room, from, to, isWhole ? OF_SMALL : OF_LARGE));
  if (streams === undefined && isWhole) {
    const routingAt = async (position: number) => routingOf(await allAt(room, position));
    yield* difference(await routingAt(from), await routingAt(to));
    return;
  }
  for (const stream of streamsIn(room.log, streams)) {
    yield* changesOf(room, stream, from, to);
    await room.breathe();
  }
}

function changesOf({ log }: Room, stream: StreamName, from: number, to: number): readonly Change[] {
  const [before, after] = [versionAt(log, stream, from), versionAt(log, stream, to)];
  if (before === after) return [];
  const of = (version: number) => routingOf(alone(stream, ownerOfVersion(log, stream, version).state));
  return difference(of(before), of(after));
}

function alone(stream: StreamName, state: unknown): Parameters<typeof routingOf>[0] {
  const owner = ownerOf(stream, state);
  return {
    pools: new Map(owner?.kind === 'pool' ? [[owner.name, owner.state as NonNullable<PoolState>]] : []),
    domains: new Map(owner?.kind === 'domain' ? [[owner.name, owner.state as NonNullable<DomainState>]] : []),
  };
}

/** The streams with events after a position, up to another; undefined if there are very many. */
export function changedSince(room: Room, after: number, to: number): Promise<Scope> {
  return changedBetween(room, after, to, OF_LARGE);
}

/** The streams with events between the two positions; undefined if there are many. */
async function changedBetween(room: Room, one: number, other: number, most: Bounds): Promise<Scope> {
  const [after, to] = [Math.min(one, other), Math.max(one, other)];
  if (to - after > most.events) return undefined;
  const streams = new Set<StreamName>();
  for (let from = after + 1; from <= to; ) {
    const page = room.log.streamsAt(from, Math.min(PAGE, to - from + 1));
    for (const stream of page) streams.add(stream as StreamName);
    if (streams.size > most.owners) return undefined;
    if (page.length === 0) break;
    from += page.length;
    await room.breathe();
  }
  return [...streams];
}
