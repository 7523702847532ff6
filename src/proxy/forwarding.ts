/**
 * A request on its way to a backend: a connection, the request on it, and, while nothing has come back, the same on
 * another connection or from another backend.
 *
 *   to ─▶ (connect) ─▶ ready ─▶ send ─▶ Responding
 *    ▲        │                  │
 *    └────────┴── fail over ─────┘
 */
import {
  forwardFields,
  forwardLines,
  type RequestHead,
  type ResponseHead,
  writeFields,
  writeRequestHead,
} from '../wire/index.ts';
import { connectFailure } from './connect-failure.ts';
import type { Exchange } from './exchange.ts';
import { Farewell } from './farewell.ts';
import { isRequestIdempotent } from './idempotent.ts';
import { isListed } from './listed-status.ts';
import { Responding } from './responding.ts';
import { RetryBudget } from './retry-budget.ts';
import type { BackendRoute, DomainRoute, PoolRoute } from './routing-table.ts';
import type { Tenancy } from './tenancy.ts';
import type { BackendConnections } from './upstream/backend-connections.ts';
import type { ConnectionUser, UpstreamConnection } from './upstream/connection.ts';
import type { Quota } from './upstream/quota.ts';

export class Forwarding implements ConnectionUser {
  readonly #exchange: Exchange;
  readonly #pool: PoolRoute;
  readonly #timeouts: PoolRoute['settings']['timeouts'];
  connection: UpstreamConnection | undefined = undefined;
  /** To the request as it was sent last. */
  response: Responding | undefined = undefined;
  #connections: BackendConnections | undefined;
  #lines = '';
  #timedOut = false;
  #isReused = false;
  #resent = false;

  constructor(exchange: Exchange, pool: PoolRoute) {
    this.#exchange = exchange;
    this.#pool = pool;
    const { timeouts } = pool.settings;
    this.#timeouts = exchange.choice?.route?.timeoutsOver(timeouts) ?? timeouts;
  }

  // ---- connect

  /** The backend that was leased. */
  to(backend: BackendRoute): void {
    const exchange = this.#exchange;
    const { context, tenancy } = exchange;
    const connections = context.upstreams.of(this.#pool.name, backend);
    this.#connections = connections;
    const isFirst = tenancy?.waitedMs === -1 && tenancy.attempts === 1;
    const nowMs = isFirst ? exchange.startedAtMs : context.now();
    if (exchange.connectStartedMs < 0) exchange.connectStartedMs = nowMs;
    if (backend.connection === 'fresh') connections.closeIdle();
    const idle =
      backend.connection === undefined
        ? connections.take(this, nowMs, !isRequestIdempotent(exchange.head.method), this.#quota())
        : undefined;
    if (idle === undefined) {
      this.#connect(nowMs);
      return;
    }
    context.counters.reuses++;
    this.connection = idle;
    this.#isReused = true;
    this.#ready(idle, nowMs);
  }

  /** Where all workers share a limit, idle connections count too. */
  #quota(): Quota | undefined {
    const { context, tenancy } = this.#exchange;
    const { lease, claims } = tenancy as Tenancy;
    if (lease === undefined || claims === undefined) return undefined;
    (this.#connections as BackendConnections).row = lease.row;
    return context.upstreams.quotaOf(claims, lease);
  }

  get #limit(): number {
    return this.#exchange.backend?.settings.maxConcurrency ?? this.#pool.settings.maxConcurrency ?? 0;
  }

  #connect(nowMs: number): void {
    const { client, context, tenancy } = this.#exchange;
    this.response = undefined;
    this.#timedOut = false;
    this.#isReused = false;
    context.counters.connects++;
    const untilMs = nowMs + this.#timeouts.connectMs;
    client.deadlineAt(Math.min(untilMs, (tenancy as Tenancy).untilMs));
    this.connection = this.#connections?.connect(this, this.#limit, this.#quota());
  }

  connected(): void {
    const exchange = this.#exchange;
    if (exchange.outcome !== undefined) return;
    const connections = this.#connections;
    if (connections !== undefined) connections.failures = 0;
    this.#ready(this.connection as UpstreamConnection, exchange.context.now());
  }

  connectFailed(error: NodeJS.ErrnoException): void {
    this.connection = undefined;
    const exchange = this.#exchange;
    const tenancy = exchange.tenancy as Tenancy;
    if (exchange.outcome !== undefined) {
      tenancy.giveBack(exchange.leaseEnd);
      return;
    }
    const nowMs = exchange.context.now();
    const cause = this.#timedOut ? 'connect_timeout' : connectFailure(error);
    exchange.context.counters.connectFailures++;
    if (cause === undefined) {
      tenancy.giveBack('unused');
      exchange.fail('internal_error', `connect: ${error.code ?? error.message}`);
      return;
    }
    this.#charge(cause, nowMs);
    exchange.enter('checkout');
    const { key } = exchange.backend as BackendRoute;
    tenancy.again(key, cause === 'connect_timeout' ? 'connect_timeout' : 'connect_refused', nowMs);
  }

