/** One simulated request of a pool, from its first ask to its end: as recorded, as long as that fits. */
import type { Lease, LeaseEnd, Waiter } from '../../../actors/index.ts';
import type { Waits } from '../../simulation/index.ts';
import { type Ask, type Asked, wasServed } from './ask.ts';
import { type Ending, endingOf } from './tally.ts';

export interface Host {
  lent(visit: Visit, lease: Lease): void;
  refused(visit: Visit): void;
}

export class Visit implements Waiter, Waits {
  place = 0;
  wait = 0;
  /** What is recorded of it at this point. */
  ask: Ask;
  /** As it asks now; another than recorded once it went another way. */
  asked: Asked;
  /** It asked again where nothing is recorded of it. */
  isBeyond = false;
  /** It has one of its thread's budget, and has not been lent another backend yet. */
  isRetry = false;
  /** It would leave, not wait. */
  isHasty = false;
  /** The thread it is on is another one since. */
  isLost = false;
  readonly sinceMs: number;
  askedMs: number;
  waitedMs = 0;
  isQueued = false;
  leases = 0;
  /** What it has, and since when: two at once, while it goes elsewhere. */
  readonly held = new Map<Lease, number>();
  /** What it was lent last. */
  last: Lease | undefined;
  /** It asked elsewhere while it had that, and found nothing. */
  isInVain = false;
  lastEnd: LeaseEnd | undefined;
  /** It is counted. */
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

  /** Of the backend before. */
  get lastWord(): Ending {
    const end = this.isBeyond ? this.lastEnd : this.ask.before?.back?.end;
    return end === undefined ? { type: 'unfinished' } : endingOf(end);
  }

  /** What is recorded of it that tells best how long it takes to be served. */
  get own(): Ask | undefined {
    let last = this.ask;
    while (last.next !== undefined) last = last.next;
    for (let ask: Ask | undefined = last; ask !== undefined; ask = ask.before)
      if (ask.back !== undefined && wasServed(ask.back.end)) return ask;
    return this.ask.lent === undefined ? this.ask.before : this.ask;
  }
}
