/**
 * One request as all its parts know it: what was asked, what was found, what it holds so far; and its end.
 *
 * Two ends meet here: the client's, which is over when the request is (`conclude`), and the backend's, whose lease
 * is given back when its connection rests or is closed, at once or a little later (`Tenancy.giveBack`).
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

/** The connection it came on. */
export interface ClientSide extends ClientSocket {
  readonly hop: Hop;
  /** What the load balancer said of the client. */
  readonly preface: ProxyHeader | undefined;
  /** Its FIN has come. */
  readonly hasEnded: boolean;
  /** What came behind the head and is not a body's. */
  takeSurplus(): Buffer | undefined;
  /** The answer is given. */
  done(keepAlive: boolean, nowMs?: number): void;
  /** The answer is given, and the client asks for nothing more. */
  leave(nowMs: number): void;
  /**
   * The answer cannot be finished. `gone`: nobody is there to be told. `short`: what was written still leaves, and a
   * FIN before the announced end tells. `reset`: a FIN would look like the end, so it takes more.
   */
  cut(how: 'gone' | 'short' | 'reset'): void;
}

/** What goes on with its backends, as far as its end has to know. */
export interface BackendSide {
  /** Of the response, as far as it has come. */
  readonly responseHead: ResponseHead | undefined;
  /** The end of what the client is sent is that of the connection, so that one cut short must not look like one. */
  readonly isEndless: boolean;
  /** A kept connection, and not a byte came over it. */
  readonly isStale: boolean;
  /** The delegate has had its word on what is sent. */
  proceed(): void;
  /** Before the response is whole. */
  abandon(): void;
}

/** What the delegate that decides in the table's place is asked. */
export interface DelegateSide {
  readonly delegate: Delegate;
  /** What was asked and has not been answered yet. */
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
  /** The number in its id. */
  readonly sequence: number;
  domain: DomainRoute | undefined = undefined;
  pool: PoolRoute | undefined = undefined;
  backend: BackendRoute | undefined = undefined;
  /** What was decided on the way to the pool, where that was anything. */
  choice: Choice | undefined = undefined;
  body: RequestBody | undefined = undefined;
  tenancy: Tenancy | undefined = undefined;
  /** From the first lease on. */
  abstract readonly forwarding: BackendSide | undefined;
  abstract readonly enquiry: DelegateSide | undefined;
  connectStartedMs = -1;
  connectedAtMs = -1;
  /** Of the response; only where a journal wants to know. */
  firstByteAtMs = -1;
  /** Of the log, when it was routed. */
  position = 0;
  /** Of the final response head that went to the client; 0: none has. */
  status = 0;
  /** How a refusal in the delegate's own words shows. */
  row: OutcomeRow | undefined = undefined;
  /** From the client, once its connection is upgraded. */
  pipedIn = 0;
  bytesOut = 0;
  /** It is among those its domain has in flight. */
  isCounted = false;
  /** How a lease that is still out will be given back. */
  leaseEnd: LeaseEnd = 'finished';
  #requestId = '';
  #isSettled = false;
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

  /** Fields are made when somebody asks for them: 0.5 µs of eight. */
  #keptId(): string {
    const { hop } = this.client;
    return hop.isTrusted ? keptRequestId(this.head.fields, hop) : '';
  }

  /** Of its body, without framing, and of what followed an upgrade. */
  get bytesIn(): number {
    return this.pipedIn + (this.body === undefined ? 0 : this.body.bytes);
  }

  get isUploadDone(): boolean {
    return this.body === undefined || this.body.isDone;
  }

  /** The backend's, as far as it has come. */
  get responseHead(): ResponseHead | undefined {
    return this.forwarding?.responseHead;
  }

  // ---- every end but a whole response

  protected override abort(reason: RequestStop): void {
    this.fail(reason);
  }

  bodyRefused(): void {
    const refusal = this.body?.refusal;
    if (refusal !== undefined) this.fail(outcomeOfBody(refusal), refusal.detail);
  }

  /** What is held is given back, the client is told what can still be told. */
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
      this.settle(this.context.now());
      // Whoever reads too slowly or says goodbye may read on, and would take a FIN for the end.
      if (this.forwarding?.isEndless === true) this.client.cut('reset');
      else this.client.cut(row.status === 499 ? 'gone' : 'short');
    } else if (this.enquiry !== undefined) this.enquiry.askForPage(type);
    else this.tellPage(undefined);
  }

  /** Undefined: the router's own page. */
  tellPage(made: Answer | undefined): void {
    this.reply(made ?? errorPage(this));
  }

  /** An answer that is not a backend's. */
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
    this.settle(this.context.now());
    this.client.done(keepAlive);
  }

  /** The books: once per request, whatever its end. Our own mistake in them costs a record, and never the client its end. */
  settle(nowMs: number): void {
    this.#isSettled = true;
    this.context.counters.inFlight--;
    try {
      if (this.isCounted) leaveDomain(this.context, this.domain as DomainRoute);
      recordEnd(this, nowMs);
      this.enquiry?.delegate.settled();
    } catch (error) {
      this.#fault(error);
    }
  }

  /** Our own mistake: it costs this request, never its lease. What threw may throw again on the way out. */
  crashed(error: unknown): void {
    this.#fault(error);
    try {
      this.stop('internal_error');
    } catch (second) {
      this.#fault(second);
    }
    if (!this.#isSettled && this.enquiry?.waitsFor !== 'page') this.#wreck();
  }

  /** Of one request many may be told; it is counted once. */
  #fault(error: unknown): void {
    if (!this.#isFaulty) this.context.counters.crashes++;
    this.#isFaulty = true;
    this.context.report({ type: 'request_crashed', requestId: this.id, error });
  }

  /** The end of a request whose orderly end was broken off: everything it holds, at once. */
  #wreck(): void {
    this.outcome ??= { type: 'internal_error', phase: this.phase };
    this.tenancy?.leave(this.context.now());
    this.abandonBackend();
    this.settle(this.context.now());
    this.client.cut('reset');
  }
}