  /** A backend that cannot be connected to is quarantined for everybody. */
  #charge(cause: NonNullable<ReturnType<typeof connectFailure>> | 'connect_timeout', nowMs: number): void {
    const { context, tenancy } = this.#exchange;
    const { passive } = this.#pool.settings.health;
    const connections = this.#connections as BackendConnections;
    connections.failures++;
    if (passive === false || connections.failures < passive.connectFailures) return;
    const backend = this.#exchange.backend as BackendRoute;
    // Whole milliseconds, as events keep them: ledger and log name the same moment.
    const untilMs = Math.ceil(nowMs + passive.quarantineMs);
    tenancy?.quarantine(backend.key, nowMs, untilMs);
    context.report({ type: 'connect_failed', pool: this.#pool.name, backend: backend.id, cause, untilMs });
  }

  /** The connection stands; a delegate may have a last word on what is sent. */
  #ready(connection: UpstreamConnection, nowMs: number): void {
    const { enquiry } = this.#exchange;
    this.response = undefined;
    this.#exchange.connectedAtMs = nowMs;
    if (enquiry === undefined || enquiry.maySend(connection, nowMs)) this.#send(connection, nowMs);
  }

  /** The delegate has had its word. */
  proceed(): void {
    this.#send(this.connection as UpstreamConnection, this.#exchange.context.now());
  }

  // ---- send

  #send(connection: UpstreamConnection, nowMs: number): void {
    const exchange = this.#exchange;
    const { body, head, client } = exchange;
    exchange.enter('send');
    this.response = new Responding(exchange, this, connection);
    const text = this.#requestHead(head);
    if (body === undefined) connection.socket.write(text, 'latin1');
    else {
      body.sendTo(connection, text, this.#maySendTwice);
      if (!body.isDone) client.resumeReading();
    }
    this.awaitBytes(nowMs);
  }

  #requestHead(head: RequestHead): string {
    const exchange = this.#exchange;
    const { hop } = exchange.client;
    const { features } = exchange.domain as DomainRoute;
    const writing = {
      keepAlive: exchange.backend?.connection !== 'single',
      expectContinue: features.continue === 'end-to-end',
      trustsPeer: hop.isTrusted,
      replaced: features.requestNames,
    };
    return writeRequestHead(head, features.requestFields, writing, this.#forwardLines(features.requestNames));
  }

  /** The same however often the request is sent. Whoever adds fields may know better than we do what to say there. */
  #forwardLines(replaced: ReadonlySet<string> | undefined): string {
    if (this.#lines !== '') return this.#lines;
    const { head, requestId, startedAtMs, client } = this.#exchange;
    const atMs = Math.trunc(startedAtMs);
    if (replaced === undefined) this.#lines = forwardLines(head, client.hop, requestId, atMs);
    else this.#lines = writeFields(unnamed(forwardFields(head, client.hop, requestId, atMs), replaced));
    return this.#lines;
  }

  /** Whether what is sent is worth keeping, as far as it is small. */
  get #maySendTwice(): boolean {
    if (!isRequestIdempotent(this.#exchange.head.method)) return false;
    const { idempotent, firstByteTimeouts, statuses } = this.#pool.settings.retries;
    return this.#isReused || idempotent || firstByteTimeouts || statuses.length > 0;
  }

  // ---- once more

  get #mayResend(): boolean {
    if (!this.#isReused || this.response?.hasBegun === true || this.#resent) return false;
    const { head, body } = this.#exchange;
    return isRequestIdempotent(head.method) && (body === undefined || body.isWhole);
  }

  /** The connection was an idle one and had been closed under us: the same request, once, on a fresh one. */
  #resend(): void {
    const { context, body } = this.#exchange;
    this.#resent = true;
    context.counters.resends++;
    body?.unsend();
    this.#exchange.enter('connect');
    this.#connect(context.now());
  }

  /**
   * RFC 9110 §9.2.2: what may be done twice with the effect of once may be asked of another backend, if this one went
   * away without a word, all of the request is still held, and the pool has not retried too much.
   */
  #mayFailOver(): boolean {
    const { retries } = this.#pool.settings;
    if (this.response?.hasBegun === true || !retries.idempotent || !this.#mayAskTwice()) return false;
    return this.#takeFromBudget();
  }

