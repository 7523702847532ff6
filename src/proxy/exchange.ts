/**
 * One request and its response, from the complete head to the end: look at the domain, ask the pool for a lease,
 * connect, forward both ways, give the lease back, say how it ended.
 *
 *   admission ─▶ tenancy ─▶ forwarding ─▶ responding         each a part of it, in the file of that name
 *
 * Two ends meet here: the client's, which is over when the request is (`conclude`), and the backend's, whose lease
 * is given back when its connection rests or is closed, at once or a little later (`Tenancy.giveBack`).
 */
import { type LeaseEnd, type OutcomeType, RequestActor, type RequestStop } from '../../actors/index.ts';
import { keptRequestId, type RequestHead, type ResponseHead } from '../wire/index.ts';
import { recordEnd } from './account.ts';
import { admit, askForLease, awaitLedger } from './admission.ts';
import type { Choice } from './choice.ts';
import type { ClientConnection } from './client-connection.ts';
import type { PlaneContext } from './context.ts';
import type { Answer } from './delegate.ts';
import { leaveDomain } from './domain-limit.ts';
import { Enquiry } from './enquiry.ts';
import { Forwarding } from './forwarding.ts';
import { leaseEndOf } from './lease-end.ts';
import { type OutcomeRow, rowOf } from './outcome-table.ts';
import { ownPage, plainPage } from './own-page.ts';
import { outcomeOfBody } from './refusals.ts';
import { type Reply, replyBytes } from './reply.ts';
import { RequestBody } from './request-body.ts';
import type { BackendRoute, DomainRoute, PoolRoute } from './routing-table.ts';
import { ownAnswer } from './self.ts';
import type { Tenancy, Tenant } from './tenancy.ts';

// 15 KiB: a scratch buffer read full. From here on a read buffer of its own saves a copy worth more than it costs.
export const LARGE_BYTES = 15_360;

export class Exchange extends RequestActor implements Tenant {
  readonly head: RequestHead;
  readonly client: ClientConnection;
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
  /** What goes on with its backends, from the first lease on. */
  forwarding: Forwarding | undefined = undefined;
  connectStartedMs = -1;
  connectedAtMs = -1;
  /** Of the response; only where a journal wants to know. */
  firstByteAtMs = -1;
  /** Of the log, when it was routed. */
  position = 0;
  /** Of the final response head that went to the client; 0: none has. */
  status = 0;
  /** Who decides where a program does it in the table's place. */
  enquiry: Enquiry | undefined = undefined;
  /** How a refusal in the delegate's own words shows. */
  row: OutcomeRow | undefined = undefined;
  bytesOut = 0;
  /** How often it waited for its pool's ledger to be made. */
  wakes = 0;
  /** It is among those its domain has in flight. */
  isCounted = false;
  /** How a lease that is still out will be given back. */
  leaseEnd: LeaseEnd = 'finished';
  #requestId = '';
  #isSettled = false;

  constructor(client: ClientConnection, head: RequestHead, nowMs: number) {
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

  get isUploadDone(): boolean {
    return this.body === undefined || this.body.isDone;
  }

  /** The backend's, as far as it has come. */
  get response(): ResponseHead | undefined {
    return this.forwarding?.response?.head;
  }

  // ---- head → route → checkout

  /** The head is complete; the bytes behind it are the body's as far as it goes. Returns where it stopped. */
  begin(buffer: Buffer, from: number, end: number): number {
    this.context.counters.requests++;
    this.context.counters.inFlight++;
    if (this.head.framing === 'none') {
      this.#route();
      return from;
    }
    const body = new RequestBody(this.head, this.client.listener.settings.limits, this.context.writes);
    this.body = body;
    const at = body.first(buffer, from, end);
    this.#route();
    body.hold();
    return at;
  }

  /** A head that was refused, but understood far enough to look its domain up: an unknown one goes first. */
  refuse(outcome: OutcomeType, detail: string): void {
    this.context.counters.requests++;
    this.context.counters.inFlight++;
    this.context.table.fence();
    this.position = this.context.table.position ?? 0;
    this.domain = this.head.domain === '' ? undefined : this.context.table.lookup(this.head.domain);
    const isUnknown = this.head.domain !== '' && this.domain === undefined && rowOf(outcome).code !== '';
    if (isUnknown) this.fail('domain_unknown');
    else this.fail(outcome, detail);
  }

  #route(): void {
    const { context, head } = this;
    this.enter('route');
    const own = ownAnswer(this.client, head);
    if (own !== undefined) {
      if (this.conclude({ type: 'answered', phase: this.phase }))
        this.reply(plainPage(own.status, own.contentType, own.body));
      return;
    }
    if (context.delegate !== undefined) {
      this.enquiry = new Enquiry(this, context.delegate(this));
      this.enquiry.begin();
      return;
    }
    context.table.fence();
    this.position = context.table.position ?? 0;
    const domain = context.table.lookup(head.domain);
    if (domain === undefined) this.fail('domain_unknown');
    else admit(this, domain);
  }

  /** The ledger that it waited for is there, or is not to be had: the pool may have gone meanwhile, or changed. */
  goOn(): void {
    const { context } = this;
    context.table.fence();
    const pool = (this.pool as PoolRoute).backends.size === 0 ? undefined : this.pool;
    if (pool === undefined) this.fail('no_backends');
    else askForLease(this, pool);
  }

  // ---- Tenant

  /** Its pool's ledger was freed a moment ago. */
  asleep(): void {
    awaitLedger(this, this.pool as PoolRoute);
  }

