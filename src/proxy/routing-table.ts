/** What a request can ask about the routing state; implemented by whatever holds the owners' views. */
import type { PoolLedger } from '../../actors/index.ts';
import type { BackendSettings, DomainSettings, PoolSettings } from '../../eventlog/index.ts';
import type { Fields } from '../wire/index.ts';
import type { DomainRoutes } from './route/domain-routes.ts';

export interface RoutingTable {
  /** Applies unread publications; cheap if there are none. Called for each complete head and for each granted backend. */
  fence(): void;
  /** The position of the log up to which events are applied. Absent if there is no log. */
  readonly position?: number;
  /** The domain that serves a host: exact, then the longest wildcard, then `*`. */
  lookup(host: string): DomainRoute | undefined;
}

export type DomainRoute = {
  /** The domain's own name, such as `*.example.com`. */
  readonly name: string;
  readonly settings: DomainSettings;
  /** Undefined: the named pool does not exist. */
  readonly pool: PoolRoute | undefined;
  /** Undefined: all its requests go to its own pool. */
  readonly routes?: DomainRoutes<PoolRoute> | undefined;
  readonly features: DomainFeatures;
};

/** A domain's settings for the proxy, other than its pool. */
export type DomainFeatures = {
  /** Who answers `Expect: 100-continue`. */
  readonly continue: 'router' | 'end-to-end';
  readonly maintenance: boolean;
  /** Limit of requests in flight; 0: none. */
  readonly maxInFlight: number;
  /** HTML pages by outcome type, with `error` for all others; the status stays the same. */
  readonly errorPages: Readonly<Record<string, string>>;
  /** Set on every request to the backend: name, value, name, value; already validated. */
  readonly requestFields: Fields;
  /** The `fieldKey`s of these fields, which replace the client's own; undefined: none. */
  readonly requestNames: ReadonlySet<string> | undefined;
  /** The same for every response to the client. */
  readonly responseFields: Fields;
  readonly responseNames: ReadonlySet<string> | undefined;
};

export const PLAIN: DomainFeatures = Object.freeze({
  continue: 'router',
  maintenance: false,
  maxInFlight: 0,
  errorPages: Object.freeze({}),
  requestFields: Object.freeze([]),
  requestNames: undefined,
  responseFields: Object.freeze([]),
  responseNames: undefined,
});

/** A new object after each change of the pool. */
export type PoolRoute = {
  readonly name: string;
  /** Its key in the ledger. */
  readonly key: number;
  readonly settings: PoolSettings;
  /** By ledger key; the same map for the pool's whole life, so that a waiting request finds a backend added meanwhile. */
  readonly backends: ReadonlyMap<number, BackendRoute>;
  /** Its owner is parked, and no earlier view exists. */
  readonly unavailable?: boolean;
  /** The source of its leases, if it is not shared memory. */
  readonly ledger?: PoolLedger;
};

export type BackendRoute = {
  readonly id: string;
  readonly key: number;
  readonly address: BackendAddress;
  readonly settings: BackendSettings;
  /** When its drain is over: no request is sent to it afterwards, even if it was granted. Absent: not draining. */
  readonly cutAtMs?: number | undefined;
  /**
   * Undefined: an idle connection if there is one, kept afterwards. `fresh`: a new connection that replaces all idle
   * ones and is kept afterwards. `single`: a new connection for this request alone.
   */
  readonly connection?: 'fresh' | 'single';
};

export type BackendAddress = { readonly host: string; readonly port: number } | { readonly path: string };
