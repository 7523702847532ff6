/**
 * One request and its response, from the complete head to the end: look at the domain, ask the pool for a lease,
 * connect, forward both ways, give the lease back, say how it ended.
 *
 * Two ends meet here: the client's, which is over when the request is (`conclude`), and the backend's, whose lease
 * is given back when its connection rests or is closed, at once or a little later (`Tenancy.giveBack`).
 */
import type { LeaseEnd } from '../../actors/index.ts';
import {
  type Outcome,
  type OutcomeType,
  RESPONDED,
  RequestActor,
  type RequestStop,
} from '../../actors/index.ts';
import {
  type Fields,
  forwardFields,
  hasPassedHere,
  keptRequestId,
  type RequestHead,
  type ResponseHead,
  type ResponseLimits,
  type ResponseRefusal,
  type TrailerLimits,
  viaValue,
  writeInterimHead,
  writeRequestHead,
  writeResponseHead,
} from '../wire/index.ts';
import { recordEnd } from './account.ts';
import type { ClientConnection } from './client-connection.ts';
import { connectFailure } from './connect-failure.ts';
import type { PlaneContext } from './context.ts';
import type { Answer, Delegate } from './delegate.ts';
import { enterDomain, leaveDomain } from './domain-limit.ts';
import { errorPage } from './error-page.ts';
import { hashKeyOf } from './hash-key.ts';
import { isRequestIdempotent } from './idempotent.ts';
import { type OutcomeRow, rowOf } from './outcome-table.ts';
import { Pipe, type PipeOwner } from './pipe.ts';
import { outcomeOfBody, outcomeOfResponse } from './refusals.ts';
import { type Reply, replyBytes } from './reply.ts';
import { RequestBody } from './request-body.ts';
import { type RelayOwner, ResponseRelay } from './response-relay.ts';
import { RetryBudget } from './retry-budget.ts';
import type { BackendRoute, DomainRoute, PoolRoute } from './routing-table.ts';
import { ownAnswer } from './self.ts';
import { Tenancy, type Tenant } from './tenancy.ts';
import type { BackendConnections } from './upstream/backend-connections.ts';
import { type ConnectionUser, HIGH_WATER_BYTES, type UpstreamConnection } from './upstream/connection.ts';

// 15 KiB: a scratch buffer read full. From here on a read buffer of its own saves a copy worth more than it costs.
const LARGE_BYTES = 15_360;

export class Exchange extends RequestActor implements ConnectionUser, RelayOwner, Tenant, PipeOwner {
  readonly head: RequestHead;
  readonly client: ClientConnection;
  readonly context: PlaneContext;
  readonly startedAtMs: number;
  /** The number in its id. */
  readonly sequence: number;
  domain: DomainRoute | undefined = undefined;
  pool: PoolRoute | undefined = undefined;
  backend: BackendRoute | undefined = undefined;
  body: RequestBody | undefined = undefined;
  tenancy: Tenancy | undefined = undefined;
  connectStartedMs = -1;
  connectedAtMs = -1;
  /** Of the response; only where a journal wants to know. */
  firstByteAtMs = -1;
  /** Of the log, when it was routed. */
  position = 0;
  /** Of the final response head that went to the client; 0: none has. */
  status = 0;
  /** Who decides where a program does it in the table's place. */
  delegate: Delegate | undefined = undefined;
  /** How a refusal in the delegate's own words shows. */
  row: OutcomeRow | undefined = undefined;
  bytesOut = 0;
  #requestId = '';
  #connections: BackendConnections | undefined;
  #connection: UpstreamConnection | undefined;
  #relay: ResponseRelay | undefined;
  #pipe: Pipe | undefined;
  #own: Fields | undefined;
  #timedOut = false;
  #isReused = false;
  #resent = false;
  /** A byte of the response has come. */
  #heard = false;
  #isPaused = false;
  #keepAlive = false;
  #endsWithConnection = false;
  #isCounted = false;
  #isSettled = false;
  /** What the delegate was asked and has not answered yet. */
  #waitsFor: '' | 'route' | 'send' | 'page' = '';
  #leaseEnd: LeaseEnd = 'finished';

