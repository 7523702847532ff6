/** What the ledger has to know of a request that asks for a lease. */

/** Each is 0 if there is none. */
export type Asks = {
  /** The digest for consistent hashing. */
  readonly hash: number;
  readonly route: RouteLabel;
  /** The key of its home backend. */
  readonly home: number;
};

/** An entry of a domain's routes; a backend's health is recorded per route. */
export type RouteLabel = { readonly name: string; readonly key: number };
export const UNROUTED: RouteLabel = Object.freeze({ name: '', key: 0 });
