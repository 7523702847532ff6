/** Where a request would go, or would have gone, without sending it. */
import type { Refusal } from '../../../actors/index.ts';
import {
  completePool,
  type DomainSettings,
  type PoolSettings,
  renderTime,
  type StreamName,
} from '../../../eventlog/index.ts';
import { CompiledRoute, pathOf } from '../../proxy/index.ts';
import { domainOf } from '../../wire/index.ts';
import { type Moment, positionAt, timeAt } from '../moment.ts';
import type { Room } from '../room.ts';
import { archivedChanges, type Change, lastChange } from './changes.ts';
import { Names } from './names.ts';
import { type Live, poolThen } from './pool-then.ts';
import { againstOf, whyPicked } from './reasons.ts';
import { type ConsideredDomain, domainAt, type FoundRoute, poolAt, routeAt } from './route.ts';
import type { NamedCandidate, Sight } from './story.ts';

export type AskedWish = {
  readonly host: string;
  readonly path: string;
  readonly method: string;
  /** Name, value, name, value. */
  readonly headers: readonly string[];
  /** Undefined: now. */
  readonly at?: Moment;
  /** The backend asked about. */
  readonly whyNot?: string;
  readonly live?: Live;
};

export type AskedStory = {
  readonly request: { readonly method: string; readonly host: string; readonly path: string };
  readonly position: number;
  /** The time for which the backends are shown. */
  readonly asOf: string;
  readonly domain: string | null;
  readonly domains: readonly ConsideredDomain[];
  readonly route: FoundRoute | null;
  readonly pool: string | null;
  readonly sight: Sight | null;
  /** The backend that would be picked; null: none. */
  readonly backend: string | null;
  readonly why: string;
  readonly whyNot: string | null;
  readonly changes: {
    readonly last: Change | null;
    readonly domain: Change | null;
    readonly pool: Change | null;
  };
  readonly notes: readonly string[];
};

/** Where the log sends the request at a position. */
type Way = {
  readonly position: number;
  readonly domain: string | undefined;
  readonly settings: DomainSettings | undefined;
  readonly route: FoundRoute | null;
};

export async function explainAsked(wish: AskedWish, room: Room): Promise<AskedStory> {
  const { log } = room;
  const position = wish.at === undefined ? log.position() : positionAt(log, wish.at, 'at');
  const { name: domain, settings, considered } = domainAt(log, domainOf(wish.host), position);
  const request = { method: wish.method, path: pathOf(wish.path), headers: wish.headers };
  const route = settings === undefined ? null : routeAt(settings, request);
  const way = { position, domain, settings, route };
  const pool = route?.pool;
  const shown = pool === undefined ? undefined : await shownOf(wish, room, way, pool);
  const found = verdict(way, shown);
  const domainStream = domain === undefined ? undefined : (`domain-${domain}` as StreamName);
  const poolStream = pool === undefined ? undefined : (`pool-${pool}` as StreamName);
  const ofDomain = domainStream && lastChange(log, domainStream, position);
  const ofPool = poolStream && lastChange(log, poolStream, position);
  const archived = archivedChanges(log, position, [
    { what: 'the domain', stream: domainStream, change: ofDomain },
    { what: 'the pool', stream: poolStream, change: ofPool },
  ]);
  const last = (ofPool?.position ?? 0) > (ofDomain?.position ?? 0) ? ofPool : ofDomain;
  return {
    request: { method: wish.method, host: wish.host, path: wish.path },
    position,
    asOf: renderTime(shown?.atMs ?? (wish.at && timeAt(log, wish.at, 'at')) ?? room.now()),
    domain: domain ?? null,
    domains: considered,
    route,
    pool: pool ?? null,
    sight: shown?.sight ?? null,
    ...found,
    whyNot: wish.whyNot === undefined ? null : whyNot(wish.whyNot, found, shown?.sight),
    changes: { last: last ?? null, domain: ofDomain ?? null, pool: ofPool ?? null },
    notes: [...(shown?.notes ?? []), ...archived],
  };
}

/** The pool as the request would find it. */
type Shown = {
  readonly sight: Sight;
  /** If no backend is available; null: the request would wait. */
  readonly refusal: Refusal | null;
  readonly atMs: number;
  /** What cannot be told. */
  readonly notes: readonly string[];
};

