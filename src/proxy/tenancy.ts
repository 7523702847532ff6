/**
 * A request's claim on a backend of its pool: it asks, waits, holds one lease at a time, and remembers what it tried.
 *
 * `giveBack` is the only place that checks a lease in. Whoever got one from here calls it when the connection the
 * lease stood for rests or is closed, and calling it again is harmless; so whatever ends a request, and however,
 * every checkout has exactly one check-in.
 */
import type {
  ConnectionClaims,
  HealthChange,
  HealthNews,
  Lease,
  LeaseEnd,
  OutcomeType,
  PoolLedger,
  Refusal,
  Wait,
  Waiter,
} from '../../actors/index.ts';
import type { PlaneContext } from './context.ts';
import { isListed, type Statuses } from './listed-status.ts';
import type { BackendRoute, PoolRoute } from './routing-table.ts';

export interface Tenant {
  /** It holds a lease on this backend now. */
  leased(backend: BackendRoute): void;
  /** It waits, at most until then. */
  waits(untilMs: number): void;
  /** There is none to be had. */
  refused(outcome: OutcomeType): void;
  /** The ledger was freed, since nobody had used it for long: it is to be made again. */
  asleep(): void;
  crashed(error: unknown): void;
}

/** What matters to the ledger of what a request asks for; each 0 where there is none. */
export type Asks = {
  /** Of what it is kept together by. */
  readonly hash: number;
  readonly route: RouteLabel;
  /** The key of the backend where it is at home. */
  readonly home: number;
};

/** A lease that led nowhere. */
export type EarlierLease = {
  readonly backendKey: number;
  readonly ticket: number;
  readonly leasedAtMs: number;
  readonly end: OutcomeType | 'unused';
};

/** What a backend's health is kept apart by: an entry of a domain's routes. */
export type RouteLabel = { readonly name: string; readonly key: number };
export const UNROUTED: RouteLabel = Object.freeze({ name: '', key: 0 });

const NONE_EARLIER: readonly EarlierLease[] = Object.freeze([]);
const NONE_TRIED: readonly number[] = Object.freeze([]);
// 16: what the ledger takes.
const MOST_TRIED = 16;

export class Tenancy implements Waiter {
  place = 0;
  readonly #context: PlaneContext;
  readonly #tenant: Tenant;
  readonly #ledger: PoolLedger;
  readonly #pool: PoolRoute;
  #lease: Lease | undefined;
  #tried: readonly number[] = NONE_TRIED;
  #waitingSinceMs = -1;
  readonly #untilMs: number;
  readonly #asks: Asks;
  /** That count as failures of their backend. */
  readonly #failures: Statuses;
  /** The pool's policy looks at latency. */
  readonly #isMeasured: boolean;
  #latencyMs = -1;
  #isServerError = false;
  #isFailure = false;
  /** How the last attempt failed; what a request ends with when all were tried. */
  lastFailure: OutcomeType = 'no_backends';
  waitedMs = -1;
  attempts = 0;
  /** The last lease it held, as the ledger names it; 0: none yet. */
  backendKey = 0;
  ticket = 0;
  leasedAtMs = -1;
  /** What it held before the last. */
  earlier: readonly EarlierLease[] = NONE_EARLIER;

  constructor(
    context: PlaneContext,
    tenant: Tenant,
    pool: PoolRoute,
    ledger: PoolLedger,
    nowMs: number,
    asks: Asks,
  ) {
    this.#context = context;
    this.#tenant = tenant;
    this.#pool = pool;
    this.#ledger = ledger;
    this.#untilMs = nowMs + pool.settings.retries.totalMs;
    this.#asks = asks;
    this.#failures = failuresOf(pool.settings.health.passive);
    this.#isMeasured = pool.settings.policy === 'peak-ewma';
  }

  /** When connecting must have succeeded, whatever is tried. */
  get untilMs(): number {
    return this.#untilMs;
  }

  get lease(): Lease | undefined {
    return this.#lease;
  }

  get claims(): ConnectionClaims | undefined {
    return this.#ledger.claims;
  }

  get holdsLease(): boolean {
    return this.#lease !== undefined;
  }

  ask(nowMs: number): void {
    if (this.#tried.length > MOST_TRIED) {
      this.#tenant.refused(this.lastFailure);
      return;
    }
    const { hash, route, home } = this.#asks;
    const answer = this.#ledger.checkout(nowMs, this.#tried, this, hash, route.key, home);
    if (typeof answer !== 'string') this.#hold(answer, nowMs);
    else if (answer === 'queued') this.#wait(nowMs);
    else if (answer === 'no_backends' && this.#isAsleep()) this.#tenant.asleep();
    else this.#tenant.refused(this.#refusal(answer));
  }

  /** It has backends, as far as is known, and no ledger any more. */
  #isAsleep(): boolean {
    const { ledger, backends, key } = this.#pool;
    return ledger === undefined && backends.size > 0 && this.#context.ledger.pool(key) === undefined;
  }

