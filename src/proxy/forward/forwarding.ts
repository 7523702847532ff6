/**
 * A request on its way to a backend: a connection, the request on it, and, as long as no response has begun, a
 * resend on a new connection or a retry on another backend.
 *
 *   to ─▶ (connect) ─▶ ready ─▶ send ─▶ Responding
 *    ▲        │                  │
 *    └────────┴── next backend ──┘
 */
import type { ResponseHead } from '../../wire/index.ts';
import type { Tenancy } from '../lease/tenancy.ts';
import { isListed } from '../listed-status.ts';
import type { BackendSide } from '../proxied-request.ts';
import type { BackendRoute } from '../routing-table.ts';
import type { UpstreamConnection } from '../upstream/connection.ts';
import { Connecting } from './connecting.ts';
import { FormerUser } from './former-user.ts';
import { isRequestIdempotent } from './idempotent.ts';
import { hopLines, outgoingHead } from './outgoing-head.ts';
import { headPatienceMs, outcomeOfSilence, patienceMs } from './patience.ts';
import { Responding, type Sender } from './responding.ts';
import { giveToBudget, mayRetry, takeFromBudget } from './retry.ts';
import { isReusableAfter } from './reusable.ts';

export class Forwarding extends Connecting implements BackendSide, Sender {
  #lines = '';
  /** The next sending is a retry on another backend, taken from the pool's budget. */
  #isRetry = false;
  /** However many interim responses come: when the response itself must have begun. */
  #headDueMs = Number.POSITIVE_INFINITY;

  // ---- send

  /** The connection is established; a delegate may decide what is sent, and when. */
  protected override ready(connection: UpstreamConnection, nowMs: number): void {
    const { enquiry } = this.request;
    this.responding = undefined;
    this.request.connectedAtMs = nowMs;
    if (enquiry === undefined || enquiry.maySend(connection, nowMs)) this.#send(connection, nowMs);
  }

  /** The delegate allows the request to be sent. */
  proceed(): void {
    this.#send(this.connection as UpstreamConnection, this.request.context.now());
  }

  #send(connection: UpstreamConnection, nowMs: number): void {
    const request = this.request;
    const { body, client } = request;
    request.enter('send');
    if (this.#isRetry) request.context.counters.retries++;
    this.#isRetry = false;
    this.responding = new Responding(request, this, connection);
    const text = this.#head();
    if (body === undefined) connection.socket.write(text, 'latin1');
    else {
      body.sendTo(connection, text, this.#maySendAgain, request.domain?.features.requestNames);
      if (!body.isDone) client.resumeReading();
    }
    this.awaitBytes(nowMs);
  }

  #head(): string {
    if (this.#lines === '') this.#lines = hopLines(this.request);
    return outgoingHead(this.request, this.#lines);
  }

  /** Whether a resend or a retry may come, so that a small body is kept. */
  get #maySendAgain(): boolean {
    if (!isRequestIdempotent(this.request.head.method)) return false;
    const { idempotent, firstByteTimeouts, statuses } = this.pool.settings.retries;
    return this.isReused || idempotent || firstByteTimeouts || statuses.length > 0;
  }

  // ---- for the end of the request

  get responseHead(): ResponseHead | undefined {
    return this.responding?.head;
  }

  get isEndless(): boolean {
    return this.responding?.isEndless === true;
  }

  // ---- resend and retry

  /** A reused connection on which not a byte has arrived. */
  get isStale(): boolean {
    return this.isReused && this.responding?.hasBegun !== true;
  }

  get #mayResend(): boolean {
    if (!this.isStale) return false;
    const { head, body } = this.request;
    return isRequestIdempotent(head.method) && (body === undefined || body.isWhole);
  }

