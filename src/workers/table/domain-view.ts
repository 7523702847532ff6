/** A domain in the form that requests use. */
import type { DomainState } from '../../../actors/index.ts';
import { completeDomain, DOMAIN_DEFAULTS, type DomainSettings } from '../../../eventlog/index.ts';
import { type DomainFeatures, type DomainRoute, PLAIN, type PoolRoute, routesOf } from '../../proxy/index.ts';
import { fieldKey } from '../../wire/index.ts';
import { unreadablePool } from './pool-view.ts';

export type PoolsByName = { readonly get: (name: string) => PoolRoute | undefined };

/** The pool is looked up by name at each request, so that a change of a pool does not have to visit its domains. */
export class DomainView implements DomainRoute {
  readonly name: string;
  readonly settings: DomainRoute['settings'];
  readonly features: DomainRoute['features'];
  readonly routes: DomainRoute['routes'];
  readonly #pools: PoolsByName;

  constructor(name: string, state: NonNullable<DomainState>, pools: PoolsByName) {
    this.name = name;
    this.settings = completeDomain(state.settings);
    this.features = featuresOf(this.settings);
    this.routes = routesOf(name, this.settings.routes, pools);
    this.#pools = pools;
  }

  get pool(): PoolRoute | undefined {
    return this.#pools.get(this.settings.pool);
  }
}

/** A domain that exists but cannot be read. */
export function unreadableDomain(name: string): DomainRoute {
  const settings = completeDomain({ pool: name as DomainSettings['pool'] });
  return { name, settings, features: ORDINARY, pool: unreadablePool(name) };
}

/** Nearly all domains have no special settings and share one object. */
function featuresOf(settings: DomainSettings): DomainFeatures {
  const { maintenance, maxInFlight, errorPages, headers } = settings;
  const request = Object.entries(headers.request);
  const response = Object.entries(headers.response);
  const isPlain =
    !maintenance &&
    maxInFlight === ORDINARY.maxInFlight &&
    settings.features.continue === ORDINARY.continue &&
    request.length + response.length + Object.keys(errorPages).length === 0;
  if (isPlain) return ORDINARY;
  return {
    continue: settings.features.continue,
    maintenance,
    maxInFlight,
    errorPages,
    requestFields: request.flat(),
    requestNames: namesOf(request),
    responseFields: response.flat(),
    responseNames: namesOf(response),
  };
}

const ORDINARY: DomainFeatures = Object.freeze({ ...PLAIN, maxInFlight: DOMAIN_DEFAULTS.maxInFlight });

function namesOf(fields: readonly (readonly [string, string])[]): ReadonlySet<string> | undefined {
  return fields.length === 0 ? undefined : new Set(fields.map(([name]) => fieldKey(name)));
}
