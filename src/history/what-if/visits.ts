/**
 * The requests that a simulated pool serves, and what becomes of them.
 *
 *   ask ─┬─▶ lent, where it is recorded to have been ─▶ back, and perhaps asks again, as recorded
 *        ├─▶ lent elsewhere ─▶ back as is assumed ─▶ asks again, as its pool's settings have it
 *        └─▶ queued ─▶ granted, or tired
 */
import assert from 'node:assert/strict';
import type { Lease, LeaseEnd, PoolLedger, VirtualLedger } from '../../../actors/index.ts';
import { VirtualQueue } from '../../simulation/index.ts';
import type { Ask } from './ask.ts';
import { FailedConnects } from './failed-connects.ts';
import { patienceOf } from './patience.ts';
import type { RecordedTime } from './recorded-time.ts';
import { Retries } from './retries.ts';
import { latencyOf, type ServiceTimes } from './service-times.ts';
import { type Ending, endingOf, type Tally } from './tally.ts';
import type { Terms } from './terms.ts';
import { type Host, Visit } from './visit.ts';

export type VisitsOptions = {
  readonly key: number;
  readonly ledger: VirtualLedger;
  readonly time: RecordedTime;
  readonly terms: Terms;
  readonly services: ServiceTimes;
  readonly tally: Tally;
  /** When the record ends. */
  readonly endMs: number;
};

