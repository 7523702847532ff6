/** The routes of a domain, prepared once when the domain becomes known, so that a request only has to be matched. */
import { keyOf, NO_ROUTE, RouteMatcher, Split } from '../../../actors/index.ts';
import {
  type LocationPart,
  type PoolName,
  type PoolSettings,
  parseLocation,
  type RouteSettings,
} from '../../../eventlog/index.ts';
// Not by their door: a worker that came in there would hold all that reads configuration.
import { describeMatch } from '../../config/describe-match.ts';
import { compilePattern } from '../../config/path-pattern.ts';
import type { RouteLabel } from '../lease/asks.ts';

type Timeouts = PoolSettings['timeouts'];

// Events that name it have 500 characters for it, and a host has up to 253.
const NAME_CHARACTERS = 240;

export class Route implements RouteLabel {
  /** Its place in order of precedence, as the domain's settings have it. */
  readonly index: number;
  /** Host and match: the same whatever stands beside it. */
  readonly name: string;
  /** Of that name; never 0. */
  readonly key: number;
  readonly settings: RouteSettings;
  readonly split: Split | undefined;
  readonly location: readonly LocationPart[] | undefined;
  #timeouts: Timeouts | undefined;
  #timeoutsOver: Timeouts | undefined;

  constructor(host: string, settings: RouteSettings, index: number) {
    const { match, split, redirect } = settings;
    this.index = index;
    this.name = nameOf(host, describeMatch(match));
    this.key = keyOf(this.name);
    this.settings = settings;
    this.split = split === undefined ? undefined : new Split(split);
    const location = redirect === undefined ? undefined : parseLocation(redirect.location);
    this.location = location?.ok === true ? location.value : undefined;
  }

  /** The pool's, where the route says nothing else. */
  timeoutsOver(timeouts: Timeouts): Timeouts {
    const own = this.settings.timeouts;
    if (own === undefined) return timeouts;
    const known = this.#timeouts;
    if (known !== undefined && this.#timeoutsOver === timeouts) return known;
    const {
      connectMs = timeouts.connectMs,
      firstByteMs = timeouts.firstByteMs,
      idleMs = timeouts.idleMs,
    } = own;
    const made = { ...timeouts, connectMs, firstByteMs, idleMs };
    this.#timeouts = made;
    this.#timeoutsOver = timeouts;
    return made;
  }
}

export class DomainRoutes<Pool> {
  readonly #matcher: RouteMatcher;
  readonly #routes: readonly Route[];
  readonly #pools: { get(name: PoolName): Pool | undefined };

  /** `pools` is asked at each request, so that a change of a pool needs no walk over domains. */
  constructor(
    host: string,
    routes: readonly RouteSettings[],
    pools: { get(name: PoolName): Pool | undefined },
  ) {
    this.#matcher = new RouteMatcher(routes, compilePattern);
    this.#routes = routes.map((settings, index) => new Route(host, settings, index));
    this.#pools = pools;
  }

  /** The route that a request takes; undefined: none, so the domain's own pool serves it. */
  find(method: string, path: string, fields: readonly string[]): Route | undefined {
    const index = this.#matcher.find(method, path, fields);
    return index === NO_ROUTE ? undefined : this.#routes[index];
  }

  /** Of the request that was looked at last: which conditions on headers held. */
  get held(): number {
    return this.#matcher.held;
  }

  pool(name: PoolName): Pool | undefined {
    return this.#pools.get(name);
  }
}

/** Undefined for nearly all: a domain without routes costs its requests one look. */
export function routesOf<Pool>(
  host: string,
  routes: readonly RouteSettings[],
  pools: { get(name: PoolName): Pool | undefined },
): DomainRoutes<Pool> | undefined {
  return routes.length === 0 ? undefined : new DomainRoutes(host, routes, pools);
}

function nameOf(host: string, match: string): string {
  return `${host}#${match.length <= NAME_CHARACTERS ? match : keyOf(match).toString(36)}`;
}
