/** A request's dealings with its pool: it asks, waits, holds one lease at a time, and remembers what it tried. */
import type {
  ConnectionClaims,
  Lease,
  LeaseEnd,
  OutcomeType,
  PoolLedger,
  Refusal,
  Wait,
  Waiter,
} from '../../../actors/index.ts';
import type { PlaneContext } from '../context.ts';
import type { BackendRoute, PoolRoute } from '../routing-table.ts';
import type { Asks } from './asks.ts';
import { HeldLease } from './held-lease.ts';
import type { TableWaiter } from './table-waiters.ts';

export interface Tenant {
  /** The request now holds a lease on this backend. */
  leased(backend: BackendRoute): void;
  /** The request waits, at most until then. */
  waits(untilMs: number): void;
  /** No lease is available. */
  refused(outcome: OutcomeType): void;
  /** The ledger was freed because nobody had used it for a while; it must be created again. */
  asleep(): void;
  crashed(error: unknown): void;
}

const NONE_TRIED: readonly number[] = Object.freeze([]);
// 16: the most that the ledger accepts.
const MOST_TRIED = 16;

export class Tenancy extends HeldLease implements Waiter, TableWaiter {
  place = 0;
  readonly #tenant: Tenant;
  #tried: readonly number[] = NONE_TRIED;
  /** Backends that were granted but are not in the table. */
  #unknown: readonly number[] = NONE_TRIED;
  #waitingSinceMs = -1;
  /** It has waited for the table to agree with the ledger, for the attempt that is to come. */
  #hasWaitedForTable = false;
  /** The deadline for being connected, over all attempts. */
  readonly untilMs: number;
  /** How the last attempt failed; the request's outcome once all were tried. */
  lastFailure: OutcomeType = 'no_backends';
  waitedMs = -1;
  attempts = 0;

  constructor(
    context: PlaneContext,
    tenant: Tenant,
    pool: PoolRoute,
    ledger: PoolLedger,
    nowMs: number,
    asks: Asks,
  ) {
    super(context, pool, ledger, asks);
    this.#tenant = tenant;
    this.untilMs = nowMs + pool.settings.retries.totalMs;
  }

  get claims(): ConnectionClaims | undefined {
    return this.ledger.claims;
  }

  ask(nowMs: number): void {
    const isAnyUnknown = this.#unknown.length > 0;
    const tried = isAnyUnknown ? [...this.#tried, ...this.#unknown] : this.#tried;
    if (tried.length > MOST_TRIED) {
      if (isAnyUnknown) this.#waitForTable(nowMs);
      else this.#tenant.refused(this.lastFailure);
      return;
    }
    const { hash, route, home } = this.asks;
    const answer = this.ledger.checkout(nowMs, tried, this, hash, route.key, home);
    if (typeof answer !== 'string') this.#hold(answer, nowMs);
    else if (answer === 'queued') this.#wait(nowMs);
    else if (answer === 'exhausted' && isAnyUnknown) this.#waitForTable(nowMs);
    else if (answer === 'no_backends' && this.#isAsleep()) this.#tenant.asleep();
    else this.#tenant.refused(this.#refusal(answer));
  }

  /** The pool has backends in the table, but no ledger any more. */
  #isAsleep(): boolean {
    const { ledger, backends, key } = this.pool;
    return ledger === undefined && backends.size > 0 && this.context.ledger.pool(key) === undefined;
  }

  /** Whether attempts and time allow another attempt. */
  hasAttemptsLeft(nowMs: number): boolean {
    return this.attempts < this.pool.settings.retries.attempts && nowMs < this.untilMs;
  }

  /** Whether the pool has a backend, up but perhaps out at present, that this request was not sent to. */
  get hasUntried(): boolean {
    for (const { key, settings } of this.pool.backends.values())
      if (settings.state === 'up' && !this.#hasTried(key)) return true;
    return false;
  }

  #hasTried(key: number): boolean {
    return key === this.backendKey || this.earlier.some((e) => e.backendKey === key && e.end !== 'unused');
  }

  /** An attempt on the leased backend failed: asks for another, if attempts and time allow. */
  nextAttempt(
    backendKey: number,
    failure: OutcomeType,
    nowMs: number,
    end: LeaseEnd = 'connect_failed',
  ): void {
    this.#failed(backendKey, failure);
    this.giveBack(end);
    this.#goOn(failure, nowMs);
  }

  /** Like `nextAttempt`, but the lease is held until its connection has closed; `keep` receives the function that returns it. */
  nextAttemptApart(
    backendKey: number,
    failure: OutcomeType,
    nowMs: number,
    end: LeaseEnd,
    keep: (giveBack: () => void) => void,
  ): void {
    this.#failed(backendKey, failure);
    keep(this.part(end));
    this.#goOn(failure, nowMs);
  }

  #failed(backendKey: number, failure: OutcomeType): void {
    this.lastFailure = failure;
    this.ledToNothing(failure);
    this.#remember(backendKey);
  }