  constructor(client: ClientConnection, head: RequestHead, nowMs: number) {
    super(client.context.ids.next(nowMs), client.context.observe);
    this.client = client;
    this.context = client.context;
    this.head = head;
    this.startedAtMs = nowMs;
    this.sequence = client.context.ids.last;
  }

  // ---- head → route → checkout

  /** The head is complete; the bytes behind it are the body's as far as it goes. Returns where it stopped. */
  begin(buffer: Buffer, from: number, end: number): number {
    this.context.counters.requests++;
    this.context.counters.inFlight++;
    let at = from;
    if (this.head.framing !== 'none') {
      this.body = new RequestBody(this.head, this.trailerLimits, this.context.writes);
      at = this.body.take(buffer, from, end, false);
    }
    this.#route();
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

  get requestId(): string {
    if (this.#requestId === '') this.#requestId = keptRequestId(this.head.fields, this.client.hop) || this.id;
    return this.#requestId;
  }

  #route(): void {
    const { context, head } = this;
    this.enter('route');
    const own = ownAnswer(this.client, head);
    if (own !== undefined) {
      this.#answer(own.status, own.contentType, own.body);
      return;
    }
    if (context.delegate !== undefined) {
      this.delegate = context.delegate(this);
      this.#waitFor('route', this.startedAtMs);
      this.delegate.route();
      return;
    }
    context.table.fence();
    this.position = context.table.position ?? 0;
    this.#routeTo(context.table.lookup(head.domain));
  }

  #routeTo(domain: DomainRoute | undefined): void {
    const { context, head } = this;
    if (domain === undefined) {
      this.fail('domain_unknown');
      return;
    }
    this.domain = domain;
    if (hasPassedHere(head.fields, this.client.hop.pseudonym)) {
      this.fail('loop_detected');
      return;
    }
    if (this.body?.refusal !== undefined) {
      this.#bodyRefused();
      return;
    }
    if (domain.features.maintenance) {
      this.fail('maintenance');
      return;
    }
    const pool = domain.pool;
    if (pool === undefined) {
      this.fail('no_backends');
      return;
    }
    this.pool = pool;
    if (pool.unavailable === true) {
      this.fail('owner_unavailable');
      return;
    }
    if (!enterDomain(context, domain)) {
      this.fail('max_in_flight');
      return;
    }
    this.#isCounted = true;
    const ledger = pool.ledger ?? context.ledger.pool(pool.key);
    if (ledger === undefined) {
      this.fail('no_backends');
      return;
    }
    if (head.expectContinue) this.#continue(domain);
    this.enter('checkout');
    const hash = hashKeyOf(pool.settings, head, this.client.hop);
    this.tenancy = new Tenancy(context, this, pool, ledger, this.startedAtMs, hash);
    this.tenancy.ask(this.startedAtMs);
  }

