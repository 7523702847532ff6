/** Decides about one request in a program that embeds the plane, instead of the routing table and the ledger. */
import type { Socket } from 'node:net';
import type { OutcomeType, RequestActor } from '../../actors/index.ts';
import type { Hop, ProxyHeader, RequestHead, ResponseHead } from '../wire/index.ts';
import type { OutcomeRow } from './answer/outcome-table.ts';
import type { Answer } from './answer/reply.ts';
import type { DomainRoute } from './routing-table.ts';
import type { UpstreamConnection } from './upstream/connection.ts';

/** How a delegate answers. An answer that nobody waits for any more is ignored. */
export interface Verdicts {
  /** The request is this domain's. */
  found(domain: DomainRoute): void;
  /** Another answer than a backend's, which is no failure. */
  redirect(answer: Answer): void;
  /** `row`: how it shows, where that is not as the table says. */
  turnAway(type: OutcomeType, detail: string, row?: OutcomeRow): void;
  /** The request may be sent. */
  proceed(): void;
  /** Undefined: the router's own page. */
  tell(page: Answer | undefined): void;
}

/** The request, as far as it has come. */
export interface Delegated extends RequestActor {
  readonly requestId: string;
  readonly head: RequestHead;
  readonly client: {
    readonly hop: Hop;
    readonly preface: ProxyHeader | undefined;
    readonly socket: Socket;
  };
  readonly context: { readonly now: () => number };
  readonly enquiry: (Verdicts & { readonly delegate: Delegate }) | undefined;
  readonly tenancy: { readonly lastFailure: OutcomeType } | undefined;
  readonly body: { readonly bytes: number } | undefined;
  readonly responseHead: ResponseHead | undefined;
  readonly startedAtMs: number;
  readonly connectStartedMs: number;
  readonly connectedAtMs: number;
  readonly status: number;
  readonly bytesOut: number;
  /** A mistake of our own in answering: it costs this request. */
  crashed(error: unknown): void;
}

/**
 * Made for each request whose head is sound. What it is asked it answers at once or later, by the request's `Verdicts`; what
 * comes after `patienceMs` comes too late. It never throws.
 */
export interface Delegate {
  readonly patienceMs: number;
  /** Answered by `found`, `redirect` or `turnAway`. */
  route(): void;
  /** A connection to the backend stands. True: the request may be sent; false: `proceed` will say when. */
  prepare(connection: UpstreamConnection): boolean;
  /** The request ended badly, and the client can still be told. Undefined: the router's own page; later: by `tell`. */
  page(type: OutcomeType): Answer | undefined | 'later';
  /** The request is over for the client. Its lease may still be out for a moment. */
  settled(): void;
}