  #goOn(failure: OutcomeType, nowMs: number): void {
    if (this.hasAttemptsLeft(nowMs)) this.ask(nowMs);
    else this.#tenant.refused(failure);
  }

  /**
   * Replaces the leased backend by another one, if one is free without waiting. The first lease is held until its
   * connection has closed.
   */
  replaceLease(backendKey: number, nowMs: number, keep: (giveBack: () => void) => void): boolean {
    const tried = [...this.#tried, backendKey];
    if (tried.length > MOST_TRIED) return false;
    const { hash, route, home } = this.asks;
    let answer = this.ledger.checkout(nowMs, tried, this, hash, route.key, home) as
      | ReturnType<PoolLedger['checkout']>
      | Wait;
    if (answer === 'queued') answer = this.ledger.leave(this, nowMs);
    if (typeof answer === 'string') return false;
    const backend = this.#backendOf(answer, nowMs);
    if (backend === undefined) {
      this.decline(answer, nowMs);
      return false;
    }
    this.ledToNothing('responded');
    this.#tried = tried;
    keep(this.part('finished'));
    this.#take(answer, nowMs);
    this.#lead(backend);
    return true;
  }

  /** Ends the wait; a lease that was granted meanwhile comes too late and is returned. */
  leave(nowMs: number): Wait {
    if (this.#unknown.length > 0) this.context.tableWaiters.delete(this);
    if (this.place === 0) return 'busy';
    const left = this.ledger.leave(this, nowMs);
    this.#waited(nowMs);
    if (typeof left === 'string') return left;
    this.held = left;
    this.note(left, nowMs);
    this.ledToNothing('unused');
    this.context.counters.checkouts++;
    this.giveBack('unused');
    return 'busy';
  }

  /** Ends the wait; returns why it was in vain. */
  giveUp(nowMs: number): OutcomeType {
    if (this.place === 0 && this.#unknown.length > 0) {
      this.leave(nowMs);
      return 'owner_unavailable';
    }
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

  /** How many connects to the backend held failed in a row, over all workers. */
  connectFailed(): number {
    return this.held === undefined ? 0 : this.ledger.connectFailed(this.held);
  }

  connectMade(): void {
    if (this.held !== undefined) this.ledger.connectMade(this.held);
  }

  /** Quarantines the backend for all workers, at once. True: it was in no quarantine before. */
  quarantine(backendKey: number, nowMs: number, untilMs: number): boolean {
    return this.ledger.quarantine(backendKey, nowMs, untilMs);
  }

  /** Of Waiter: called by the ledger, possibly during another request's call. */
  granted(lease: Lease): void {
    const nowMs = this.context.now();
    this.#waited(nowMs);
    try {
      this.#hold(lease, nowMs);
    } catch (error) {
      this.#tenant.crashed(error);
    }
  }

  /** Of Waiter. */
  refused(reason: 'no_backends'): void {
    this.#waited(this.context.now());
    try {
      this.#tenant.refused(reason);
    } catch (error) {
      this.#tenant.crashed(error);
    }
  }

  #hold(lease: Lease, nowMs: number): void {
    this.#take(lease, nowMs);
    const backend = this.#backendOf(lease, nowMs);
    if (backend === undefined) this.#skip(lease.backendKey);
    else this.#lead(backend);
  }

  #take(lease: Lease, nowMs: number): void {
    this.held = lease;
    this.note(lease, nowMs);
    this.context.counters.checkouts++;
  }

  #backendOf({ backendKey }: Lease, nowMs: number): BackendRoute | undefined {
    // The backend may have joined the pool, or moved, since the table was last read: fence, so that its address is the
    // present one.
    this.context.table.fence();
    const backend = this.pool.backends.get(backendKey);
    // Granted before its drain began, but delivered too late.
    const isOver = backend?.cutAtMs !== undefined && backend.cutAtMs <= nowMs;
    return isOver ? undefined : backend;
  }

  #lead(backend: BackendRoute): void {
    this.attempts++;
    this.#hasWaitedForTable = false;
    this.#tenant.leased(backend);
  }

  /** The granted backend is not in the table: returns the lease and asks again. */
  #skip(backendKey: number): void {
    if (this.pool.ledger === undefined) this.#unknown = [...this.#unknown, backendKey];
    this.ledToNothing('unused');
    this.giveBack('unused');
    this.ask(this.context.now());
  }

  /** A ledger of the pool's own remembers itself what it granted. */
  #remember(backendKey: number): void {
    if (this.pool.ledger === undefined) this.#tried = [...this.#tried, backendKey];
  }

  #wait(nowMs: number): void {
    this.#waitingSinceMs = nowMs;
    // A ledger of the pool's own has no quarantine that could end.
    if (this.pool.ledger === undefined) this.context.waits.joined(this.ledger);
    this.#tenant.waits(Math.min(nowMs + this.pool.settings.queue.maxWaitMs, this.untilMs));
  }

  /** A backend is available as soon as ledger and table agree. */
  #waitForTable(nowMs: number): void {
    if (!this.#hasWaitedForTable)
      this.#tenant.waits(Math.min(nowMs + this.pool.settings.queue.maxWaitMs, this.untilMs));
    this.#hasWaitedForTable = true;
    this.#waitingSinceMs = nowMs;
    this.context.tableWaiters.add(this);
  }

  /** Of TableWaiter. */
  askAgain(): void {
    this.#unknown = NONE_TRIED;
    const nowMs = this.context.now();
    this.#addWait(nowMs);
    try {
      this.ask(nowMs);
    } catch (error) {
      this.#tenant.crashed(error);
    }
  }

  #waited(nowMs: number): void {
    if (this.pool.ledger === undefined) this.context.waits.left(this.ledger);
    this.#addWait(nowMs);
  }

  #addWait(nowMs: number): void {
    this.waitedMs = Math.max(0, this.waitedMs) + nowMs - this.#waitingSinceMs;
  }

  #refusal(refusal: Refusal): OutcomeType {
    return refusal === 'exhausted' ? this.lastFailure : refusal;
  }
}
