/**
 * From a leased backend to a connection: an idle one of this worker's, or a new one. A failure sends the request to
 * the next backend and counts against this one, for all workers.
 */

import type { Tenancy } from '../lease/tenancy.ts';
import type { ProxiedRequest } from '../proxied-request.ts';
import type { BackendRoute, PoolRoute } from '../routing-table.ts';
import type { BackendConnections } from '../upstream/backend-connections.ts';
import type { ConnectionUser, UpstreamConnection } from '../upstream/connection.ts';
import type { Quota } from '../upstream/quota.ts';
import { connectFailure } from './connect-failure.ts';
import { isRequestIdempotent } from './idempotent.ts';
import type { Responding } from './responding.ts';

// 10 ms: a connection reused sooner had a request waiting for it and was not idle at all.
const AT_ONCE_MS = 10;

export abstract class Connecting implements ConnectionUser {
  protected readonly request: ProxiedRequest;
  protected readonly pool: PoolRoute;
  protected readonly timeouts: PoolRoute['settings']['timeouts'];
  connection: UpstreamConnection | undefined = undefined;
  /** The response to the latest sending of the request. */
  responding: Responding | undefined = undefined;
  protected connections: BackendConnections | undefined;
  protected isReused = false;
  #timedOut = false;
  /** The request ran out of time before the backend had enough of it. */
  #isCutShort = false;

  constructor(request: ProxiedRequest, pool: PoolRoute) {
    this.request = request;
    this.pool = pool;
    const { timeouts } = pool.settings;
    this.timeouts = request.choice?.route?.timeoutsOver(timeouts) ?? timeouts;
  }

  /** More of the request body was written than went with the head, or the connection is upgraded. */
  abstract readonly isUnderWay: boolean;
  protected abstract ready(connection: UpstreamConnection, nowMs: number): void;
  abstract received(buffer: Buffer, length: number): void;
  abstract backendDrained(): void;
  abstract backendEnded(): void;
  abstract backendClosed(error: Error | undefined): void;
  abstract crashed(error: unknown): void;
  abstract stop(reason: 'drain_timeout'): void;

  /** The backend that was leased. */
  to(backend: BackendRoute): void {
    const request = this.request;
    const { context, tenancy } = request;
    const connections = context.upstreams.of(this.pool.name, backend);
    this.connections = connections;
    const nowMs = (tenancy as Tenancy).leasedAtMs;
    if (request.connectedAtMs >= 0) request.forgetTimes();
    if (request.connectStartedMs < 0) request.connectStartedMs = nowMs;
    if (backend.connection === 'fresh') connections.closeIdle();
    const idle =
      backend.connection === undefined
        ? connections.take(this, nowMs, !isRequestIdempotent(request.head.method), this.#quota())
        : undefined;
    if (idle === undefined) {
      this.connect(nowMs);
      return;
    }
    context.counters.reuses++;
    this.connection = idle;
    this.isReused = true;
    this.ready(idle, nowMs);
  }

  /** If all workers share the limit, idle connections count too. */
  #quota(): Quota | undefined {
    const { context, tenancy } = this.request;
    const { lease, claims } = tenancy as Tenancy;
    if (lease === undefined || claims === undefined) return undefined;
    (this.connections as BackendConnections).leased(lease, claims);
    return context.upstreams.quotaOf(claims, lease);
  }

  /** A reused connection ended without a byte; as far as can be told, while it was still idle. */
  protected wasEndedIdle({ idleSinceMs }: UpstreamConnection, idleUntilMs: number): void {
    const idleMs = idleUntilMs - idleSinceMs;
    this.connections?.endedIdle(idleMs < AT_ONCE_MS ? 0 : idleMs, this.request.context.now());
  }

  protected get limit(): number {
    return this.request.backend?.settings.maxConcurrency ?? this.pool.settings.maxConcurrency ?? 0;
  }

  protected connect(nowMs: number): void {
    const { client, context, tenancy } = this.request;
    this.responding = undefined;
    this.#timedOut = false;
    this.#isCutShort = false;
    this.isReused = false;
    context.counters.connects++;
    const untilMs = nowMs + this.timeouts.connectMs;
    client.deadlineAt(Math.min(untilMs, (tenancy as Tenancy).untilMs));
    this.connection = this.connections?.connect(this, this.limit, this.#quota());
  }

  connected(): void {
    const request = this.request;
    if (request.outcome !== undefined) return;
    (request.tenancy as Tenancy).connectMade();
    this.ready(this.connection as UpstreamConnection, request.context.now());
  }

  connectFailed(error: NodeJS.ErrnoException): void {
    this.connection = undefined;
    const request = this.request;
    const tenancy = request.tenancy as Tenancy;
    if (request.outcome !== undefined) {
      tenancy.giveBack(request.leaseEnd);
      return;
    }
    const nowMs = request.context.now();
    const cause = this.#timedOut ? 'connect_timeout' : connectFailure(error);
    request.context.counters.connectFailures++;
    if (cause === undefined) {
      // Only the code: the message names the backend, so there would be as many messages as backends.
      const word = error.code ?? error.message;
      request.context.scarce?.(`backends cannot be connected to, for want of something of our own: ${word}`);
      tenancy.giveBack('unused');
      request.fail('internal_error', `connect: ${word}`);
      return;
    }
    if (!this.#isCutShort) this.#charge(cause, nowMs);
    request.enter('checkout');
    const { key } = request.backend as BackendRoute;
    tenancy.nextAttempt(key, cause === 'connect_timeout' ? 'connect_timeout' : 'connect_refused', nowMs);
  }

  /** A backend that cannot be connected to is quarantined for everybody. */
  #charge(cause: NonNullable<ReturnType<typeof connectFailure>> | 'connect_timeout', nowMs: number): void {
    const { context, tenancy } = this.request;
    const { passive } = this.pool.settings.health;
    const backend = this.request.backend as BackendRoute;
    const present = this.pool.backends.get(backend.key);
    // The backend's address has changed meanwhile, so this failure says nothing about the new one.
    if (present !== undefined && present.settings.address !== backend.settings.address) return;
    const inRow = (tenancy as Tenancy).connectFailed();
    if (passive === false || inRow < passive.connectFailures) return;
    // Whole milliseconds, as in events, so that ledger and log hold the same time.
    const untilMs = Math.ceil(nowMs + passive.quarantineMs);
    const isNew = (tenancy as Tenancy).quarantine(backend.key, nowMs, untilMs);
    const pool = this.pool.name;
    context.report({ type: 'connect_failed', pool, backend: backend.id, cause, untilMs, isNew });
  }

  /** The connection waited for a claim, which is not the backend's fault; or the backend does not answer. */
  protected connectIsLate(nowMs: number): void {
    const { client, tenancy } = this.request;
    const connection = this.connection as UpstreamConnection;
    if (connection.isWaiting) {
      this.request.fail('queue_timeout');
      return;
    }
    const untilMs = Math.min(connection.openedAtMs + this.timeouts.connectMs, (tenancy as Tenancy).untilMs);
    if (untilMs > nowMs) {
      client.deadlineAt(untilMs);
      return;
    }
    this.#timedOut = true;
    const enoughMs = Math.min(this.timeouts.connectMs, this.pool.settings.retries.totalMs) / 2;
    this.#isCutShort = nowMs - connection.openedAtMs < enoughMs;
    connection.destroy();
  }
}
