/** What the ledger has to know of a request that asks for a lease. */

/** Each 0 where there is none. */
export type Asks = {
  /** Of what it is kept together by. */
  readonly hash: number;
  readonly route: RouteLabel;
  /** The key of the backend where it is at home. */
  readonly home: number;
};

/** What a backend's health is kept apart by: an entry of a domain's routes. */
export type RouteLabel = { readonly name: string; readonly key: number };
export const UNROUTED: RouteLabel = Object.freeze({ name: '', key: 0 });