  #mayAskTwice(): boolean {
    const { context, head, body, tenancy, enquiry } = this.#exchange;
    if (enquiry !== undefined || !isRequestIdempotent(head.method) || body?.isWhole === false) return false;
    return tenancy?.mayTryAgain(context.now()) === true;
  }

  get #budget(): RetryBudget {
    const { retryBudgets } = this.#exchange.context;
    const { name } = this.#pool;
    let budget = retryBudgets.get(name);
    if (budget === undefined) {
      budget = new RetryBudget();
      retryBudgets.set(name, budget);
    }
    return budget;
  }

  #takeFromBudget(): boolean {
    const { context } = this.#exchange;
    const { name, settings } = this.#pool;
    const ended = context.metrics.pool(name).total;
    const isTaken = this.#budget.take(ended, settings.retries.budgetPercent, context.now());
    if (!isTaken) context.counters.retriesDenied++;
    return isTaken;
  }

  /** This answer is not passed on: another backend is asked, one that is free now, else its word stands. */
  asksElsewhere(status: number): boolean {
    const { retries } = this.#pool.settings;
    if (!isListed(retries.statuses, status) || this.#exchange.outcome !== undefined) return false;
    if (!this.#mayAskTwice() || !this.#takeFromBudget()) return false;
    const { context, body, backend, tenancy } = this.#exchange;
    const { key } = backend as BackendRoute;
    const isElsewhere = tenancy?.elsewhere(key, context.now(), (giveBack) => {
      context.counters.retries++;
      body?.unsend();
      this.#part(giveBack);
    });
    if (isElsewhere !== true) this.#budget.giveBack();
    return isElsewhere === true;
  }

  /** Nothing came in time: it is asked elsewhere, where the pool says that a silent backend has not done it. */
  #failOverInTime(): boolean {
    const { retries } = this.#pool.settings;
    if (!retries.firstByteTimeouts || !this.#exchange.isUploadDone) return false;
    if (!this.#mayAskTwice() || !this.#takeFromBudget()) return false;
    const { context, body, backend, tenancy } = this.#exchange;
    const { key } = backend as BackendRoute;
    context.counters.retries++;
    this.#exchange.enter('checkout');
    tenancy?.againApart(key, 'first_byte_timeout', context.now(), 'timed_out', (giveBack) => {
      body?.unsend();
      this.#part(giveBack);
    });
    return true;
  }

  /** The connection goes its own way. A backend with a limit counts it until it has closed it too, and so does its slot. */
  #part(giveBack: () => void): void {
    const { context } = this.#exchange;
    const connection = this.connection as UpstreamConnection;
    this.connection = undefined;
    this.response = undefined;
    this.#resent = false;
    connection.handOver(new Farewell(giveBack, (error) => this.crashed(error)));
    if (this.#limit === 0) connection.destroy();
    else connection.linger(context.now() + this.#pool.settings.timeouts.abortLingerMs);
  }

  #failOver(): void {
    const { context, body, backend, tenancy } = this.#exchange;
    context.counters.retries++;
    body?.unsend();
    this.#resent = false;
    this.#exchange.enter('checkout');
    const { key } = backend as BackendRoute;
    (tenancy as Tenancy).again(key, 'closed_without_response', context.now(), 'backend_failed');
  }

  // ---- the backend's side

  received(buffer: Buffer, length: number): void {
    // RFC 9112 §9.2: nothing was asked on it yet, so this answers nothing.
    if (this.response === undefined) this.connection?.destroy();
    else this.response.take(buffer, length);
  }

  backendDrained(): void {
    const { outcome, client, isUploadDone, context } = this.#exchange;
    if (outcome !== undefined) return;
    if (this.response?.pipe !== undefined || !isUploadDone) client.resumeReading();
    this.awaitBytes(context.now());
  }

  backendEnded(): void {
    if (this.response === undefined) this.connection?.destroy();
    else this.response.backendEnded();
  }

  backendClosed(error: Error | undefined): void {
    this.connection = undefined;
    const exchange = this.#exchange;
    const response = this.response;
    const { enquiry } = exchange;
    const isUnsent = enquiry?.waitsFor === 'send';
    if (isUnsent) enquiry.waitsFor = '';
    if (exchange.outcome !== undefined) {
      exchange.tenancy?.giveBack(exchange.leaseEnd);
      return;
    }
    if (response?.pipe !== undefined) response.pipeOver();
    else if (this.#mayResend || (isUnsent && this.#isReused)) this.#resend();
    else if (this.#mayFailOver()) this.#failOver();
    else if (response?.hasBegun === true || (error !== undefined && !exchange.isUploadDone))
      exchange.fail('response_interrupted', error?.message);
    else exchange.fail('closed_without_response', error?.message);
  }

  crashed(error: unknown): void {
    this.#exchange.crashed(error);
  }

  stop(reason: 'drain_timeout'): void {
    this.#exchange.stop(reason);
  }

  // ---- deadlines

  awaitBytes(nowMs: number): void {
    const { client, enquiry, phase, isUploadDone } = this.#exchange;
    if (enquiry !== undefined && enquiry.waitsFor !== '') return;
    const timeouts = this.#timeouts;
    if (phase !== 'send') client.deadlineAt(nowMs + timeouts.idleMs);
    else if (!isUploadDone) client.deadlineAt(nowMs + client.listener.settings.timeouts.bodyIdleMs);
    else
      client.deadlineAt(nowMs + (this.response?.hasBegun === true ? timeouts.idleMs : timeouts.firstByteMs));
  }

  deadlinePassed(nowMs: number): void {
    const exchange = this.#exchange;
    const { client, phase, isUploadDone } = exchange;
    const response = this.response;
    switch (phase) {
      case 'connect':
        this.#connectIsLate(nowMs);
        break;
      case 'send':
        if (response?.hasBegun === true) exchange.fail('response_idle');
        else if (this.#failOverInTime()) break;
        else exchange.fail(isUploadDone || client.isPaused ? 'first_byte_timeout' : 'client_idle');
        break;
      case 'respond':
        exchange.fail(
          response?.isPaused === true || client.pendingBytes > 0 ? 'client_idle' : 'response_idle',
        );
        break;
      case 'pipe':
        exchange.fail('response_idle');
        break;
      default:
        exchange.fail('internal_error', `deadline in phase ${phase}`);
    }
  }

  /** It waited for room, which is no fault of the backend's; or it does not answer. */
  #connectIsLate(nowMs: number): void {
    const { client, tenancy } = this.#exchange;
    const connection = this.connection as UpstreamConnection;
    if (connection.isWaiting) {
      this.#exchange.fail('queue_timeout');
      return;
    }
    const untilMs = Math.min(connection.openedAtMs + this.#timeouts.connectMs, (tenancy as Tenancy).untilMs);
    if (untilMs > nowMs) {
      client.deadlineAt(untilMs);
      return;
    }
    this.#timedOut = true;
    connection.destroy();
  }

  // ---- the end

  /** After a whole response. RFC 9112 §9.3: used again only when there is no doubt where the next one begins. */
  letGo(isClean: boolean, head: ResponseHead, nowMs: number): void {
    const { backend, client, isUploadDone, tenancy } = this.#exchange;
    const connection = this.connection as UpstreamConnection;
    const { limits, timeouts } = this.#pool.settings;
    const limit = this.#limit;
    connection.unlease(client.pendingBytes > 0);
    const isSound = isClean && head.keepAlive && head.framing !== 'close' && !mayHaveBody(head);
    const isSent = isUploadDone && connection.socket.writableLength === 0;
    const isKept = isSound && backend?.connection !== 'single';
    const { upstreamKeepAliveMs } = timeouts;
    if (
      isKept &&
      isSent &&
      this.#connections?.keep(connection, nowMs, upstreamKeepAliveMs, limits.idlePerBackend) === true
    ) {
      this.connection = undefined;
      tenancy?.giveBack('finished', nowMs);
    } else if (limit === 0) connection.destroy();
    // A backend with a limit counts the connection until it has closed it too, and so does its slot.
    else connection.linger(nowMs + timeouts.abortLingerMs);
  }

  /** Before the response is whole. */
  abandon(): void {
    const { context, leaseEnd, tenancy } = this.#exchange;
    const connection = this.connection;
    // The backend may still be working for us: its slot is kept until it has closed, or for a while. One with a limit
    // may even count a connection that we do not know to be made yet.
    const mayLinger = connection?.state === 'busy' || (connection?.state === 'connecting' && this.#limit > 0);
    if (connection === undefined) tenancy?.giveBack(leaseEnd);
    else if (!mayLinger) connection.destroy();
    else connection.linger(context.now() + this.#pool.settings.timeouts.abortLingerMs);
  }
}

function unnamed(fields: readonly string[], names: ReadonlySet<string>): readonly string[] {
  return fields.filter((_, at) => !names.has((fields[at - (at % 2)] as string).toLowerCase()));
}

/** A backend that sends a body where none may be leaves bytes on the connection that would answer the next request. */
function mayHaveBody(head: ResponseHead): boolean {
  if (head.framing !== 'none') return false;
  return head.chunked || (head.status === 204 && head.contentLength > 0);
}
