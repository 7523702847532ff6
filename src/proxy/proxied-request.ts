/**
 * One request as all its parts know it: what was asked, what was found, what it holds so far; and its end.
 *
 * It ends on two sides. The client's side ends with the request (`conclude`). On the backend's side the lease is
 * returned when the connection is idle or closed, at once or a little later (`Tenancy.giveBack`).
 */
import { type LeaseEnd, type OutcomeType, RequestActor, type RequestStop } from '../../actors/index.ts';
import {
  type Hop,
  keptRequestId,
  type ProxyHeader,
  type RequestHead,
  type ResponseHead,
} from '../wire/index.ts';
import { recordEnd } from './account.ts';
import { errorPage } from './answer/error-page.ts';
import { type OutcomeRow, rowOf } from './answer/outcome-table.ts';
import { outcomeOfBody } from './answer/refusals.ts';
import { type Answer, replyBytes } from './answer/reply.ts';
import type { ClientSocket } from './client/client-socket.ts';
import type { PlaneContext } from './context.ts';
import type { Delegate } from './delegate.ts';
import type { RequestBody } from './forward/request-body.ts';
import { leaseEndOf } from './lease/lease-end.ts';
import type { Tenancy } from './lease/tenancy.ts';
import type { Choice } from './route/choice.ts';
import { leaveDomain } from './route/domain-limit.ts';
import type { BackendRoute, DomainRoute, PoolRoute } from './routing-table.ts';
import type { UpstreamConnection } from './upstream/connection.ts';

/** The client connection that the request came on. */
export interface ClientSide extends ClientSocket {
  readonly hop: Hop;
  /** The load balancer's PROXY header. */
  readonly preface: ProxyHeader | undefined;
  /** The client's FIN has arrived. */
  readonly hasEnded: boolean;
  /** The bytes behind the head that do not belong to a body. */
  takeSurplus(): Buffer | undefined;
  /** The response is complete. */
  done(keepAlive: boolean, nowMs?: number): void;
  /** The response is complete, and the client sends no more requests. */
  leave(nowMs: number): void;
  /**
   * The response cannot be finished. `gone`: the client has left. `short`: what was written is still sent; the FIN
   * before the announced end tells the client. `reset`: a FIN would look like the regular end.
   */
  cut(how: 'gone' | 'short' | 'reset'): void;
}

/** The backend's side of a request, as far as its end needs to know it. */
export interface BackendSide {
  /** The response head, if it has arrived. */
  readonly responseHead: ResponseHead | undefined;
  /** The response ends with the connection, so a truncated one must not end with a FIN. */
  readonly isEndless: boolean;
  /** A reused connection on which not a byte has arrived. */
  readonly isStale: boolean;
  /** The delegate allows the request to be sent. */
  proceed(): void;
  /** Ends it before the response is complete. */
  abandon(): void;
}

/** The questions to the delegate that decides instead of the table. */
export interface DelegateSide {
  readonly delegate: Delegate;
  /** The question that has not been answered yet. */
  waitsFor: '' | 'route' | 'send' | 'page';
  /** True: the request may be sent on this connection now. */
  maySend(connection: UpstreamConnection, nowMs: number): boolean;
  askForPage(type: OutcomeType): void;
}

export abstract class ProxiedRequest extends RequestActor {
  readonly head: RequestHead;
  readonly client: ClientSide;
  readonly context: PlaneContext;
  readonly startedAtMs: number;
  /** The sequence number in its id. */
  readonly sequence: number;
  domain: DomainRoute | undefined = undefined;
  pool: PoolRoute | undefined = undefined;
  backend: BackendRoute | undefined = undefined;
  /** What was decided between domain and pool, if anything. */
  choice: Choice | undefined = undefined;
  body: RequestBody | undefined = undefined;
  tenancy: Tenancy | undefined = undefined;
  /** Set from the first lease on. */
  abstract readonly forwarding: BackendSide | undefined;
  abstract readonly enquiry: DelegateSide | undefined;
  connectStartedMs = -1;
  connectedAtMs = -1;
  /** First byte of the response; set only if there is a journal. */
  firstByteAtMs = -1;
  /** Position of the log when the request was routed. */
  position = 0;
  /** Status of the final response head sent to the client; 0: none was sent. */
  status = 0;
  /** How a refusal with the delegate's own page and code is reported. */
  row: OutcomeRow | undefined = undefined;
  /** Bytes from the client after an upgrade. */
  pipedIn = 0;
  bytesOut = 0;
  /** It counts towards the domain's limit of requests in flight. */
  isCounted = false;
  /** How a lease that is still held will be returned. */
  leaseEnd: LeaseEnd = 'finished';
  #requestId = '';
  #isEnded = false;
  #isFaulty = false;

