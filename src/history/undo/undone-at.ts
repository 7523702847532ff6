/** How one change would be undone at a position: of the other owners, only those that depend on it are read. */
import type { DomainState } from '../../../actors/index.ts';
import {
  type DomainName,
  domainStream,
  kindOf,
  ownerNameOf,
  type PoolName,
  type Position,
  poolStream,
  poolsOf,
  type StreamName,
} from '../../../eventlog/index.ts';
import { type Change, difference, type Removable, type Routing } from '../../config/index.ts';
import { routingOf } from '../../plan/index.ts';
import { positionAt } from '../moment.ts';
import type { Room } from '../room.ts';
import type { Scope } from '../scope.ts';
import { changeAt, type PastChange } from '../state/change-at.ts';
import { changedSince } from '../state/difference.ts';
import { ownerAt } from '../state/owner-at.ts';
import { streamsIn } from '../state/owners-at.ts';
import { someAt } from '../state/present-at.ts';
import { presentCounts } from './restoration.ts';
import { undoneIn } from './undoing.ts';

export type UndoneAtWish = {
  /** Any position of the change. */
  readonly position: Position;
  readonly scope?: Scope;
  /** The end of the log by default. */
  readonly at?: Position | undefined;
  /** Whether to count the owners too. */
  readonly counts?: boolean;
};

export type UndoneAt = {
  /** Positions of the change. */
  readonly first: Position;
  readonly last: Position;
  /** Whether it changed any settings. */
  readonly isOfSettings: boolean;
  readonly at: Position;
  readonly changes: readonly Change[];
  /** The owners that it touched, as they would be. */
  readonly routing: Routing;
  readonly left: readonly string[];
  readonly present: Removable | undefined;
};

/** Undefined at position 0, where nothing has happened yet. */
export async function undoneAt(wish: UndoneAtWish, room: Room): Promise<UndoneAt | undefined> {
  const change = await changeAt(wish, room);
  if (change === undefined) return undefined;
  const at =
    wish.at === undefined
      ? room.log.position()
      : positionAt(room.log, { type: 'position', position: wish.at }, 'seen');
  const involved = new Set([
    ...change.streams,
    ...poolsOfBefore(change),
    ...(await usersOf(change, at, room)),
  ]);
  const undone = undoneIn(change, routingOf(await someAt(room, at, involved)));
  const { first, last } = change;
  return {
    first,
    last,
    isOfSettings: difference(change.before, change.after).length > 0,
    at,
    ...undone,
    present: wish.counts === true ? await presentCounts(room) : undefined,
  };
}

function* poolsOfBefore({ before }: PastChange): Generator<StreamName> {
  for (const settings of before.domains.values()) yield* poolsOf(settings).map(poolStream);
}

/** For each pool that would be removed: one domain outside the change that names it. */
async function usersOf(
  { streams, before }: PastChange,
  at: Position,
  room: Room,
): Promise<Iterable<StreamName>> {
  const own = new Set(streams);
  const users = new Map<PoolName, StreamName | undefined>();
  for (const stream of streams) {
    const pool = ownerNameOf(stream) as PoolName;
    if (kindOf(stream) === 'pool' && !before.pools.has(pool)) users.set(pool, undefined);
  }
  if (users.size === 0) return [];
  const look = (stream: StreamName) => {
    if (own.has(stream)) return;
    const domain = ownerAt(room.log, stream, at).state as DomainState;
    for (const pool of domain === null ? [] : poolsOf(domain.settings))
      if (users.has(pool)) users.set(pool, stream);
  };
  const since = await changedSince(room, at, room.log.position());
  for (const stream of streamsIn(room.log, since)) {
    if (kindOf(stream) === 'domain') look(stream);
    await room.breathe();
  }
  // For domains that have not changed since, the log knows which name a pool; it is asked for one more than may be
  // skipped.
  const most = own.size + (since?.length ?? 0) + 1;
  for (const pool of since === undefined ? [] : users.keys()) {
    for (const host of room.log.domainsOf(pool, most)) {
      if (users.get(pool) !== undefined) break;
      look(domainStream(host as DomainName));
    }
    await room.breathe();
  }
  return [...users.values()].filter((stream) => stream !== undefined);
}
