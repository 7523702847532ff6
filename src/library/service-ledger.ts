/**
 * The ledger of one request in an embedding program: its services come from the program. It asks, waits, and ensures
 * that every service that checkout gave is checked in exactly once, even if the request ended while the program was
 * still deciding.
 *
 *   checkout asked ─▶ service held ─▶ backendOf asked ─▶ granted ─▶ checked in
 *        │ left: then what comes is checked in when it comes   ▲
 *        ▼                │ left or failed ────────────────────┘
 */
import {
  type Checkout,
  type HealthChange,
  type Lease,
  type LeaseEnd,
  NO_CHANGES,
  type PoolLedger,
  type PoolStats,
  type Wait,
  type Waiter,
} from '../../actors/index.ts';
import type { BackendRoute, Delegated } from '../proxy/index.ts';
import type { BackendBook } from './backend-book.ts';
import type { Backend, CheckinPhase, Decisions, Reason } from './decisions.ts';
import type { RequestFacts } from './incoming-request.ts';
import { isRefusal, type Refusal } from './refusals.ts';

/** The request that the ledger belongs to. */
export interface LedgerOwner<Domain, State> {
  readonly exchange: Delegated;
  readonly facts: RequestFacts<State>;
  readonly domain: NonNullable<Domain>;
  refused(refusal: Refusal): void;
  /** A callback threw, rejected, or returned an invalid value: the request ends. */
  failed(callback: string, error: unknown): void;
  /** The same, but too late to end the request. */
  reported(callback: string, error: unknown): void;
  /** Why the request ended, undefined if it has not. */
  reason(): Reason | undefined;
  /** A service was checked in. */
  rested(): void;
}

const NO_POOL: PoolStats = { waiting: 0, refused: 0, rows: [] };

export class ServiceLedger<Domain, Service, State> implements PoolLedger {
  readonly key = 0;
  /** The one backend available now. */
  readonly backends = new Map<number, BackendRoute>();
  readonly #owner: LedgerOwner<Domain, State>;
  readonly #decisions: Decisions<Domain, Service, State>;
  readonly #book: BackendBook;
  #held: { readonly service: Service } | undefined;
  #phase: CheckinPhase = 'checkout';
  #checkedIn: Promise<void> | undefined;
  /** Changes with every checkout and every leave; an answer for an older turn comes too late. */
  #turn = 0;
  attempts = 0;

  constructor(
    owner: LedgerOwner<Domain, State>,
    decisions: Decisions<Domain, Service, State>,
    book: BackendBook,
  ) {
    this.#owner = owner;
    this.#decisions = decisions;
    this.#book = book;
  }

  get isResting(): boolean {
    return this.#held === undefined;
  }

  /** The connection is established. */
  connected(): void {
    this.#phase = 'connected';
  }

  checkout(_nowMs: number, _tried: readonly number[], waiter: Waiter): Checkout {
    waiter.place = 1;
    this.attempts++;
    void this.#obtain(waiter, ++this.#turn);
    return 'queued';
  }

  async #obtain(waiter: Waiter, turn: number): Promise<void> {
    let callback = 'checkout';
    try {
      await this.#checkedIn;
      if (turn !== this.#turn) return;
      const service = await this.#checkout(turn);
      if (service === undefined) return;
      if (this.#decisions.backendOf !== undefined) callback = 'backendOf';
      const backend = await this.#backendOf(service.service);
      if (turn === this.#turn) this.#grant(waiter, turn, backend);
    } catch (error) {
      if (turn === this.#turn) this.#owner.failed(callback, error);
      else this.#owner.reported(callback, error);
    }
  }

  /** Undefined: there is no service, and nothing is left to do. */
  async #checkout(turn: number): Promise<{ readonly service: Service } | undefined> {
    const { domain, facts } = this.#owner;
    const asked = this.#decisions.checkout(domain, facts, this.attempts);
    const answer = (await asked) as Service | Refusal | undefined;
    if (answer === null) throw new TypeError('expected a service, a refusal or undefined, found null');
    const isLate = turn !== this.#turn;
    if (answer === undefined || isRefusal(answer)) {
      if (!isLate) this.#owner.refused((answer as Refusal | undefined) ?? { refuse: 'no_backends' });
      return undefined;
    }
    if (isLate) {
      this.#return(answer, 'checkout', this.#owner.reason() ?? 'queue_timeout');
      return undefined;
    }
    this.#phase = 'checkout';
    this.#held = { service: answer };
    return this.#held;
  }

  async #backendOf(service: Service): Promise<BackendRoute> {
    const isOwnAddress = this.#decisions.backendOf === undefined;
    const asked = isOwnAddress ? service : this.#decisions.backendOf?.(service, this.#owner.facts);
    return this.#book.routeTo((await asked) as Backend);
  }

  #grant(waiter: Waiter, turn: number, backend: BackendRoute): void {
    this.backends.clear();
    this.backends.set(turn, backend);
    this.#phase = 'connecting';
    waiter.place = 0;
    waiter.granted({ poolKey: 0, backendKey: turn, epoch: 0, ticket: turn, row: 0, route: 0, open: true });
  }

  checkin(lease: Lease, _nowMs: number, end: LeaseEnd): readonly HealthChange[] {
    if (!lease.open) return NO_CHANGES;
    lease.open = false;
    this.#giveBack(this.#owner.reason() ?? (end === 'connect_failed' ? this.#failure : 'internal_error'));
    return NO_CHANGES;
  }

  /** The program checks its services itself. */
  probed(): void {}

  get #failure(): Reason {
    return this.#owner.exchange.tenancy?.lastFailure ?? 'connect_refused';
  }

  leave(waiter: Waiter): Lease | Wait {
    waiter.place = 0;
    this.#turn++;
    this.#giveBack(this.#owner.reason() ?? 'queue_timeout');
    return 'busy';
  }

  #giveBack(end: Reason | 'normal'): void {
    const held = this.#held;
    if (held === undefined) return;
    this.#held = undefined;
    this.#return(held.service, this.#phase, end);
    this.#owner.rested();
  }

  #return(service: Service, phase: CheckinPhase, end: Reason | 'normal'): void {
    this.#checkedIn = this.#checkin(service, phase, end);
  }

  async #checkin(service: Service, phase: CheckinPhase, end: Reason | 'normal'): Promise<void> {
    const { domain, facts } = this.#owner;
    try {
      await this.#decisions.checkin?.(domain, service, phase, end, facts);
    } catch (error) {
      this.#owner.reported('checkin', error);
    }
  }

  // ---- what only a shared ledger has

  connectFailed(): number {
    return 0;
  }

  connectMade(): void {}

  quarantine(): boolean {
    return false;
  }

  expire(): void {}

  nextExpiryMs(): number {
    return 0;
  }

  stats(): PoolStats {
    return NO_POOL;
  }
}
