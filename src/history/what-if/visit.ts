/** One simulated request of a pool, from its first ask to its end: as recorded, as long as that fits. */
import type { Lease, LeaseEnd, PoolLedger, Waiter } from '../../../actors/index.ts';
import type { Waits } from '../../simulation/index.ts';
import { type Ask, type Asked, wasServed } from './ask.ts';
import { type Ending, endingOf } from './tally.ts';

export interface Host {
  lent(visit: Visit, lease: Lease): void;
  refused(visit: Visit): void;
}

type Held = { readonly sinceMs: number; readonly pool: PoolLedger | undefined };

export class Visit implements Waiter, Waits {
  place = 0;
  wait = 0;
  /** The recorded ask at this point. */
  ask: Ask;
  /** The present ask; it differs from the record once the request took another way. */
  asked: Asked;
  /** It asked again where the record has nothing more. */
  isBeyond = false;
  /** It took a retry from its thread's budget and has not been lent another backend yet. */
  isRetry = false;
  /** It would leave rather than wait. */
  isHasty = false;
  /** Its thread has been replaced since. */
  isLost = false;
  readonly sinceMs: number;
  askedMs: number;
  waitedMs = 0;
  isQueued = false;
  leases = 0;
  /** The ledger that it asks: one that is dropped meanwhile still takes its leases back. */
  pool: PoolLedger | undefined;
  /** Its leases: two at once while it tries another backend. */
  readonly held = new Map<Lease, Held>();
  /** The last lease it was given. */
  last: Lease | undefined;
  /** It asked for another backend while it held that lease, and found none. */
  isInVain = false;
  lastEnd: LeaseEnd | undefined;
  /** It has been counted. */
  isOver = false;
  readonly #host: Host;

  constructor(host: Host, ask: Ask, nowMs: number) {
    this.#host = host;
    this.ask = ask;
    this.asked = ask.asked;
    this.sinceMs = nowMs;
    this.askedMs = nowMs;
  }

  granted(lease: Lease): void {
    this.#host.lent(this, lease);
  }

  refused(): void {
    this.#host.refused(this);
  }

  /** The end of the previous lease. */
  get lastWord(): Ending {
    const end = this.isBeyond ? this.lastEnd : this.ask.before?.back?.end;
    return end === undefined ? { type: 'unfinished' } : endingOf(end);
  }

  /** The recorded ask that tells best how long it takes to be served. */
  get own(): Ask | undefined {
    let last = this.ask;
    while (last.next !== undefined) last = last.next;
    for (let ask: Ask | undefined = last; ask !== undefined; ask = ask.before)
      if (ask.back !== undefined && wasServed(ask.back.end)) return ask;
    return this.ask.lent === undefined ? this.ask.before : this.ask;
  }
}