  constructor(client: ClientSide, head: RequestHead, nowMs: number) {
    super(client.context.ids.next(nowMs), client.context.observe);
    this.client = client;
    this.context = client.context;
    this.head = head;
    this.startedAtMs = nowMs;
    this.sequence = client.context.ids.last;
  }

  get requestId(): string {
    if (this.#requestId === '') this.#requestId = this.#keptId() || this.id;
    return this.#requestId;
  }

  /** On demand only, since parsing the fields takes 0.5 of 8 µs. */
  #keptId(): string {
    const { hop } = this.client;
    return hop.isTrusted ? keptRequestId(this.head.fields, hop) : '';
  }

  /** Body bytes without framing, plus what followed an upgrade. */
  get bytesIn(): number {
    return this.pipedIn + (this.body === undefined ? 0 : this.body.bytes);
  }

  get isUploadDone(): boolean {
    return this.body === undefined || this.body.isDone;
  }

  /** The backend's response head, if it has arrived. */
  get responseHead(): ResponseHead | undefined {
    return this.forwarding?.responseHead;
  }

  /** An earlier attempt was connected; of all attempts, the last counts. */
  forgetTimes(): void {
    this.connectStartedMs = -1;
    this.connectedAtMs = -1;
    this.firstByteAtMs = -1;
  }

  // ---- every end but a complete response

  protected override abort(reason: RequestStop): void {
    this.fail(reason);
  }

  bodyRefused(): void {
    const refusal = this.body?.refusal;
    if (refusal !== undefined) this.fail(outcomeOfBody(refusal), refusal.detail);
  }

  /** Releases what the request holds and tells the client what can still be told. */
  fail(type: OutcomeType, detail?: string): void {
    const phase = this.phase;
    if (!this.conclude(detail === undefined ? { type, phase } : { type, phase, detail })) return;
    if (this.enquiry !== undefined) this.enquiry.waitsFor = '';
    this.body?.letGo();
    this.leaseEnd = leaseEndOf(type, phase, this.forwarding?.isStale === true);
    this.tenancy?.leave(this.context.now());
    this.abandonBackend();
    this.#tellClient(type);
  }

  abandonBackend(): void {
    if (this.forwarding === undefined) this.tenancy?.giveBack(this.leaseEnd);
    else this.forwarding.abandon();
  }

  #tellClient(type: OutcomeType): void {
    const row = this.row ?? rowOf(type);
    if (this.status !== 0 || row.status === 499) {
      this.end(this.context.now());
      // A client that reads too slowly or has sent its FIN may read on, and would take our FIN for the regular end.
      if (this.forwarding?.isEndless === true) this.client.cut('reset');
      else this.client.cut(row.status === 499 ? 'gone' : 'short');
    } else if (this.enquiry !== undefined) this.enquiry.askForPage(type);
    else this.tellPage(undefined);
  }

  /** Undefined: the router's own page. */
  tellPage(made: Answer | undefined): void {
    this.reply(made ?? errorPage(this));
  }

  /** Sends an answer that is not a backend's. */
  reply({ status, fields, body }: Answer): void {
    const { head, context } = this;
    const keepAlive =
      head.keepAlive && this.isUploadDone && this.body?.refusal === undefined && !context.isDraining;
    const bytes = replyBytes({
      status,
      fields,
      body,
      keepAlive,
      date: context.date.at(context.deadlines.turnedAtMs),
      isHead: head.method === 'HEAD',
    });
    this.status = status;
    this.bytesOut += bytes.length;
    this.client.writeBytes(bytes);
    this.end(this.context.now());
    this.client.done(keepAlive);
  }

  /** Accounting, once per request. An exception in it loses a record, but must not keep the client's side from ending. */
  end(nowMs: number): void {
    this.#isEnded = true;
    this.context.counters.inFlight--;
    try {
      if (this.isCounted) leaveDomain(this.context, this.domain as DomainRoute);
      recordEnd(this, nowMs);
      this.enquiry?.delegate.ended();
    } catch (error) {
      this.#fault(error);
    }
  }

  /** An exception of ours ends this request, and must not lose its lease. The orderly end may throw again. */
  crashed(error: unknown): void {
    this.#fault(error);
    try {
      this.stop('internal_error');
    } catch (second) {
      this.#fault(second);
    }
    if (!this.#isEnded && this.enquiry?.waitsFor !== 'page') this.#wreck();
  }

  /** Reports every exception of a request, but counts the request as crashed once. */
  #fault(error: unknown): void {
    if (!this.#isFaulty) this.context.counters.crashes++;
    this.#isFaulty = true;
    this.context.report({ type: 'request_crashed', requestId: this.id, error });
  }

  /** If the orderly end failed: releases everything that the request holds, at once. */
  #wreck(): void {
    this.outcome ??= { type: 'internal_error', phase: this.phase };
    this.tenancy?.leave(this.context.now());
    this.abandonBackend();
    this.end(this.context.now());
    this.client.cut('reset');
  }
}