  /** The backend had closed the idle connection: sends the same request on a new one, which cannot be stale. */
  #resend(): void {
    const { context, body } = this.request;
    const nowMs = context.now();
    context.counters.resends++;
    body?.unsend();
    this.request.forgetTimes();
    this.request.connectStartedMs = nowMs;
    this.request.enter('connect');
    this.connect(nowMs);
  }

  /**
   * RFC 9110 §9.2.2: an idempotent request may be sent to another backend if this one closed without a response, all of
   * the request is still held, and the pool's retry budget allows it.
   */
  #mayRetryAfterClose(): boolean {
    const { retries } = this.pool.settings;
    if (this.responding?.hasBegun === true || !retries.idempotent || !mayRetry(this.request)) return false;
    return takeFromBudget(this.request, this.pool);
  }

  /** True: another backend, which was free, gets the request. Otherwise this response stands. */
  retryOnStatus(status: number): boolean {
    const { retries } = this.pool.settings;
    if (!isListed(retries.statuses, status) || this.request.outcome !== undefined) return false;
    if (!mayRetry(this.request) || !takeFromBudget(this.request, this.pool)) return false;
    const { context, body, backend, tenancy } = this.request;
    const { key } = backend as BackendRoute;
    const isElsewhere = tenancy?.replaceLease(key, context.now(), (giveBack) => {
      this.#isRetry = true;
      body?.unsend();
      this.#part(giveBack);
    });
    if (isElsewhere !== true) giveToBudget(this.request.context, this.pool);
    return isElsewhere === true;
  }

  /**
   * After a first-byte time-out: asks another backend, if the pool allows that for a request that may have been
   * executed.
   */
  #retryAfterTimeout(): boolean {
    const { retries } = this.pool.settings;
    if (!retries.firstByteTimeouts || !this.request.isUploadDone) return false;
    if (!mayRetry(this.request) || !takeFromBudget(this.request, this.pool)) return false;
    const { context, body, backend, tenancy } = this.request;
    const { key } = backend as BackendRoute;
    this.#isRetry = true;
    this.request.enter('checkout');
    tenancy?.nextAttemptApart(key, 'first_byte_timeout', context.now(), 'timed_out', (giveBack) => {
      body?.unsend();
      this.#part(giveBack);
    });
    return true;
  }

  /** Gives the connection away. A backend with a limit counts it until it has closed it too; the slot is held that long. */
  #part(giveBack: () => void): void {
    const { context } = this.request;
    const connection = this.connection as UpstreamConnection;
    this.connection = undefined;
    this.responding = undefined;
    connection.handOver(new FormerUser(giveBack, (error) => this.crashed(error)));
    if (this.limit === 0) connection.destroy();
    else connection.linger(context.now() + this.pool.settings.timeouts.abortLingerMs);
  }

  #retryAfterClose(): void {
    const { context, body, backend, tenancy } = this.request;
    this.#isRetry = true;
    body?.unsend();
    this.request.enter('checkout');
    const { key } = backend as BackendRoute;
    (tenancy as Tenancy).nextAttempt(key, 'closed_without_response', context.now(), 'backend_failed');
  }

  // ---- the backend's side

  override get isUnderWay(): boolean {
    return this.responding?.pipe !== undefined || this.request.body?.isUnderWay === true;
  }

  override received(buffer: Buffer, length: number): void {
    // RFC 9112 §9.2: no request has been sent on the connection, so this is no response.
    if (this.responding === undefined) this.connection?.destroy();
    else this.responding.take(buffer, length);
  }

  override backendDrained(): void {
    const { outcome, client, isUploadDone, context } = this.request;
    if (outcome !== undefined) return;
    if (this.responding?.pipe !== undefined || !isUploadDone) client.resumeReading();
    this.awaitBytes(context.now());
  }

  override backendEnded(): void {
    if (this.responding === undefined) this.connection?.destroy();
    else this.responding.backendEnded();
  }

  override backendClosed(error: Error | undefined): void {
    const connection = this.connection;
    this.connection = undefined;
    const request = this.request;
    const responding = this.responding;
    const { enquiry } = request;
    const isUnsent = enquiry?.waitsFor === 'send';
    if (isUnsent) enquiry.waitsFor = '';
    if (request.outcome !== undefined) {
      request.tenancy?.giveBack(request.leaseEnd);
      return;
    }
    if (this.isStale && connection !== undefined)
      this.wasEndedIdle(connection, isUnsent ? request.context.now() : request.connectedAtMs);
    if (responding?.pipe !== undefined) responding.pipeOver();
    else if (this.#mayResend || (isUnsent && this.isReused)) this.#resend();
    else if (this.#mayRetryAfterClose()) this.#retryAfterClose();
    else if (responding?.hasBegun === true || (error !== undefined && !request.isUploadDone))
      request.fail('response_interrupted', error?.message);
    else request.fail('closed_without_response', error?.message);
  }

  override crashed(error: unknown): void {
    this.request.crashed(error);
  }

  override stop(reason: 'drain_timeout'): void {
    this.request.stop(reason);
  }

  // ---- deadlines

  awaitBytes(nowMs: number): void {
    const { client, enquiry } = this.request;
    if (enquiry !== undefined && enquiry.waitsFor !== '') return;
    this.#headDueMs = nowMs + headPatienceMs(this.timeouts);
    client.deadlineAt(nowMs + patienceMs(this.request, this.responding, this.timeouts));
  }

  awaitHead(nowMs: number): void {
    const patientUntilMs = nowMs + patienceMs(this.request, this.responding, this.timeouts);
    this.request.client.deadlineAt(Math.min(patientUntilMs, this.#headDueMs));
  }

  deadlinePassed(nowMs: number): void {
    const request = this.request;
    switch (request.phase) {
      case 'connect':
        this.connectIsLate(nowMs);
        break;
      case 'send':
      case 'respond':
      case 'pipe': {
        const outcome = outcomeOfSilence(request, this.responding);
        if (outcome !== 'first_byte_timeout' || !this.#retryAfterTimeout()) request.fail(outcome);
        break;
      }
      default:
        request.fail('internal_error', `deadline in phase ${request.phase}`);
    }
  }

  // ---- the end

  /** After a complete response. */
  letGo(isClean: boolean, head: ResponseHead, nowMs: number): void {
    const { backend, client, isUploadDone, tenancy } = this.request;
    const connection = this.connection as UpstreamConnection;
    const { limits, timeouts } = this.pool.settings;
    const limit = this.limit;
    connection.unlease(client.pendingBytes > 0);
    const isSound = isClean && isReusableAfter(head);
    const isSent = isUploadDone && connection.isFlushed;
    const isKept = isSound && backend?.connection !== 'single';
    const { upstreamKeepAliveMs } = timeouts;
    if (
      isKept &&
      isSent &&
      this.connections?.keep(connection, nowMs, upstreamKeepAliveMs, limits.idlePerBackend) === true
    ) {
      this.connection = undefined;
      tenancy?.giveBack('finished', nowMs);
    } else if (limit === 0) connection.destroy();
    // A backend with a limit counts the connection until it has closed it too; the slot is held that long.
    else connection.linger(nowMs + timeouts.abortLingerMs);
  }

  /** Before the response is complete. */
  abandon(): void {
    const { context, leaseEnd, tenancy } = this.request;
    const connection = this.connection;
    if (this.#isRetry) giveToBudget(context, this.pool);
    this.#isRetry = false;
    // The backend may still be working on the request, so the slot is held until it closes, or for a while. A backend
    // with a limit may even count a connection that is not established yet on our side.
    const mayLinger = connection?.state === 'busy' || (connection?.state === 'connecting' && this.limit > 0);
    if (connection === undefined) tenancy?.giveBack(leaseEnd);
    else if (!mayLinger) connection.destroy();
    // Both sides of a pipe have ended, but the rest is still wanted: a slow backend has the idle time-out to read it.
    else if (this.responding?.pipe?.isOver === true) connection.linger(context.now() + this.timeouts.idleMs);
    else connection.linger(context.now() + this.pool.settings.timeouts.abortLingerMs);
  }
}
