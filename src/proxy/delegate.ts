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
  /** It knows a part of the answer, and may take as long for the next. */
  partly(): void;
  /** The request belongs to this domain. */
  found(domain: DomainRoute): void;
  /** An answer that is not a backend's, and no failure. */
  redirect(answer: Answer): void;
  /** `row`: how it is reported if not as the outcome table says. */
  turnAway(type: OutcomeType, detail: string, row?: OutcomeRow): void;
  /** The request may be sent. */
  proceed(): void;
  /** Undefined: the router's own page. */
  tell(page: Answer | undefined): void;
}

/** The request, as far as it has got. */
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
  /** Reports an exception in our own code; it ends this request only. */
  crashed(error: unknown): void;
}

/**
 * Created for each request with a valid head. It answers each question at once or later, through the request's
 * `Verdicts`; an answer after `patienceMs` is too late. It must not throw.
 */
export interface Delegate {
  readonly patienceMs: number;
  /** Answered by `found`, `redirect` or `turnAway`. */
  route(): void;
  /** The connection to the backend is established. True: send the request; false: `proceed` will say when. */
  prepare(connection: UpstreamConnection): boolean;
  /** The request failed and the client can still be told. Undefined: the router's own page; 'later': `tell` will say. */
  page(type: OutcomeType): Answer | undefined | 'later';
  /** The request is over for the client; its lease may be held a moment longer. */
  ended(): void;
}
