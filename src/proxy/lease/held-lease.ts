/**
 * The lease that a request holds, what its check-in reports about the backend, and the leases it held before.
 *
 * A lease is checked in only by `giveBack` and by the function that `part` returns. Whoever gets one of them calls it
 * when the lease's connection is idle or closed; a second call does nothing. So every checkout has exactly one
 * check-in, however the request ends.
 */
import type {
  HealthChange,
  HealthNews,
  Lease,
  LeaseEnd,
  OutcomeType,
  PoolLedger,
} from '../../../actors/index.ts';
import type { PlaneContext } from '../context.ts';
import { isListed, type Statuses } from '../listed-status.ts';
import type { PoolRoute } from '../routing-table.ts';
import type { Asks } from './asks.ts';

/** A lease without a response for the client. */
export type EarlierLease = {
  readonly backendKey: number;
  readonly ticket: number;
  readonly leasedAtMs: number;
  readonly end: OutcomeType | 'unused';
};

const NONE_EARLIER: readonly EarlierLease[] = Object.freeze([]);

export class HeldLease {
  protected readonly context: PlaneContext;
  protected readonly ledger: PoolLedger;
  protected readonly pool: PoolRoute;
  protected readonly asks: Asks;
  protected held: Lease | undefined;
  /** Statuses that count as failures of the backend. */
  readonly #failures: Statuses;
  /** The pool's policy uses latency. */
  readonly #isMeasured: boolean;
  #latencyMs = -1;
  #isServerError = false;
  #isFailure = false;
  /** The latest lease, as the ledger names it; 0: none yet. */
  backendKey = 0;
  ticket = 0;
  leasedAtMs = -1;
  /** The leases before the latest. */
  earlier: readonly EarlierLease[] = NONE_EARLIER;

  constructor(context: PlaneContext, pool: PoolRoute, ledger: PoolLedger, asks: Asks) {
    this.context = context;
    this.pool = pool;
    this.ledger = ledger;
    this.asks = asks;
    this.#failures = failuresOf(pool.settings.health.passive);
    this.#isMeasured = pool.settings.policy === 'peak-ewma';
  }

  get lease(): Lease | undefined {
    return this.held;
  }

  get holdsLease(): boolean {
    return this.held !== undefined;
  }

  /** The response head has arrived: that is the backend's latency, however slowly the client reads the rest. */
  answered(status: number): void {
    if (this.#failures.length > 0) this.#isFailure = isListed(this.#failures, status);
    if (!this.#isMeasured || this.held === undefined) return;
    this.#latencyMs = Math.max(0, this.context.now() - this.leasedAtMs);
    this.#isServerError = status >= 500;
  }

  giveBack(end: LeaseEnd, nowMs = this.context.now()): void {
    const lease = this.held;
    if (lease === undefined) return;
    this.held = undefined;
    this.context.counters.checkins++;
    const asFound = this.#asFound(end);
    const latencyMs = this.#isMeasured ? this.#measured(nowMs, end) : -1;
    this.#forgetAnswer();
    const changes = this.ledger.checkin(lease, nowMs, asFound, latencyMs);
    if (changes.length > 0) this.#tell(changes);
  }

  /** Detaches the lease, so that the request goes on without it; the returned function checks it in. */
  protected part(end: LeaseEnd): () => void {
    const lease = this.held as Lease;
    const asFound = this.#asFound(end);
    const latencyMs = this.#isMeasured ? Math.max(0, this.context.now() - this.leasedAtMs) : -1;
    this.held = undefined;
    this.#forgetAnswer();
    return () => {
      if (!lease.open) return;
      this.context.counters.checkins++;
      this.#tell(this.ledger.checkin(lease, this.context.now(), asFound, latencyMs));
    };
  }

  /** Returns an additional lease that is of no use. */
  protected decline(lease: Lease, nowMs: number): void {
    const { backendKey, ticket } = lease;
    this.earlier = [...this.earlier, { backendKey, ticket, leasedAtMs: nowMs, end: 'unused' }];
    this.context.counters.checkouts++;
    this.context.counters.checkins++;
    this.#tell(this.ledger.checkin(lease, nowMs, 'unused', -1));
  }

  protected note(lease: Lease, nowMs: number): void {
    this.backendKey = lease.backendKey;
    this.ticket = lease.ticket;
    this.leasedAtMs = nowMs;
  }

  /** For the journal: the request no longer has this lease; the next one may be its last. */
  protected ledToNothing(end: OutcomeType | 'unused'): void {
    const { backendKey, ticket, leasedAtMs } = this;
    this.earlier = [...this.earlier, { backendKey, ticket, leasedAtMs, end }];
    this.ticket = 0;
  }

  /** Refines an end by the status of the response. */
  #asFound(end: LeaseEnd): LeaseEnd {
    if (end !== 'finished') return end;
    if (this.#isFailure) return 'listed_status';
    return this.#isServerError ? 'server_error' : end;
  }

  /** A silent backend took at least as long as it was waited for; if the client left first, its latency is unknown. */
  #measured(nowMs: number, end: LeaseEnd): number {
    const isSilent = this.#latencyMs < 0 && end !== 'client_gone' && end !== 'unused';
    return isSilent ? Math.max(0, nowMs - this.leasedAtMs) : this.#latencyMs;
  }

  #forgetAnswer(): void {
    this.#latencyMs = -1;
    this.#isServerError = false;
    this.#isFailure = false;
  }

  /** Reports changes that the ledger has already made, to be recorded. */
  #tell(changes: readonly HealthChange[]): void {
    for (const change of changes) {
      const backend = this.pool.backends.get(change.backendKey);
      if (backend === undefined) continue;
      const route = change.route === 0 ? '' : this.asks.route.name;
      this.context.report({
        type: 'health_changed',
        pool: this.pool.name,
        backend: backend.id,
        news: newsOf(change, route),
      });
    }
  }
}

function newsOf(change: HealthChange, route: string): HealthNews {
  if (change.type !== 'ejected') return { type: change.type, route };
  return { type: 'ejected', route, untilMs: change.untilMs, level: change.level };
}

const NO_FAILURES: Statuses = Object.freeze([]);

function failuresOf(passive: PoolRoute['settings']['health']['passive']): Statuses {
  return passive === false || passive.outlier === false ? NO_FAILURES : passive.outlier.statuses;
}
