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
import type { Asker } from './unsettled.ts';

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

const NONE_TRIED: readonly number[] = Object.freeze([]);
// 16: what the ledger takes.
const MOST_TRIED = 16;

export class Tenancy extends HeldLease implements Waiter, Asker {
  place = 0;
  readonly #tenant: Tenant;
  #tried: readonly number[] = NONE_TRIED;
  /** Granted, and not in the table. */
  #unknown: readonly number[] = NONE_TRIED;
  #waitingSinceMs = -1;
  /** It has had to wait until the table agrees with the ledger. */
  #isUnsettled = false;
  /** When connecting must have succeeded, whatever is tried. */
  readonly untilMs: number;
  /** How the last attempt failed; what a request ends with when all were tried. */
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

  /** It has backends, as far as is known, and no ledger any more. */
  #isAsleep(): boolean {
    const { ledger, backends, key } = this.pool;
    return ledger === undefined && backends.size > 0 && this.context.ledger.pool(key) === undefined;
  }

  /** The next attempt would be within the bounds, as far as attempts and time go. */
  mayTryAgain(nowMs: number): boolean {
    return this.attempts < this.pool.settings.retries.attempts && nowMs < this.untilMs;
  }

  /** An attempt on the leased backend failed: another is asked for, if there is time and leave. */
  again(backendKey: number, failure: OutcomeType, nowMs: number, end: LeaseEnd = 'connect_failed'): void {
    this.#failed(backendKey, failure);
    this.giveBack(end);
    this.#goOn(failure, nowMs);
  }

  /** As `again`, but the present lease stays out until its connection has closed: `keep` is handed how it is given back. */
  againApart(
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
    if (this.mayTryAgain(nowMs)) this.ask(nowMs);
    else this.#tenant.refused(failure);
  }

  /**
   * Another backend in the place of the leased one, if one is free at this moment, as far as nobody need wait for it. The lease
   * on the first stays out until its connection has closed.
   */
  elsewhere(backendKey: number, nowMs: number, keep: (giveBack: () => void) => void): boolean {
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

  /** The wait is over without a lease, or with one that comes too late. */
  leave(nowMs: number): Wait {
    if (this.#unknown.length > 0) this.context.unsettled.delete(this);
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

  /** Why waiting was in vain. */
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

  /** For everybody, at once. True: it was in none before. */
  quarantine(backendKey: number, nowMs: number, untilMs: number): boolean {
    return this.ledger.quarantine(backendKey, nowMs, untilMs);
  }

  /** Of Waiter: called by the ledger, perhaps while it serves somebody else's call. */
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
    // What was given since the table was looked at may have joined the pool meanwhile, or have moved: the ledger gives nothing new before
    // it is published.
    this.context.table.fence();
    const backend = this.pool.backends.get(backendKey);
    // Granted before its drain began, and told too late.
    const isOver = backend?.cutAtMs !== undefined && backend.cutAtMs <= nowMs;
    return isOver ? undefined : backend;
  }

  #lead(backend: BackendRoute): void {
    this.attempts++;
    this.#tenant.leased(backend);
  }

  /** Removed from the view since it was granted: nobody may be sent there any more. */
  #skip(backendKey: number): void {
    if (this.pool.ledger === undefined) this.#unknown = [...this.#unknown, backendKey];
    this.ledToNothing('unused');
    this.giveBack('unused');
    this.ask(this.context.now());
  }

  /** A ledger of the pool's own knows itself what it gave. */
  #remember(backendKey: number): void {
    if (this.pool.ledger === undefined) this.#tried = [...this.#tried, backendKey];
  }

  #wait(nowMs: number): void {
    this.#waitingSinceMs = nowMs;
    // A ledger of the pool's own has no quarantine whose end could be waited for.
    if (this.pool.ledger === undefined) this.context.waits.joined(this.ledger);
    this.#tenant.waits(Math.min(nowMs + this.pool.settings.queue.maxWaitMs, this.untilMs));
  }

  /** There is a backend for it, as soon as ledger and table agree. */
  #waitForTable(nowMs: number): void {
    if (!this.#isUnsettled)
      this.#tenant.waits(Math.min(nowMs + this.pool.settings.queue.maxWaitMs, this.untilMs));
    this.#isUnsettled = true;
    this.#waitingSinceMs = nowMs;
    this.context.unsettled.add(this);
  }

  /** Of Asker. */
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
