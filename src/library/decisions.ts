/** The callbacks by which a program decides about requests, each synchronous or not. */
import type { Blame, OutcomeType, Phase } from '../../actors/index.ts';
import type { IncomingRequest } from './incoming-request.ts';
import type { Refusal } from './refusals.ts';

export type Later<T> = T | PromiseLike<T>;

/** Send the client elsewhere. */
export type Redirect = {
  /** A host, a host:port, or an origin such as `https://new.example`. Scheme, path and query stay as they were. */
  readonly redirect: string;
  /** 301 by default. */
  readonly status?: 301 | 302 | 303 | 307 | 308;
};

/** Anything but undefined and null. */
export type Found<Domain> = { readonly domain: Domain };

/** Where a service is, and what becomes of the connection to it. A text is `host:port`, `[v6]:port` or `unix:/path`. */
export type Backend =
  | string
  | ((
      | { readonly host: string; readonly port: number }
      | { readonly path: string }
      | { readonly address: string }
    ) & {
      /**
       * true, the default: an idle connection if there is one, kept afterwards. `fresh`: a new one in the place of all
       * idle ones, kept afterwards. false: a new one for this request alone.
       */
      readonly keepAlive?: boolean | 'fresh';
      /** What the access log calls it. */
      readonly name?: string;
    });

/** How far a service was used when it is checked in. */
export type CheckinPhase =
  /** Not at all: the request ended before a connection was begun. */
  | 'checkout'
  /** The connection failed, or was given up. */
  | 'connecting'
  /** The connection stood. */
  | 'connected';

/** The word of an outcome, or the one a refusal chose. */
export type Reason = OutcomeType | (string & {});

export type Feature =
  /** Disabled: the router answers `Expect: 100-continue`; enabled: the backend does. Asked only where there is one. */
  | 'end-to-end-continue'
  /** Enabled: `X-Forwarded-Peer-Port` tells the client's port. Asked only on listeners with the PROXY protocol. */
  | 'peer-port';

/** Upstream goes to the backend, downstream to the client. */
export type Direction = 'upstream' | 'downstream';

/** A value, or several under one name. */
export type HeaderValues = string | readonly string[];
export type Headers =
  | { readonly [name: string]: HeaderValues }
  | Iterable<readonly [name: string, value: HeaderValues]>;

/** What the client gets in the place of a response. Without a Content-Type it is HTML. */
export type ErrorPage = {
  readonly status: number;
  readonly headers?: Headers;
  readonly body: string | Uint8Array;
};

export type Outcome = {
  readonly type: OutcomeType;
  /** The same, unless a refusal chose a word of its own. */
  readonly reason: Reason;
  readonly phase: Phase;
  readonly blame: Blame;
  readonly detail?: string;
};

/** Times are whole milliseconds; undefined is what was never begun. */
export type Figures = {
  /** When the head was complete, in epoch milliseconds. */
  readonly receivedAtMs: number;
  /** From there to the first connection begun. */
  readonly routeMs: number | undefined;
  /** From there to a connection that stood, all attempts included; 0 on one that was there already. */
  readonly connectMs: number | undefined;
  /** From there to the backend's response head. */
  readonly waitMs: number | undefined;
  /** From there to the end. */
  readonly responseMs: number | undefined;
  readonly totalMs: number;
  /** Services checked out. */
  readonly attempts: number;
  /** What the client was sent; 0: nothing. */
  readonly status: number;
  /** Of the request's body. */
  readonly bytesFromClient: number;
  /** Heads included. */
  readonly bytesToClient: number;
  /** Octets on the backend's socket, this request's alone. */
  readonly bytesToBackend: number;
  readonly bytesFromBackend: number;
  /** The backend's response head as it came. */
  readonly response:
    | { readonly status: number; readonly headers: readonly (readonly [string, string])[] }
    | undefined;
};

/**
 * Called in this order for a request that is served:
 *
 *   init → lookupDomain → feature(end-to-end-continue) → checkout → backendOf → (connect)
 *     └ failed: checkin(connecting) → checkout → …
 *   → feature(peer-port) → additionalHeaders(upstream) → additionalHeaders(downstream) → checkin → finished
 *
 * `errorPage` comes where a response would, when there is none. What throws, rejects or answers nonsense ends its request
 * as `internal_error` and is reported; what does not answer in time ends it too. Only checkout need be there.
 */
export interface Decisions<Domain = string, Service = Backend, State = undefined> {
  /** The first to be called, unless the request was malformed: then none is. What it gives is `request.state`. */
  init?(request: IncomingRequest<undefined>): Later<State>;
  /** `host` is in lower case, without port. Undefined: 404. By default the host is the domain. */
  lookupDomain?(
    host: string,
    request: IncomingRequest<State>,
  ): Later<Found<Domain> | Redirect | Refusal | undefined>;
  /** `attempt` counts from 1: it is asked again after each failed connect. Undefined: there is none to be had. */
  checkout(
    domain: NonNullable<Domain>,
    request: IncomingRequest<State>,
    attempt: number,
  ): Later<Service | Refusal | undefined>;
  /** By default the service is its own address. */
  backendOf?(service: Service, request: IncomingRequest<State>): Later<Backend>;
  /**
   * Once for every service that checkout gave, whatever became of it. The next checkout waits for its promise; what it
   * throws is reported.
   */
  checkin?(
    domain: NonNullable<Domain>,
    service: Service,
    phase: CheckinPhase,
    end: 'normal' | Reason,
    request: IncomingRequest<State>,
  ): Later<void>;
  /** Both are disabled by default. */
  feature?(name: Feature, request: IncomingRequest<State>): Later<'enabled' | 'disabled'>;
  /** They replace what is there under the same name; Set-Cookie is added. */
  additionalHeaders?(direction: Direction, request: IncomingRequest<State>): Later<Headers | undefined>;
  /** `domain` is undefined where none was found yet. Undefined: the router's own page. */
  errorPage?(
    reason: Reason,
    domain: Domain | undefined,
    request: IncomingRequest<State>,
  ): Later<ErrorPage | undefined>;
  /** The last to be called, once for every request that `init` was, or would have been, called for. */
  finished?(request: IncomingRequest<State>, outcome: Outcome, figures: Figures): Later<void>;
}