  /** RFC 9110 §10.1.1: unless the backend is to say it, we do, if the client can still be waiting for it. */
  #continue(domain: DomainRoute): void {
    if (domain.features.continue === 'end-to-end' || this.body === undefined || this.body.bytes > 0) return;
    this.client.writeText('HTTP/1.1 100 Continue\r\n\r\n');
  }

  // ---- for the delegate: what comes when nobody waits for it any more is ignored

  found(domain: DomainRoute): void {
    if (this.#waitsFor !== 'route') return;
    this.#waitsFor = '';
    this.#routeTo(domain);
  }

  /** Another answer than a backend's, which is no failure. */
  redirect(answer: Answer): void {
    if (this.conclude({ type: 'redirected', phase: this.phase })) this.#reply(answer);
  }

  /** `row`: how it shows, where that is not as the table says. */
  turnAway(type: OutcomeType, detail: string, row?: OutcomeRow): void {
    if (this.outcome !== undefined) return;
    this.row = row;
    this.fail(type, detail);
  }

  proceed(): void {
    if (this.#waitsFor !== 'send') return;
    this.#waitsFor = '';
    this.#send(this.#connection as UpstreamConnection, this.context.now());
  }

  /** Undefined: the router's own page. */
  tell(page: Answer | undefined): void {
    if (this.#waitsFor !== 'page') return;
    this.#waitsFor = '';
    this.#tellPage(page);
  }

  get response(): ResponseHead | undefined {
    return this.#relay?.head;
  }

  #waitFor(what: 'route' | 'send' | 'page', nowMs: number): void {
    this.#waitsFor = what;
    this.client.deadlineAt(nowMs + (this.delegate as Delegate).patienceMs);
  }

  #outOfPatience(): void {
    const what = this.#waitsFor;
    this.#waitsFor = '';
    if (what === 'page') this.#tellPage(undefined);
    else this.fail('internal_error', `no decision in time: ${what}`);
  }

  // ---- Tenant

  waits(untilMs: number): void {
    this.client.deadlineAt(untilMs);
  }

  refused(outcome: OutcomeType): void {
    if (outcome === 'connect_refused' || outcome === 'connect_timeout') this.phase = 'connect';
    this.fail(outcome);
  }

  leased(backend: BackendRoute): void {
    const pool = this.pool as PoolRoute;
    this.enter('connect');
    this.backend = backend;
    const connections = this.context.upstreams.of(pool.name, backend);
    this.#connections = connections;
    const nowMs =
      this.tenancy?.waitedMs === -1 && this.tenancy.attempts === 1 ? this.startedAtMs : this.context.now();
    if (this.connectStartedMs < 0) this.connectStartedMs = nowMs;
    if (backend.connection === 'fresh') connections.closeIdle();
    const idle =
      backend.connection === undefined
        ? connections.take(this, nowMs, !isRequestIdempotent(this.head.method))
        : undefined;
    if (idle === undefined) {
      this.#connect(nowMs);
      return;
    }
    this.context.counters.reuses++;
    this.#connection = idle;
    this.#isReused = true;
    this.#ready(idle, nowMs);
  }

  // ---- connect → send

  get #limit(): number {
    return this.backend?.settings.maxConcurrency ?? this.pool?.settings.maxConcurrency ?? 0;
  }

  #connect(nowMs: number): void {
    const tenancy = this.tenancy as Tenancy;
    const pool = this.pool as PoolRoute;
    this.#timedOut = false;
    this.#isReused = false;
    this.context.counters.connects++;
    this.client.deadlineAt(Math.min(nowMs + pool.settings.timeouts.connectMs, tenancy.untilMs));
    this.#connection = this.#connections?.connect(this, this.#limit);
  }

  connected(): void {
    if (this.outcome !== undefined) return;
    const connections = this.#connections;
    if (connections !== undefined) connections.failures = 0;
    this.#ready(this.#connection as UpstreamConnection, this.context.now());
  }

  /** The connection stands; a delegate may have a last word on what is sent. */
  #ready(connection: UpstreamConnection, nowMs: number): void {
    this.connectedAtMs = nowMs;
    if (this.delegate === undefined || this.delegate.prepare(connection)) this.#send(connection, nowMs);
    else this.#waitFor('send', nowMs);
  }

  connectFailed(error: NodeJS.ErrnoException): void {
    this.#connection = undefined;
    const tenancy = this.tenancy as Tenancy;
    if (this.outcome !== undefined) {
      tenancy.giveBack(this.#leaseEnd);
      return;
    }
    const backend = this.backend as BackendRoute;
    const nowMs = this.context.now();
    const cause = this.#timedOut ? 'connect_timeout' : connectFailure(error);
    this.context.counters.connectFailures++;
    if (cause === undefined) {
      tenancy.giveBack('unused');
      this.fail('internal_error', `connect: ${error.code ?? error.message}`);
      return;
    }
    const passive = this.pool?.settings.health.passive;
    const connections = this.#connections as BackendConnections;
    connections.failures++;
    if (passive !== undefined && connections.failures >= passive.connectFailures) {
      // Whole milliseconds, as events keep them: ledger and log name the same moment.
      const untilMs = Math.ceil(nowMs + passive.quarantineMs);
      tenancy.quarantine(backend.key, nowMs, untilMs);
      this.context.report({
        type: 'connect_failed',
        pool: this.pool?.name ?? '',
        backend: backend.id,
        cause,
        untilMs,
      });
    }
    this.enter('checkout');
    tenancy.again(backend.key, cause === 'connect_timeout' ? 'connect_timeout' : 'connect_refused', nowMs);
  }

  #send(connection: UpstreamConnection, nowMs: number): void {
    const { body, head } = this;
    this.enter('send');
    this.#relay = new ResponseRelay(this, connection);
    const domain = this.domain as DomainRoute;
    const features = domain.features;
    const ours = forwardFields(head, this.client.hop, this.requestId, Math.trunc(this.startedAtMs));
    this.#own ??= withFields(unnamed(ours, features.requestNames), features.requestFields);
    const text = writeRequestHead(head, this.#own, {
      keepAlive: this.backend?.connection !== 'single',
      expectContinue: features.continue === 'end-to-end',
      trustsPeer: this.client.hop.isTrusted,
      replaced: features.requestNames,
    });
    if (body === undefined) connection.socket.write(text, 'latin1');
    else {
      body.sendTo(connection, text, this.#maySendTwice);
      if (!body.isDone) this.client.resumeReading();
    }
    this.#awaitBytes(nowMs);
  }

  /** The connection was an idle one and had been closed under us: the same request, once, on a fresh one. */
  #resend(): void {
    this.#resent = true;
    this.context.counters.resends++;
    this.body?.unsend();
    this.enter('connect');
    this.#connect(this.context.now());
  }

  /** Whether what is sent is worth keeping, as far as it is small. */
  get #maySendTwice(): boolean {
    if (!isRequestIdempotent(this.head.method)) return false;
    return this.#isReused || (this.pool as PoolRoute).settings.retries.idempotent;
  }

  get #mayResend(): boolean {
    if (!this.#isReused || this.#heard || this.#resent) return false;
    return isRequestIdempotent(this.head.method) && (this.body === undefined || this.body.isWhole);
  }

  /**
   * RFC 9110 §9.2.2: what may be done twice with the effect of once may be asked of another backend, if this one went
   * away without a word, all of the request is still held, and the pool has not retried too much.
   */
  #mayFailOver(): boolean {
    const { retries } = (this.pool as PoolRoute).settings;
    if (this.#heard || this.delegate !== undefined || !retries.idempotent) return false;
    if (!isRequestIdempotent(this.head.method) || this.body?.isWhole === false) return false;
    const nowMs = this.context.now();
    if (this.tenancy?.mayTryAgain(nowMs) !== true) return false;
    const { name } = this.pool as PoolRoute;
    const budget = this.context.retryBudgets.get(name) ?? new RetryBudget();
    this.context.retryBudgets.set(name, budget);
    return budget.take(this.context.metrics.pool(name), retries.budgetPercent, nowMs);
  }

  #failOver(): void {
    this.context.counters.retries++;
    this.body?.unsend();
    this.#resent = false;
    this.enter('checkout');
    const { key } = this.backend as BackendRoute;
    (this.tenancy as Tenancy).again(key, 'closed_without_response', this.context.now(), 'backend_failed');
  }

  // ---- the client's side

  /** Bytes that came while this request is the one being read; returns the first that is not its own. */
  clientBytes(buffer: Buffer, from: number, end: number): number {
    if (this.#pipe !== undefined) {
      this.#pipe.fromClient(buffer, from, end);
      this.#awaitBytes(this.context.now());
      return end;
    }
    const body = this.body;
    if (body === undefined || body.isDone) return from;
    const at = body.take(buffer, from, end, this.client.isLeased);
    if (body.refusal !== undefined) this.#bodyRefused();
    else {
      if (body.isDone) this.client.unleaseReads(body.isLent);
      else if (body.isFull) this.#pauseClient(body);
      else if (end - from >= LARGE_BYTES) this.client.leaseReads();
      if (this.phase === 'send' || this.phase === 'respond') this.#awaitBytes(this.context.now());
    }
    return at;
  }

  #pauseClient(body: RequestBody): void {
    this.client.pauseReading();
    if (body.isLent) this.#connection?.tellWhenDrained();
  }

  get isUploadDone(): boolean {
    return this.body === undefined || this.body.isDone;
  }

  /** A FIN from the client. RFC 9112 §9.6: after a complete request it may be only half a goodbye. */
  clientEnded(halfClose: boolean): void {
    if (this.#pipe !== undefined) this.#pipe.clientEnded();
    else if (!(halfClose && this.isUploadDone)) this.#clientLeft();
  }

  clientGone(): void {
    if (this.#pipe !== undefined) this.pipeOver();
    else this.#clientLeft();
  }

  #clientLeft(): void {
    if (this.#waitsFor !== 'page') {
      this.stop('client_closed');
      return;
    }
    this.#waitsFor = '';
    this.#settle(this.context.now());
    this.client.cut('gone');
  }

  /** What was written to the client has left. */
  clientDrained(): void {
    this.#pipe?.clientDrained();
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#connection?.socket.resume();
    this.#awaitBytes(this.context.now());
  }

  deadlinePassed(nowMs: number): void {
    if (this.#waitsFor !== '') {
      this.#outOfPatience();
      return;
    }
    switch (this.phase) {
      case 'checkout':
        this.fail(this.tenancy?.giveUp(nowMs) ?? 'internal_error');
        break;
      case 'connect':
        this.#timedOut = true;
        this.#connection?.destroy();
        break;
      case 'send':
        if (this.#heard) this.fail('response_idle');
        else this.fail(this.isUploadDone || this.client.isPaused ? 'first_byte_timeout' : 'client_idle');
        break;
      case 'respond':
        this.fail(this.#isPaused || this.client.pendingBytes > 0 ? 'client_idle' : 'response_idle');
        break;
      case 'pipe':
        this.fail('response_idle');
        break;
      default:
        this.fail('internal_error', `deadline in phase ${this.phase}`);
    }
  }

  #awaitBytes(nowMs: number): void {
    if (this.#waitsFor !== '') return;
    const timeouts = (this.pool as PoolRoute).settings.timeouts;
    if (this.phase !== 'send') this.client.deadlineAt(nowMs + timeouts.idleMs);
    else if (!this.isUploadDone)
      this.client.deadlineAt(nowMs + this.client.listener.settings.timeouts.bodyIdleMs);
    else this.client.deadlineAt(nowMs + (this.#heard ? timeouts.idleMs : timeouts.firstByteMs));
  }

  #bodyRefused(): void {
    const refusal = this.body?.refusal;
    if (refusal !== undefined) this.fail(outcomeOfBody(refusal), refusal.detail);
  }

  // ---- the backend's side

  received(buffer: Buffer, length: number): void {
    // RFC 9112 §9.2: nothing was asked on it yet, so this answers nothing.
    if (this.#waitsFor === 'send') {
      this.#connection?.destroy();
      return;
    }
    if (!this.#heard && this.context.journal !== undefined) this.firstByteAtMs = this.context.now();
    this.#heard = true;
    if (this.#pipe === undefined) this.#relay?.take(buffer, length);
    else {
      this.#pipe.fromBackend(buffer, 0, length);
      this.#awaitBytes(this.context.now());
    }
  }

  backendDrained(): void {
    if (this.outcome !== undefined) return;
    if (this.#pipe !== undefined || !this.isUploadDone) this.client.resumeReading();
    this.#awaitBytes(this.context.now());
  }

  backendEnded(): void {
    if (this.#pipe !== undefined) this.#pipe.backendEnded();
    else if (this.#relay?.endWithConnection() === true) this.responseComplete(false);
    else this.#connection?.destroy();
  }

  backendClosed(error: Error | undefined): void {
    this.#connection = undefined;
    const isUnsent = this.#waitsFor === 'send';
    if (isUnsent) this.#waitsFor = '';
    if (this.outcome !== undefined) {
      this.tenancy?.giveBack(this.#leaseEnd);
      return;
    }
    if (this.#pipe !== undefined) this.pipeOver();
    else if (this.#mayResend || (isUnsent && this.#isReused)) this.#resend();
    else if (this.#mayFailOver()) this.#failOver();
    else if (this.#heard || (error !== undefined && !this.isUploadDone))
      this.fail('response_interrupted', error?.message);
    else this.fail('closed_without_response', error?.message);
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
    if (!this.#isSettled && this.#waitsFor !== 'page') this.#wreck();
  }

  /** The end of a request whose orderly end was broken off: everything it holds, at once. */
  #wreck(): void {
    this.outcome ??= { type: 'internal_error', phase: this.phase };
    this.tenancy?.leave(this.context.now());
    this.#abandonConnection();
    this.#settle(this.context.now());
    this.client.cut('reset');
  }

  // ---- RelayOwner

  get responseLimits(): ResponseLimits {
    return (this.pool as PoolRoute).settings.limits;
  }

  get trailerLimits(): TrailerLimits {
    return this.client.listener.settings.limits;
  }

  get method(): string {
    return this.head.method;
  }

  get clientVersion(): 0 | 1 {
    return this.head.version;
  }

  headBegun(): void {
    this.body?.letGo();
    this.#awaitBytes(this.context.now());
  }

  /** RFC 9110 §15.2: none for HTTP/1.0; and no second 100 for a client we have already told. */
  interim(head: ResponseHead): void {
    const isOurs =
      head.status === 100 && this.head.expectContinue && this.domain?.features.continue === 'router';
    if (this.head.version === 1 && !isOurs) {
      const text = writeInterimHead(head);
      this.bytesOut += text.length;
      this.client.writeText(text);
    }
    this.headBegun();
  }

  headComplete(head: ResponseHead, rest: Buffer, from: number, to: number): string | undefined {
    this.body?.letGo();
    this.tenancy?.answered(head.status);
    if (head.status === 101) {
      this.#upgrade(head, rest, from, to);
      return undefined;
    }
    this.enter('respond');
    this.status = head.status;
    this.#endsWithConnection =
      head.framing === 'close' || (head.framing === 'chunked' && this.head.version === 0);
    this.#keepAlive =
      this.head.keepAlive && this.isUploadDone && !this.#endsWithConnection && !this.context.isDraining;
    return this.#responseHead(head);
  }

  #responseHead(head: ResponseHead): string {
    const features = (this.domain as DomainRoute).features;
    const via = ['Via', viaValue(head.fields, head.version, this.client.hop.pseudonym)];
    return writeResponseHead(head, withFields(via, features.responseFields), {
      clientVersion: this.head.version,
      keepAlive: this.#keepAlive,
      date: this.context.date.at(this.context.deadlines.turnedAtMs),
      replaced: features.responseNames,
    });
  }

  pass(text: string, buffer: Buffer, from: number, to: number, tail: string): void {
    const { client } = this;
    const connection = this.#connection as UpstreamConnection;
    this.bytesOut += text.length + to - from + tail.length;
    if (connection.isLeased && text === '' && tail === '') {
      client.writeBytes(buffer.subarray(from, to));
      // The buffer is the kernel's to read until it is flushed, so nothing may be read into it before.
      if (client.pendingBytes > 0) this.#pause(connection);
    } else {
      this.context.writes.range(client.socket, text, buffer, from, to, tail);
      if (client.pendingBytes >= HIGH_WATER_BYTES) this.#pause(connection);
    }
    if (tail !== '' || this.phase !== 'respond') return;
    const left = this.#relay?.bytesLeft ?? 0;
    if (left === 0) return;
    if (to - from >= LARGE_BYTES || (left >= LARGE_BYTES && left !== Number.POSITIVE_INFINITY))
      connection.lease();
    this.#awaitBytes(this.context.now());
  }

  #pause(connection: UpstreamConnection): void {
    if (this.#isPaused) return;
    this.#isPaused = true;
    connection.socket.pause();
    this.client.tellWhenDrained();
  }

  responseRefused(refusal: ResponseRefusal): void {
    this.fail(outcomeOfResponse(refusal), refusal.detail);
  }

  bodyRefused(detail: string): void {
    this.fail('response_invalid', detail);
  }

  responseComplete(isClean: boolean): void {
    if (!this.conclude(RESPONDED)) return;
    const nowMs = this.context.now();
    this.#letConnectionGo(isClean, nowMs);
    this.#settle(nowMs);
    this.client.done(this.#keepAlive, nowMs);
  }

  /** RFC 9112 §9.3: used again only when there is no doubt where the next response begins. */
  #letConnectionGo(isClean: boolean, nowMs: number): void {
    const connection = this.#connection as UpstreamConnection;
    const head = (this.#relay as ResponseRelay).head as ResponseHead;
    const { limits, timeouts } = (this.pool as PoolRoute).settings;
    const limit = this.#limit;
    if (this.#isPaused) connection.socket.resume();
    connection.unlease(this.client.pendingBytes > 0);
    const isSound = isClean && head.keepAlive && head.framing !== 'close' && !mayHaveBody(head);
    const isSent = this.isUploadDone && connection.socket.writableLength === 0;
    const isKept = isSound && this.backend?.connection !== 'single';
    if (isKept && isSent && (limit === 0 || this.context.settings.workers === 1)) {
      this.#connection = undefined;
      this.#connections?.keep(connection, nowMs, timeouts.upstreamKeepAliveMs, limits.idlePerBackend);
      this.tenancy?.giveBack('finished', nowMs);
    } else if (limit === 0) connection.destroy();
    // A backend with a limit counts the connection until it has closed it too, and so does its slot.
    else connection.linger(nowMs + timeouts.abortLingerMs);
  }

  // ---- upgrade

  #upgrade(head: ResponseHead, rest: Buffer, from: number, to: number): void {
    if (this.head.upgrade === '' || head.upgrade === '') {
      this.fail('response_invalid', 'an upgrade nobody asked for');
      return;
    }
    const connection = this.#connection as UpstreamConnection;
    this.enter('pipe');
    this.status = 101;
    const pipe = new Pipe(this, this.client, connection, this.context.writes);
    this.#pipe = pipe;
    this.bytesOut += pipe.begin(this.#responseHead(head), rest, from, to);
    const early = this.client.takeSurplus();
    if (early !== undefined) pipe.fromClient(early, 0, early.length);
    this.#awaitBytes(this.context.now());
  }

  piped(bytesOut: number): void {
    this.bytesOut += bytesOut;
  }

  /** Both sides have said goodbye, or one is gone. */
  pipeOver(): void {
    if (!this.conclude({ type: 'upgraded', phase: 'pipe' })) return;
    this.#abandonConnection();
    this.#settle(this.context.now());
    this.client.done(false);
  }

  // ---- the end

  protected override abort(reason: RequestStop): void {
    this.fail(reason);
  }

  /** Every end but a whole response: what is held is given back, the client is told what can still be told. */
  fail(type: OutcomeType, detail?: string): void {
    const phase = this.phase;
    if (!this.conclude(detail === undefined ? { type, phase } : { type, phase, detail })) return;
    this.#waitsFor = '';
    this.body?.letGo();
    this.#leaseEnd = leaseEndOf(type);
    this.tenancy?.leave(this.context.now());
    this.#abandonConnection();
    this.#tellClient(type);
  }

  #abandonConnection(): void {
    const connection = this.#connection;
    // The backend may still be working for us: its slot is kept until it has closed, or for a while. One with a limit
    // may even count a connection that we do not know to be made yet.
    const mayLinger = connection?.state === 'busy' || (connection?.state === 'connecting' && this.#limit > 0);
    if (connection === undefined) this.tenancy?.giveBack(this.#leaseEnd);
    else if (!mayLinger) connection.destroy();
    else connection.linger(this.context.now() + (this.pool as PoolRoute).settings.timeouts.abortLingerMs);
  }

  #tellClient(type: OutcomeType): void {
    const row = this.row ?? rowOf(type);
    if (this.status !== 0 || row.status === 499) {
      this.#settle(this.context.now());
      if (row.status === 499) this.client.cut('gone');
      else this.client.cut(this.#endsWithConnection || this.#pipe !== undefined ? 'reset' : 'short');
      return;
    }
    const page = this.delegate?.page(type);
    if (page === 'later') this.#waitFor('page', this.context.now());
    else this.#tellPage(page);
  }

  #tellPage(made: Answer | undefined): void {
    this.#reply(made ?? this.#ownPage((this.outcome as Outcome).type));
  }

  #ownPage(type: OutcomeType): Answer {
    const row = this.row ?? rowOf(type);
    const custom = this.domain?.features.errorPages[type] ?? this.domain?.features.errorPages['error'];
    if (custom !== undefined) return page(row.status, 'text/html; charset=utf-8', custom);
    const { contentType, body } = errorPage(type, row, this.requestId, acceptOf(this.head.fields));
    return page(row.status, contentType, body);
  }

  #answer(status: number, contentType: string, body: string): void {
    if (this.conclude({ type: 'answered', phase: this.phase })) this.#reply(page(status, contentType, body));
  }

  #reply({ status, fields, body }: Answer): void {
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
    this.#waitsFor = '';
    const bytes = replyBytes(reply);
    this.status = status;
    this.bytesOut += bytes.length;
    this.client.writeBytes(bytes);
    this.#settle(this.context.now());
    this.client.done(keepAlive);
  }

  /** The books: once per request, whatever its end. */
  #settle(nowMs: number): void {
    this.#isSettled = true;
    this.context.counters.inFlight--;
    if (this.#isCounted) leaveDomain(this.context, this.domain as DomainRoute);
    recordEnd(this, nowMs);
    this.delegate?.settled();
  }
}

/** A backend that sends a body where none may be leaves bytes on the connection that would answer the next request. */
function mayHaveBody(head: ResponseHead): boolean {
  if (head.framing !== 'none') return false;
  return head.chunked || (head.status === 204 && head.contentLength > 0);
}

// A page of ours says what was so at that moment.
function page(status: number, contentType: string, body: string): Answer {
  return { status, fields: ['Content-Type', contentType, 'Cache-Control', 'no-store'], body };
}

/** Whoever adds fields to requests may know better than we do what to say there. */
function unnamed(fields: string[], names: ReadonlySet<string> | undefined): string[] {
  if (names === undefined) return fields;
  return fields.filter((_, at) => !names.has((fields[at - (at % 2)] as string).toLowerCase()));
}

function withFields(fields: string[], more: Fields): Fields {
  if (more.length > 0) fields.push(...more);
  return fields;
}

function acceptOf(fields: Fields): string {
  let accept = '';
  for (let i = 0; i < fields.length; i += 2) {
    if (fields[i]?.toLowerCase() === 'accept') accept += accept === '' ? fields[i + 1] : `,${fields[i + 1]}`;
  }
  return accept;
}

function leaseEndOf(type: OutcomeType): LeaseEnd {
  switch (type) {
    case 'client_closed':
    case 'client_idle':
      return 'client_gone';
    case 'first_byte_timeout':
    case 'response_idle':
      return 'timed_out';
    case 'bad_chunk':
    case 'trailers_too_large':
    case 'forced_close':
    case 'internal_error':
      return 'finished';
    default:
      return 'backend_failed';
  }
}