  /** The next attempt would be within the bounds, as far as attempts and time go. */
  mayTryAgain(nowMs: number): boolean {
    return this.attempts < this.#pool.settings.retries.attempts && nowMs < this.#untilMs;
  }

  /** An attempt on the leased backend failed: another is asked for, if there is time and leave. */
  again(backendKey: number, failure: OutcomeType, nowMs: number, end: LeaseEnd = 'connect_failed'): void {
    this.lastFailure = failure;
    this.#ledToNothing(failure);
    this.#remember(backendKey);
    this.giveBack(end);
    this.#goOn(failure, nowMs);
  }

  #goOn(failure: OutcomeType, nowMs: number): void {
    if (this.mayTryAgain(nowMs)) this.ask(nowMs);
    else this.#tenant.refused(failure);
  }

  /** As `again`, but the present lease stays out until its connection has closed: `keep` is handed how it is given back. */
  againApart(
    backendKey: number,
    failure: OutcomeType,
    nowMs: number,
    end: LeaseEnd,
    keep: (giveBack: () => void) => void,
  ): void {
    this.lastFailure = failure;
    this.#ledToNothing(failure);
    this.#remember(backendKey);
    keep(this.#part(end));
    this.#goOn(failure, nowMs);
  }

  /**
   * Another backend in the place of the leased one, if one is free at this moment, as far as nobody need wait for it. The lease
   * on the first stays out until its connection has closed.
   */
  elsewhere(backendKey: number, nowMs: number, keep: (giveBack: () => void) => void): boolean {
    const tried = [...this.#tried, backendKey];
    if (tried.length > MOST_TRIED) return false;
    const { hash, route, home } = this.#asks;
    let answer = this.#ledger.checkout(nowMs, tried, this, hash, route.key, home) as
      | ReturnType<PoolLedger['checkout']>
      | Wait;
    if (answer === 'queued') answer = this.#ledger.leave(this, nowMs);
    if (typeof answer === 'string') return false;
    this.#ledToNothing('responded');
    this.#tried = tried;
    keep(this.#part('finished'));
    this.#hold(answer, nowMs);
    return true;
  }

  #part(end: LeaseEnd): () => void {
    const lease = this.#lease as Lease;
    const asFound = this.#asFound(end);
    const latencyMs = this.#isMeasured ? Math.max(0, this.#context.now() - this.leasedAtMs) : -1;
    this.#lease = undefined;
    this.#forgetAnswer();
    return () => {
      if (!lease.open) return;
      this.#context.counters.checkins++;
      this.#tell(this.#ledger.checkin(lease, this.#context.now(), asFound, latencyMs));
    };
  }

  /** The wait is over without a lease, or with one that comes too late. */
  leave(nowMs: number): Wait {
    if (this.place === 0) return 'busy';
    const left = this.#ledger.leave(this, nowMs);
    this.#waited(nowMs);
    if (typeof left === 'string') return left;
    this.#lease = left;
    this.#noteLease(left, nowMs);
    this.#ledToNothing('unused');
    this.#context.counters.checkouts++;
    this.giveBack('unused');
    return 'busy';
  }

  /** Why waiting was in vain. */
  giveUp(nowMs: number): OutcomeType {
    switch (this.leave(nowMs)) {
      case 'busy':
        return 'queue_timeout';
      case 'unavailable':
        return 'quarantined';
      case 'starting':
        return 'starting';
      case 'exhausted':
        return this.lastFailure;
      case 'no_backends':
        return 'no_backends';
    }
  }

  /** For everybody, at once. */
  quarantine(backendKey: number, nowMs: number, untilMs: number): void {
    this.#ledger.quarantine(backendKey, nowMs, untilMs);
  }

  /** The head of the response is there: that took the backend as long as it takes, whoever reads the rest how slowly. */
  answered(status: number): void {
    if (this.#failures.length > 0) this.#isFailure = isListed(this.#failures, status);
    if (!this.#isMeasured || this.#lease === undefined) return;
    this.#latencyMs = Math.max(0, this.#context.now() - this.leasedAtMs);
    this.#isServerError = status >= 500;
  }

  giveBack(end: LeaseEnd, nowMs = this.#context.now()): void {
    const lease = this.#lease;
    if (lease === undefined) return;
    this.#lease = undefined;
    this.#context.counters.checkins++;
    const asFound = this.#asFound(end);
    const latencyMs = this.#isMeasured ? this.#measured(nowMs, end) : -1;
    this.#forgetAnswer();
    const changes = this.#ledger.checkin(lease, nowMs, asFound, latencyMs);
    if (changes.length > 0) this.#tell(changes);
  }

  /** Of Waiter: called by the ledger, perhaps while it serves somebody else's call. */
  granted(lease: Lease): void {
    const nowMs = this.#context.now();
    this.#waited(nowMs);
    try {
      this.#hold(lease, nowMs);
    } catch (error) {
      this.#tenant.crashed(error);
    }
  }

  /** Of Waiter. */
  refused(reason: 'no_backends'): void {
    this.#waited(this.#context.now());
    try {
      this.#tenant.refused(reason);
    } catch (error) {
      this.#tenant.crashed(error);
    }
  }

  /** What an end is, given the status that was answered. */
  #asFound(end: LeaseEnd): LeaseEnd {
    if (end !== 'finished') return end;
    if (this.#isFailure) return 'listed_status';
    return this.#isServerError ? 'server_error' : end;
  }

  /** A backend that says nothing until it is given up took at least so long; one whose client left first, nobody knows. */
  #measured(nowMs: number, end: LeaseEnd): number {
    const isSilent = this.#latencyMs < 0 && end !== 'client_gone' && end !== 'unused';
    return isSilent ? Math.max(0, nowMs - this.leasedAtMs) : this.#latencyMs;
  }

  #forgetAnswer(): void {
    this.#latencyMs = -1;
    this.#isServerError = false;
    this.#isFailure = false;
  }

  /** The ledger has acted on it already; this is for the log. */
  #tell(changes: readonly HealthChange[]): void {
    for (const change of changes) {
      const backend = this.#pool.backends.get(change.backendKey);
      if (backend === undefined) continue;
      const route = change.route === 0 ? '' : this.#asks.route.name;
      this.#context.report({
        type: 'health_changed',
        pool: this.#pool.name,
        backend: backend.id,
        news: newsOf(change, route),
      });
    }
  }

  #hold(lease: Lease, nowMs: number): void {
    this.#lease = lease;
    this.#noteLease(lease, nowMs);
    this.#context.counters.checkouts++;
    const backend = this.#pool.backends.get(lease.backendKey) ?? this.#laterBackend(lease.backendKey);
    // Granted before its drain began, and told too late.
    const isOver = backend?.cutAtMs !== undefined && backend.cutAtMs <= nowMs;
    if (backend === undefined || isOver) {
      this.#skip(lease.backendKey);
      return;
    }
    this.attempts++;
    this.#tenant.leased(backend);
  }

  /** Who waited may be given a backend that joined the pool meanwhile. */
  #laterBackend(key: number): BackendRoute | undefined {
    this.#context.table.fence();
    return this.#pool.backends.get(key);
  }

  /** Removed from the view since it was granted: nobody may be sent there any more. */
  #skip(backendKey: number): void {
    this.#remember(backendKey);
    this.#ledToNothing('unused');
    this.giveBack('unused');
    this.ask(this.#context.now());
  }

  /** A ledger of the pool's own knows itself what it gave. */
  #remember(backendKey: number): void {
    if (this.#pool.ledger === undefined) this.#tried = [...this.#tried, backendKey];
  }

  #noteLease(lease: Lease, nowMs: number): void {
    this.backendKey = lease.backendKey;
    this.ticket = lease.ticket;
    this.leasedAtMs = nowMs;
  }

  /** For the journal: the lease is the request's no longer, and the next may be its last. */
  #ledToNothing(end: OutcomeType | 'unused'): void {
    const { backendKey, ticket, leasedAtMs } = this;
    this.earlier = [...this.earlier, { backendKey, ticket, leasedAtMs, end }];
    this.ticket = 0;
  }

  #wait(nowMs: number): void {
    this.#waitingSinceMs = nowMs;
    // A ledger of the pool's own has no quarantine whose end could be waited for.
    if (this.#pool.ledger === undefined) this.#context.waits.joined(this.#ledger);
    this.#tenant.waits(Math.min(nowMs + this.#pool.settings.queue.maxWaitMs, this.#untilMs));
  }

  #waited(nowMs: number): void {
    if (this.#pool.ledger === undefined) this.#context.waits.left(this.#ledger);
    this.waitedMs = Math.max(0, this.waitedMs) + nowMs - this.#waitingSinceMs;
  }

  #refusal(refusal: Refusal): OutcomeType {
    return refusal === 'exhausted' ? this.lastFailure : refusal;
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
