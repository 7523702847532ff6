/** What a request can ask about the routing state; implemented by whatever holds the owners' views. */
import type { PoolLedger } from '../../actors/index.ts';
import type { BackendSettings, DomainSettings, PoolSettings } from '../../eventlog/index.ts';
import type { Fields } from '../wire/index.ts';
import type { DomainRoutes } from './route/domain-routes.ts';

export interface RoutingTable {
  /** Catches up with the log if this worker is behind; cheap when it is not. Called once per complete head, and when a backend was given. */
  fence(): void;
  /** Of the log: what is known is the fold of everything up to there. Absent where there is no log. */
  readonly position?: number;
  /** The domain that serves a host: exact, then the longest wildcard, then `*`. */
  lookup(host: string): DomainRoute | undefined;
}

export type DomainRoute = {
  /** The domain's own name, such as `*.example.com`. */
  readonly name: string;
  readonly settings: DomainSettings;
  /** Undefined: the pool it names does not exist. */
  readonly pool: PoolRoute | undefined;
  /** Undefined: all its requests go to its pool. */
  readonly routes?: DomainRoutes<PoolRoute> | undefined;
  readonly features: DomainFeatures;
};

/** What a domain may ask of the proxy beside its pool. */
export type DomainFeatures = {
  /** Who answers `Expect: 100-continue`. */
  readonly continue: 'router' | 'end-to-end';
  readonly maintenance: boolean;
  /** Requests of this domain at once; 0: no limit. */
  readonly maxInFlight: number;
  /** Pages by outcome word, or by `error` for all others: HTML; the status stays. */
  readonly errorPages: Readonly<Record<string, string>>;
  /** Set on every request to the backend: name, value, name, value, checked to be field names and values. */
  readonly requestFields: Fields;
  /** The `fieldKey`s of these, which replace the client's own; undefined: none. */
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

/** Another object after each change of it. */
export type PoolRoute = {
  readonly name: string;
  /** Its name in the ledger. */
  readonly key: number;
  readonly settings: PoolSettings;
  /** By ledger key; one map for the pool's whole life, so that who waits finds a backend that came meanwhile. */
  readonly backends: ReadonlyMap<number, BackendRoute>;
  /** Its owner is parked and there is no view from before. */
  readonly unavailable?: boolean;
  /** Where its leases come from, when not from shared memory. */
  readonly ledger?: PoolLedger;
};

export type BackendRoute = {
  readonly id: string;
  readonly key: number;
  readonly address: BackendAddress;
  readonly settings: BackendSettings;
  /** From then on nobody is sent there, whoever was granted it: its drain is over. Absent: it is not drained. */
  readonly cutAtMs?: number | undefined;
  /**
   * Undefined: an idle connection if there is one, kept afterwards. `fresh`: a new one in the place of all idle ones,
   * kept afterwards. `single`: a new one for this request alone.
   */
  readonly connection?: 'fresh' | 'single';
};

export type BackendAddress = { readonly host: string; readonly port: number } | { readonly path: string };
