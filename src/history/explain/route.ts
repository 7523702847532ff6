/** Which domain and which of its routes a request belongs to at a position, and why not the others. */
import {
  type ConsideredRoute,
  type DomainState,
  type ExplainedRequest,
  type PoolState,
  RouteMatcher,
  Split,
} from '../../../actors/index.ts';
import {
  completeDomain,
  type DomainSettings,
  type LogInspection,
  type LogReader,
  type StreamName,
} from '../../../eventlog/index.ts';
import { compilePattern } from '../../config/index.ts';
import { ownerAt } from '../state/owner-at.ts';

type Log = LogReader & LogInspection;

export type ConsideredDomain = {
  readonly name: string;
  /** `not_reached`: an earlier name was found; `absent`: the domain did not exist then. */
  readonly verdict: 'matched' | 'absent' | 'not_reached';
};

export type FoundDomain = {
  readonly name: string | undefined;
  readonly settings: DomainSettings | undefined;
  readonly considered: readonly ConsideredDomain[];
};

/** In the order in which the router looks: the host itself, the longest wildcard, `*`. */
function namesFor(host: string): string[] {
  const names = host === '' ? [] : [host];
  for (let dot = host.indexOf('.'); dot !== -1; dot = host.indexOf('.', dot + 1))
    names.push(`*${host.slice(dot)}`);
  return [...names, '*'];
}

export function domainAt(log: Log, host: string, position: number): FoundDomain {
  let name: string | undefined;
  let settings: DomainSettings | undefined;
  const considered = namesFor(host).map((candidate): ConsideredDomain => {
    if (name !== undefined) return { name: candidate, verdict: 'not_reached' };
    const state = ownerAt(log, `domain-${candidate}` as StreamName, position).state as DomainState;
    if (state === null) return { name: candidate, verdict: 'absent' };
    name = candidate;
    settings = completeDomain(state.settings);
    return { name: candidate, verdict: 'matched' };
  });
  return { name, settings, considered };
}

export type FoundRoute = {
  /** Index in the domain's routes; −1: the domain's own pool. */
  readonly route: number;
  readonly considered: readonly (ConsideredRoute & { readonly match: object })[];
  /** Undefined: a redirect, or a split whose draw is not known. */
  readonly pool: string | undefined;
  readonly redirect: object | undefined;
  /** The pools of a split and their weights. */
  readonly split: readonly { readonly pool: string; readonly weight: number }[] | undefined;
};

const NO_ROUTE = -1;

export function routeAt(settings: DomainSettings, request: ExplainedRequest, draw?: number): FoundRoute {
  const matcher = new RouteMatcher(settings.routes, compilePattern);
  const explained = matcher.explain(request);
  const considered = explained.map((each) => ({ ...each, match: settings.routes[each.route]?.match ?? {} }));
  const route = explained.find(({ verdict }) => verdict === 'matched')?.route ?? NO_ROUTE;
  const chosen = settings.routes[route];
  const split = chosen?.split;
  const drawn = split === undefined || draw === undefined ? undefined : new Split(split).poolOf(draw);
  const ownPool = split === undefined ? (chosen?.pool ?? settings.pool) : drawn;
  return {
    route,
    considered,
    pool: chosen?.redirect === undefined ? ownPool : undefined,
    redirect: chosen?.redirect,
    split,
  };
}

export function poolAt(log: Log, pool: string, position: number): NonNullable<PoolState> | null {
  return ownerAt(log, `pool-${pool}` as StreamName, position).state as PoolState;
}
