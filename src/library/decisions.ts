/** The callbacks by which a program decides about requests, each synchronous or not. */
import type { Blame, OutcomeType, Phase } from '../../actors/index.ts';
import type { IncomingRequest } from './incoming-request.ts';
import type { Refusal } from './refusals.ts';

export type Later<T> = T | PromiseLike<T>;

/** Redirects the client. */
export type Redirect = {
  /** A host, a host:port, or an origin such as `https://new.example`. Path and query are kept, and the scheme if none is given. */
  readonly redirect: string;
  /** 301 by default. */
  readonly status?: 301 | 302 | 303 | 307 | 308;
};

/** Anything except undefined and null. */
export type Found<Domain> = { readonly domain: Domain };

/** The address of a service, and how connections to it are used. A string is `host:port`, `[v6]:port` or `unix:/path`. */
export type Backend =
  | string
  | ((
      | { readonly host: string; readonly port: number }
      | { readonly path: string }
      | { readonly address: string }
    ) & {
      /**
       * true, the default: reuses an idle connection if there is one, and keeps it afterwards. `fresh`: closes the idle
       * ones and opens a new one, kept afterwards. false: a new one for this request only.
       */
      readonly keepAlive?: boolean | 'fresh';
      /** Its name in the access log. */
      readonly name?: string;
    });

/** How far a service was used when it is checked in. */
export type CheckinPhase =
  /** Not used: the request ended before a connection was begun. */
  | 'checkout'
  /** Connecting failed, or was abandoned. */
  | 'connecting'
  /** The connection was established. */
  | 'connected';

/** The name of an outcome, or the word of a refusal. */
export type Reason = OutcomeType | (string & {});

export type Feature =
  /** Disabled: the router answers `Expect: 100-continue`; enabled: the backend does. Asked only for requests with that. */
  | 'end-to-end-continue'
  /** Enabled: the backend gets the client's port as `X-Forwarded-Peer-Port`. Asked only on listeners with the PROXY protocol. */
  | 'peer-port';

/** Upstream goes to the backend, downstream to the client. */
export type Direction = 'upstream' | 'downstream';

/** A value, or several under one name. */
export type HeaderValues = string | readonly string[];
export type Headers =
  | { readonly [name: string]: HeaderValues }
  | Iterable<readonly [name: string, value: HeaderValues]>;

/** Sent to the client instead of a response. HTML unless it has a Content-Type. */
export type ErrorPage = {
  readonly status: number;
  readonly headers?: Headers;
  readonly body: string | Uint8Array;
};

export type Outcome = {
  readonly type: OutcomeType;
  /** The same as `type`, or the word of a refusal. */
  readonly reason: Reason;
  readonly phase: Phase;
  readonly blame: Blame;
  readonly detail?: string;
};

/** Times are whole milliseconds; undefined means never begun. */
export type Figures = {
  /** When the head was complete, in epoch milliseconds. */
  readonly receivedAtMs: number;
  /** From there until the first connect began. */
  readonly routeMs: number | undefined;
  /** From there until connected, all attempts included; 0 on a reused connection. */
  readonly connectMs: number | undefined;
  /** From there until the backend's response head. */
  readonly waitMs: number | undefined;
  /** From there until the end. */
  readonly responseMs: number | undefined;
  readonly totalMs: number;
  /** Services checked out. */
  readonly attempts: number;
  /** The status sent to the client; 0: nothing was sent. */
  readonly status: number;
  /** Of the request's body. */
  readonly bytesFromClient: number;
  /** Including heads. */
  readonly bytesToClient: number;
  /** Bytes on the backend's socket, for this request only. */
  readonly bytesToBackend: number;
  readonly bytesFromBackend: number;
  /** The backend's response head as received. */
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
 * `errorPage` is called if there is no response. A callback that throws, rejects or returns an invalid value ends its
 * request as `internal_error` and is reported; one that does not answer in time ends it too. Only `checkout` is required.
 */
export interface Decisions<Domain = string, Service = Backend, State = undefined> {
  /** Called first, unless the request is malformed; then no callback is. Its value becomes `request.state`. */
  init?(request: IncomingRequest<undefined>): Later<State>;
  /** `host` is in lower case, without port. Undefined: 404. By default the host is the domain. */
  lookupDomain?(
    host: string,
    request: IncomingRequest<State>,
  ): Later<Found<Domain> | Redirect | Refusal | undefined>;
  /** `attempt` counts from 1: it is called again after each failed connect. Undefined: none is available. */
  checkout(
    domain: NonNullable<Domain>,
    request: IncomingRequest<State>,
    attempt: number,
  ): Later<Service | Refusal | undefined>;
  /** By default the service is its own address. */
  backendOf?(service: Service, request: IncomingRequest<State>): Later<Backend>;
  /**
   * Called once for every service that checkout returned, whatever became of it. The next checkout waits for its promise;
   * errors are reported.
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
  /** They replace headers of the same name; Set-Cookie is added. */
  additionalHeaders?(direction: Direction, request: IncomingRequest<State>): Later<Headers | undefined>;
  /** `domain` is undefined if none was found yet. Return undefined for the router's own page. */
  errorPage?(
    reason: Reason,
    domain: Domain | undefined,
    request: IncomingRequest<State>,
  ): Later<ErrorPage | undefined>;
  /** Called last, once for every request for which `init` was, or would have been, called. */
  finished?(request: IncomingRequest<State>, outcome: Outcome, figures: Figures): Later<void>;
}