  waits(untilMs: number): void {
    this.client.deadlineAt(untilMs);
  }

  refused(outcome: OutcomeType): void {
    if (outcome === 'connect_refused' || outcome === 'connect_timeout') this.phase = 'connect';
    this.fail(outcome);
  }

  leased(backend: BackendRoute): void {
    this.enter('connect');
    this.backend = backend;
    const pool = this.pool as PoolRoute;
    if (pool.settings.affinity !== false) this.context.affinity.served(this, pool, backend);
    this.forwarding ??= new Forwarding(this, pool);
    this.forwarding.to(backend);
  }

  // ---- the client's side

  /** Bytes that came while this request is the one being read; returns the first that is not its own. */
  clientBytes(buffer: Buffer, from: number, end: number): number {
    const { forwarding, body } = this;
    const pipe = forwarding?.response?.pipe;
    if (pipe !== undefined) {
      pipe.fromClient(buffer, from, end);
      forwarding?.awaitBytes(this.context.now());
      return end;
    }
    if (body === undefined || body.isDone) return from;
    const at = body.take(buffer, from, end, this.client.isLeased);
    if (body.refusal !== undefined) this.bodyRefused();
    else {
      if (body.isDone) this.client.unleaseReads(body.isLent);
      else if (body.isFull) this.#pauseClient(body);
      else if (end - from >= LARGE_BYTES) this.client.leaseReads();
      if (this.phase === 'send' || this.phase === 'respond') forwarding?.awaitBytes(this.context.now());
    }
    return at;
  }

  #pauseClient(body: RequestBody): void {
    this.client.pauseReading();
    if (body.isLent) this.forwarding?.connection?.tellWhenDrained();
  }

  bodyRefused(): void {
    const refusal = this.body?.refusal;
    if (refusal !== undefined) this.fail(outcomeOfBody(refusal), refusal.detail);
  }

  /** A FIN from the client. RFC 9112 §9.6: after a complete request it may be only half a goodbye. */
  clientEnded(halfClose: boolean): void {
    const pipe = this.forwarding?.response?.pipe;
    if (pipe !== undefined) pipe.clientEnded();
    else if (!(halfClose && this.isUploadDone)) this.#clientLeft();
  }

  clientGone(): void {
    const response = this.forwarding?.response;
    if (response?.pipe !== undefined) response.pipeOver();
    else this.#clientLeft();
  }

  #clientLeft(): void {
    if (this.enquiry?.waitsFor !== 'page') {
      this.stop('client_closed');
      return;
    }
    this.enquiry.waitsFor = '';
    this.settle(this.context.now());
    this.client.cut('gone');
  }

  /** What was written to the client has left. */
  clientDrained(): void {
    this.forwarding?.response?.clientDrained();
  }

  deadlinePassed(nowMs: number): void {
    if (this.enquiry !== undefined && this.enquiry.waitsFor !== '') this.enquiry.outOfPatience();
    else if (this.phase === 'checkout') this.fail(this.tenancy?.giveUp(nowMs) ?? 'owner_unavailable');
    else if (this.forwarding !== undefined) this.forwarding.deadlinePassed(nowMs);
    else this.fail('internal_error', `deadline in phase ${this.phase}`);
  }

  // ---- the end

  protected override abort(reason: RequestStop): void {
    this.fail(reason);
  }

  /** Every end but a whole response: what is held is given back, the client is told what can still be told. */
  fail(type: OutcomeType, detail?: string): void {
    const phase = this.phase;
    if (!this.conclude(detail === undefined ? { type, phase } : { type, phase, detail })) return;
    if (this.enquiry !== undefined) this.enquiry.waitsFor = '';
    this.body?.letGo();
    this.leaseEnd = leaseEndOf(type, this.forwarding?.isStale === true);
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
      if (row.status === 499) this.client.cut('gone');
      else this.client.cut(this.forwarding?.response?.isEndless === true ? 'reset' : 'short');
    } else if (this.enquiry !== undefined) this.enquiry.askForPage(type);
    else this.tellPage(undefined);
  }

  /** Undefined: the router's own page. */
  tellPage(made: Answer | undefined): void {
    this.reply(made ?? ownPage(this));
  }

  reply({ status, fields, body }: Answer): void {
    const { head, context } = this;
    const keepAlive =
      head.keepAlive && this.isUploadDone && this.body?.refusal === undefined && !context.isDraining;
    const reply: Reply = {
      status,
      fields,
      body,
      keepAlive,
      date: context.date.at(context.deadlines.turnedAtMs),
      isHead: head.method === 'HEAD',
    };
    const bytes = replyBytes(reply);
    this.status = status;
    this.bytesOut += bytes.length;
    this.client.writeBytes(bytes);
    this.settle(this.context.now());
    this.client.done(keepAlive);
  }

  /** The books: once per request, whatever its end. */
  settle(nowMs: number): void {
    this.#isSettled = true;
    this.context.counters.inFlight--;
    if (this.isCounted) leaveDomain(this.context, this.domain as DomainRoute);
    recordEnd(this, nowMs);
    this.enquiry?.delegate.settled();
  }

  /** Our own mistake: it costs this request, never its lease. What threw may throw again on the way out. */
  crashed(error: unknown): void {
    this.context.counters.crashes++;
    this.context.report({ type: 'request_crashed', requestId: this.id, error });
    try {
      this.stop('internal_error');
    } catch (second) {
      this.context.report({ type: 'request_crashed', requestId: this.id, error: second });
    }
    if (!this.#isSettled && this.enquiry?.waitsFor !== 'page') this.#wreck();
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