export class Visits implements Host {
  /** Services that are assumed, and attempts that are assumed to have failed. */
  assumed = 0;
  readonly #options: VisitsOptions;
  readonly #time: RecordedTime;
  readonly #terms: Terms;
  readonly #queue = new VirtualQueue<Visit>({
    tired: (atMs, visit, wait) => this.#time.plan(atMs, () => this.#tired(visit, wait, atMs)),
    expiry: (atMs, pool) => this.#time.plan(atMs, () => this.#queue.expire(pool, atMs)),
  });
  readonly #retries = new Retries();
  readonly #connects = new FailedConnects();
  readonly #visits = new Map<number, Set<Visit>>();

  constructor(options: VisitsOptions) {
    this.#options = options;
    this.#time = options.time;
    this.#terms = options.terms;
  }

  arrive(ask: Ask): void {
    this.#asks(new Visit(this, ask, this.#time.nowMs));
  }

  /** It already waits in the ledger. */
  resume(visit: Visit): void {
    const { thread } = visit.asked;
    this.#visitsOf(thread).add(visit);
    visit.pool = this.#pool(thread);
    this.#waits(visit);
  }

  /** Ends what is still in progress. */
  end(): void {
    for (const thread of [...this.#visits.keys()]) this.lose(thread);
  }

  lent(visit: Visit, lease: Lease): void {
    const nowMs = this.#time.nowMs;
    if (visit.wait !== 0) {
      visit.waitedMs += nowMs - visit.askedMs;
      this.#queue.end(visit);
    }
    visit.isRetry = false;
    visit.held.set(lease, { sinceMs: nowMs, pool: visit.pool });
    visit.last = lease;
    visit.leases += 1;
    this.#options.tally.lent(lease.backendKey);
    const { lent } = visit.ask;
    if (!visit.isBeyond && lent?.backendKey === lease.backendKey) this.#asRecorded(visit, lease);
    else this.#assumed(visit, lease);
  }

  refused(visit: Visit): void {
    this.#queue.end(visit);
    this.#over(visit, { type: 'refused', refusal: 'no_backends' });
  }

  /** Does nothing if that wait is over. */
  #tired(visit: Visit, wait: number, nowMs: number): void {
    if (visit.wait !== wait) return;
    this.#queue.end(visit);
    const why = this.#pool(visit.asked.thread)?.leave(visit, nowMs);
    assert(typeof why === 'string', 'expected a waiter that had not been granted anything');
    visit.waitedMs += this.#time.nowMs - visit.askedMs;
    if (visit.isBeyond || visit.ask.left === undefined) this.#time.differs();
    const isInVain = this.#time.nowMs === visit.askedMs && visit.leases > 0;
    if (isInVain || (why === 'exhausted' && visit.leases > 0)) this.#inVain(visit);
    else this.#over(visit, { type: 'gave_up' });
  }

  /** It was lent the backend that is recorded, so what follows is recorded too. */
  #asRecorded(visit: Visit, lease: Lease): void {
    const { ask } = visit;
    const { lent, back, next } = ask;
    const shiftMs = this.#time.nowMs - (lent as NonNullable<typeof lent>).place.atMs;
    if (shiftMs !== 0) this.#time.differs();
    const askNext =
      next === undefined
        ? undefined
        : () => this.#time.at(next.place, shiftMs, () => this.#again(visit, next));
    const isOtherwise = this.#terms.areRetriesAltered && !this.#goesElsewhere(visit);
    // Without `back` it was still out at the end, or lost with its thread.
    if (back !== undefined) {
      const latencyMs =
        back.latencyMs < 0 && this.#terms.isAltered ? latencyOf(back.end, ask.heldMs ?? 0) : back.latencyMs;
      this.#time.at(back.place, shiftMs, () => {
        this.#giveBack(visit, lease, back.end, latencyMs);
        const isLastWord = visit.isInVain && visit.last === lease;
        if (isOtherwise) this.#goOn(visit, lease, back.end, askNext);
        else if (next === undefined || isLastWord) this.#over(visit, endingOf(back.end));
      });
    }
    if (!isOtherwise) askNext?.();
  }

  /** It asked for another backend while it held this one, and would do so in the simulation too. */
  #goesElsewhere(visit: Visit): boolean {
    const { back, next } = visit.ask;
    if (next === undefined || (back !== undefined && back.place.ticket < next.place.ticket)) return false;
    return this.#retries.allow(visit, 'listed_status', this.#time.toldMs, this.#terms.settings);
  }

  #again(visit: Visit, next: Ask): void {
    if (visit.isLost) return;
    visit.ask = next;
    visit.asked = next.asked;
    this.#asks(visit);
  }

  #assumed(visit: Visit, lease: Lease): void {
    this.#time.differs();
    this.assumed += 1;
    const { services } = this.#options;
    const { heldMs, end } = services.assumed(visit.own, lease.backendKey, this.#time.nowMs);
    this.#time.after(heldMs, () => this.#assumedBack(visit, lease, end, heldMs));
  }

  #assumedBack(visit: Visit, lease: Lease, end: LeaseEnd, heldMs: number): void {
    if (visit.isLost) return;
    this.#giveBack(visit, lease, end, latencyOf(end, heldMs));
    if (end === 'connect_failed') this.#quarantine(visit, lease.backendKey);
    this.#goOn(visit, lease, end);
  }

  /** Asks again if the pool's settings allow it; otherwise the request ends. `ask`: as recorded. */
  #goOn(visit: Visit, lease: Lease, end: LeaseEnd, ask?: () => void): void {
    if (visit.isLost || visit.isOver) return;
    const ending = endingOf(end);
    if (
      ending.type !== 'failed' ||
      !this.#retries.allow(visit, end, this.#time.toldMs, this.#terms.settings)
    ) {
      this.#over(visit, ending);
      return;
    }
    if (ask !== undefined) {
      ask();
      return;
    }
    visit.isBeyond = true;
    visit.isHasty = end === 'server_error' || end === 'listed_status';
    visit.asked = { ...visit.asked, tried: [...visit.asked.tried, lease.backendKey] };
    this.#asks(visit);
  }

  #asks(visit: Visit): void {
    const { thread, tried, hash, route, wanted } = visit.asked;
    const pool = this.#pool(thread);
    visit.pool = pool;
    visit.askedMs = this.#time.nowMs;
    if (pool === undefined) {
      this.#refuse(visit, 'no_backends');
      return;
    }
    this.#visitsOf(thread).add(visit);
    const answer = pool.checkout(this.#time.toldMs, tried, visit, hash, route, wanted);
    if (typeof answer === 'object') {
      if (visit.ask.isQueued || visit.ask.lent === undefined) this.#time.differs();
      this.lent(visit, answer);
    } else if (answer === 'queued') this.#waits(visit);
    else this.#refuse(visit, answer);
    this.#lookForExpiry();
  }

  #refuse(visit: Visit, refusal: Extract<Ending, { type: 'refused' }>['refusal']): void {
    if (visit.isBeyond || visit.ask.refusal !== refusal) this.#time.differs();
    if (refusal === 'exhausted' && visit.leases > 0) this.#inVain(visit);
    else this.#over(visit, { type: 'refused', refusal });
  }

  #waits(visit: Visit): void {
    const { ask } = visit;
    if (visit.isBeyond || !ask.isQueued) this.#time.differs();
    visit.isQueued = true;
    const nowMs = this.#time.nowMs;
    const patience = patienceOf(visit, this.#terms, nowMs, this.#options.endMs);
    if (patience.type === 'limited') {
      this.#queue.begin(visit, nowMs + patience.ms);
      return;
    }
    this.#queue.begin(visit, Number.POSITIVE_INFINITY);
    const { wait } = visit;
    const shiftMs = nowMs - ask.place.atMs;
    this.#time.at(patience.left.place, shiftMs, () => this.#tired(visit, wait, this.#time.toldMs));
  }

  #giveBack(visit: Visit, lease: Lease, end: LeaseEnd, latencyMs: number): void {
    const held = visit.held.get(lease);
    if (visit.isLost || held === undefined) return;
    const { sinceMs, pool } = held;
    visit.held.delete(lease);
    visit.lastEnd = end;
    this.#connects.ended(lease.backendKey, end);
    this.#options.tally.back(lease.backendKey, this.#time.nowMs - sinceMs, end);
    pool?.checkin(lease, this.#time.toldMs, end, latencyMs);
    this.#lookForExpiry();
    if (visit.isOver) this.#forget(visit);
  }

  #quarantine(visit: Visit, backendKey: number): void {
    const { passive } = this.#terms.settings.health;
    const { thread } = visit.asked;
    if (passive === false || this.#connects.inRow(backendKey) < passive.connectFailures) return;
    const untilMs = Math.ceil(this.#time.toldMs + passive.quarantineMs);
    this.#pool(thread)?.quarantine(backendKey, this.#time.toldMs, untilMs);
  }

  /**
   * Nothing else was free: the end of its previous lease decides, and until that lease is back the request is not over.
   */
  #inVain(visit: Visit): void {
    if (visit.last !== undefined && visit.held.has(visit.last)) visit.isInVain = true;
    else this.#over(visit, visit.lastWord);
  }

  #over(visit: Visit, ending: Ending): void {
    if (visit.isOver) return;
    visit.isOver = true;
    this.#retries.ended(visit);
    this.#forget(visit);
    const timeMs = this.#time.nowMs - visit.sinceMs;
    this.#options.tally.over(ending, visit.waitedMs, visit.isQueued, timeMs, visit.leases);
  }

  /** As long as it holds a lease, it belongs to its thread. */
  #forget(visit: Visit): void {
    if (visit.held.size === 0) this.#visits.get(visit.asked.thread)?.delete(visit);
  }

  /** The requests of this thread are gone without a response. */
  lose(thread: number): void {
    for (const visit of this.#visitsOf(thread)) {
      visit.isLost = true;
      this.#queue.end(visit);
      const atMs = Math.min(this.#time.nowMs, this.#options.endMs);
      for (const [{ backendKey }, { sinceMs }] of visit.held)
        this.#options.tally.back(backendKey, Math.max(0, atMs - sinceMs), undefined);
      visit.held.clear();
      this.#over(visit, { type: 'unfinished' });
    }
    this.#visits.delete(thread);
  }

  /** For the main thread: the one that asked, or gave back, may be gone by then, and its mail is another's. */
  #lookForExpiry(): void {
    const pool = this.#terms.isAltered ? this.#pool(0) : undefined;
    if (pool !== undefined) this.#queue.lookForExpiry(pool, this.#time.nowMs);
  }

  #visitsOf(thread: number): Set<Visit> {
    const known = this.#visits.get(thread);
    if (known !== undefined) return known;
    const fresh = new Set<Visit>();
    this.#visits.set(thread, fresh);
    return fresh;
  }

  #pool(thread: number): PoolLedger | undefined {
    return this.#options.ledger.ofThread(thread).pool(this.#options.key);
  }
}