const REFUSED = {
  no_backends: 'the pool has no backends: H14',
  starting: 'no backend is up; some are starting: H20',
  queue_full: 'no backend is available now; the queue is full: H11',
  exhausted: 'all backends were tried',
} as const satisfies Record<Refusal, string>;

/** Undefined: there is no such pool. */
async function shownOf(wish: AskedWish, room: Room, way: Way, pool: string): Promise<Shown | undefined> {
  const { position } = way;
  const state = poolAt(room.log, pool, position);
  if (state === null) return undefined;
  const { pool: then, atMs, notes } = await poolThen(wish, room, pool, state, position);
  then.expire(atMs);
  const look = then.look({ nowMs: atMs, tried: [], hash: 0, route: routeKey(way), wanted: 0 });
  return {
    sight: new Names(room.journal(), state).sight(look),
    refusal: look.refusal,
    atMs,
    notes: [...notesOn(completePool(state.settings)), ...notes],
  };
}

/** What depends on who asks. */
function notesOn({ policy, affinity }: PoolSettings): string[] {
  const notes: string[] = [];
  if (policy === 'consistent-hash')
    notes.push('hash keys need the router’s secret: answered as if the request had no key');
  if (affinity !== false) notes.push('answered as for a new client, without an affinity cookie');
  return notes;
}

/** The route for which health is kept separately. */
function routeKey({ domain, settings, route }: Way): number {
  const taken = route === null ? undefined : settings?.routes[route.route];
  if (route === null || domain === undefined || taken === undefined) return 0;
  return new CompiledRoute(domain, taken, route.route).key;
}

function verdict(
  { domain, settings, route }: Way,
  shown: Shown | undefined,
): { readonly why: string; readonly backend: string | null } {
  if (domain === undefined || route === null)
    return { why: 'no domain serves this host: 404', backend: null };
  if (settings?.maintenance === true) return { why: `${domain} is in maintenance: H80`, backend: null };
  if (route.redirect !== undefined) return { why: `route ${route.route} redirects it`, backend: null };
  if (route.split !== undefined && route.pool === undefined)
    return { why: `route ${route.route} splits it by weight: ${shares(route.split)}`, backend: null };
  if (shown === undefined) return { why: `there is no pool ${route.pool}: H14`, backend: null };
  const { sight, refusal } = shown;
  const { picked } = sight;
  if (picked !== null) return { why: whyPicked(sight, picked), backend: picked };
  return {
    why: refusal === null ? 'no backend is available now; it would wait' : REFUSED[refusal],
    backend: null,
  };
}

function shares(split: NonNullable<FoundRoute['split']>): string {
  return split.map(({ pool, weight }) => `${pool} ${weight}`).join(', ');
}

function whyNot(
  id: string,
  { why, backend: picked }: ReturnType<typeof verdict>,
  sight: Sight | undefined,
): string {
  if (id === picked) return `${id} is the one that would be picked`;
  if (sight === undefined) return `no backend is picked: ${why}`;
  const its = sight.candidates.find(({ backend }) => backend === id);
  if (its === undefined) return `the pool has no backend ${id}`;
  if (!its.open)
    return `${id} is unavailable: ${againstOf(its)}${its.until === null ? '' : `, until ${its.until}`}`;
  const other = sight.candidates.find(({ backend }) => backend === picked);
  if (other === undefined) return `${id} is available, but no backend is picked: ${why}`;
  return other.isTrial ? `${id} is available too: ${why}` : whyOther(its, other, sight);
}

/** Both are available. If the policy draws its candidates at random, the least loaded may not be among them. */
function whyOther(its: NamedCandidate, other: NamedCandidate, { measure, draws }: Sight): string {
  const [id, picked] = [its.backend, other.backend];
  if (its.score === null || other.score === null)
    return `${id} is available too: ${picked} was drawn at random`;
  const aside = draws.length > 0 ? 'was not drawn' : 'comes after it';
  if (its.score === other.score) return `${id} is as good as ${picked} (score ${its.score}), and ${aside}`;
  if (its.score < other.score)
    return `${id} has score ${its.score}, ${picked} has ${other.score}, but ${id} ${aside} (${measure})`;
  return `${id} has score ${its.score}, ${picked} has ${other.score}: the lowest wins (${measure})`;
}
