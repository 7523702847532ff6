/** The routes of a domain, prepared once when the domain becomes known, so that a request only has to be matched. */
import { keyOf, NO_ROUTE, RouteMatcher, Split } from '../../../actors/index.ts';
import {
  type LocationPart,
  type PoolName,
  type PoolSettings,
  parseLocation,
  type RouteSettings,
} from '../../../eventlog/index.ts';
// Not through the index.ts of config, which would load everything that reads configuration into each worker.
import { describeMatch } from '../../config/describe-match.ts';
import { compilePattern } from '../../config/path-pattern.ts';
import type { RouteLabel } from '../lease/asks.ts';

type Timeouts = PoolSettings['timeouts'];

// Events allow 500 characters for the name, and a host has up to 253.
const NAME_CHARACTERS = 240;

export class Route implements RouteLabel {
  /** Its index in the domain's settings, which are in order of precedence. */
  readonly index: number;
  /** Host and match, so it does not depend on the domain's other routes. */
  readonly name: string;
  /** The hash of the name; never 0. */
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

  /** The route's time-outs; those it does not set are the pool's. */
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

  /** `pools` is looked up at each request, so that a change of a pool does not have to visit domains. */
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

  /** Which header conditions held for the request of the last `find`. */
  get held(): number {
    return this.#matcher.held;
  }

  pool(name: PoolName): Pool | undefined {
    return this.#pools.get(name);
  }
}

/** Undefined for most domains, so that without routes a request pays for one check only. */
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
