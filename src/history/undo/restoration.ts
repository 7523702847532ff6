/**
 * The changes that would restore past settings: found one owner at a time, and at most as many as one plan may make.
 */
import { domainStream, type Position, poolStream, type StreamName } from '../../../eventlog/index.ts';
import { type Change, MAX_CHANGES, type Removable, type Routing, removedBy } from '../../config/index.ts';
import { routingOf } from '../../plan/index.ts';
import { type Moment, positionAt } from '../moment.ts';
import type { Room } from '../room.ts';
import type { Scope } from '../scope.ts';
import { requireBetween } from '../state/change-at.ts';
import { changedSince, changesBetween } from '../state/difference.ts';
import { someAt } from '../state/present-at.ts';
import { Unanswerable } from '../unanswerable.ts';

export type RestorationWish = {
  /** The moment whose settings are wanted. */
  readonly to: Moment;
  /** The position at which the changes would be made; now by default. */
  readonly at?: Position | undefined;
  /** Only owners with events after this position. */
  readonly since?: Position;
  readonly scope: Scope;
};

export type Restoration = {
  readonly to: Position;
  readonly at: Position;
  /** Pools by name, then domains; truncated to what one plan may make. */
  readonly changes: readonly Change[];
  /** How many there are. */
  readonly found: number;
  readonly removed: Removable;
  /** The owners that change, with the settings wanted. */
  readonly past: Routing;
  /** How many owners there are now; not counted again if only those since a position are looked at. */
  readonly present: Removable | undefined;
  /** The owners that were looked at; undefined: all. */
  readonly looked: Scope;
  /** Whether any owner in the scope exists or existed. */
  readonly isKnown: boolean;
};

const PAGE = 1000;

/** Progress: how many changes were found so far, and the owner of the last one. */
export type Restoring = { readonly found: number; readonly at: StreamName };

export async function* restorationOf(
  wish: RestorationWish,
  room: Room,
): AsyncGenerator<Restoring, Restoration> {
  const to = positionAt(room.log, wish.to, 'to');
  // Position 0 must be stated explicitly: a wrong year must not empty the router.
  if (wish.to.type === 'time' && to === 0)
    throw new Unanswerable('invalid_query', 'to: expected a time since the log began, found one before it');
  requireBetween(to, room, 'to');
  const end = room.log.position();
  const at =
    wish.at === undefined ? end : positionAt(room.log, { type: 'position', position: wish.at }, 'seen');
  const looked = await lookedAt(wish, at, room);
  const changes: Change[] = [];
  const removed = { domains: 0, backends: 0 };
  let found = 0;
  for await (const change of changesBetween(room, at, to, looked)) {
    found += 1;
    if (found <= MAX_CHANGES) changes.push(change);
    if (change.change === 'remove' && change.kind === 'domain') removed.domains += 1;
    if (change.change === 'remove' && change.kind === 'backend') removed.backends += 1;
    yield { found, at: streamOf(change) };
  }
  const past = found > MAX_CHANGES ? [] : streamsOf(changes);
  return {
    to,
    at,
    changes,
    found,
    removed,
    past: routingOf(await someAt(room, to, past)),
    present: wish.since === undefined ? await presentCounts(room) : undefined,
    looked,
    isKnown: wish.scope === undefined || found > 0 || (await isThere(room, wish.scope, [at, to])),
  };
}

/** The streams of these changes. */
export function streamsOf(changes: readonly Change[]): readonly StreamName[] {
  return [...new Set(changes.map(streamOf))];
}

/** Merges the earlier restoration with the changes of the owners that the later one looked at. */
export function broughtUp(known: Restoration, later: Restoration): Restoration {
  if (later.looked === undefined) return { ...later, present: known.present };
  // With this many changes nothing is carried out, whatever they are.
  if (known.found > MAX_CHANGES) return { ...known, at: later.at };
  const looked = new Set<StreamName>(later.looked);
  const changes = [...known.changes.filter((change) => !looked.has(streamOf(change))), ...later.changes].sort(
    byOwner,
  );
  return {
    ...known,
    at: later.at,
    changes: changes.slice(0, MAX_CHANGES),
    found: changes.length + later.found - later.changes.length,
    removed: removedBy(changes),
    past: {
      pools: new Map([...known.past.pools, ...later.past.pools]),
      domains: new Map([...known.past.domains, ...later.past.domains]),
    },
  };
}

function streamOf(change: Change): StreamName {
  if (change.kind === 'domain') return domainStream(change.name);
  return poolStream(change.kind === 'pool' ? change.name : change.pool);
}

/** Pools before domains, each by name; the changes of one owner keep their order. */
function byOwner(one: Change, other: Change): number {
  const [is, was] = [one, other].map((change) => (change.kind === 'domain' ? 1 : 0)) as [number, number];
  const [name, before] = [streamOf(one), streamOf(other)];
  return is - was || (name < before ? -1 : name > before ? 1 : 0);
}

async function lookedAt({ since, scope }: RestorationWish, at: Position, room: Room): Promise<Scope> {
  if (since === undefined) return scope;
  const changed = await changedSince(room, since, at);
  return scope === undefined ? changed : scope.filter((stream) => changed?.includes(stream) ?? true);
}

async function isThere(room: Room, scope: readonly StreamName[], moments: readonly Position[]) {
  for (const moment of moments) {
    const { pools, domains } = await someAt(room, moment, scope);
    if (pools.size + domains.size > 0) return true;
  }
  return false;
}

export async function presentCounts({ log, breathe }: Room): Promise<Removable> {
  let pools = 0;
  let backends = 0;
  for (let after = ''; ; await breathe()) {
    const page = log.currents({ kind: 'pool', after, limit: PAGE, characters: 1_048_576 });
    if (page.length === 0) break;
    for (const { state } of page) backends += Object.keys((state as { backends: object }).backends).length;
    pools += page.length;
    after = page.at(-1)!.stream;
  }
  return { domains: log.sizeOfCurrents(Number.MAX_SAFE_INTEGER).rows - pools, backends };
}
