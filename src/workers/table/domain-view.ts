/** A domain in the form that requests use. */
import type { DomainState } from '../../../actors/index.ts';
import { completeDomain, DOMAIN_DEFAULTS, type DomainSettings } from '../../../eventlog/index.ts';
import { type DomainFeatures, type DomainRoute, PLAIN, type PoolRoute, routesOf } from '../../proxy/index.ts';
import { fieldKey } from '../../wire/index.ts';
import { lostPool } from './pool-view.ts';

export type PoolsByName = { readonly get: (name: string) => PoolRoute | undefined };

/** A domain finds its pool by name at each request, so that a change of the pool needs no walk over its domains. */
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

/** One of which nothing is known but that there is one. */
export function lostDomain(name: string): DomainRoute {
  const settings = completeDomain({ pool: name as DomainSettings['pool'] });
  return { name, settings, features: ORDINARY, pool: lostPool(name) };
}

/** Domains that ask for nothing special, which are nearly all, share one object. */
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
