/**
 * A recorded pool once more under virtual time: the same asks at the same moments, in the router's own ledger, queue and policies,
 * set otherwise. Whatever goes as it is recorded takes as long as is recorded, to the ticket; so a simulation in which nothing is
 * otherwise is the record.
 *
 *   ask ─┬─▶ lent, where it is recorded to have been ─▶ back, and perhaps asks again, as recorded
 *        ├─▶ lent elsewhere ─▶ back as is assumed ─▶ asks again, as its pool's settings have it
 *        └─▶ queued ─▶ granted, or tired
 */
import assert from 'node:assert/strict';
import {
  definitionOf,
  keyOf,
  type Lease,
  type LeaseEnd,
  type PoolLedger,
  type PoolState,
  rowsOf,
  VirtualLedger,
} from '../../../actors/index.ts';
import { completePool, type JournalledCheckpoint, type PoolSettings } from '../../../eventlog/index.ts';
import { RetryBudget } from '../../proxy/index.ts';
import { VirtualQueue, VirtualTime } from '../../simulation/index.ts';
import type { Ask, Place } from './ask.ts';
import type { PoolStates } from './pool-states.ts';
import type { Outside, Recording } from './recording.ts';
import type { ServiceTimes } from './service-times.ts';
import { type Ending, endingOf, type Tally } from './tally.ts';
import { type Host, Visit } from './visit.ts';

export type SimulatedPoolOptions = {
  readonly pool: string;
  readonly recording: Recording;
  /** Undefined: from the ledger's own beginning. */
  readonly from: JournalledCheckpoint | undefined;
  readonly states: PoolStates;
  readonly services: ServiceTimes;
  readonly tally: Tally;
};

// No request tries more backends; the ledger takes no more.
const MOST_TRIED = 16;
const SEED = 1;
const PAGE = 1000;
// It ends with what is recorded: what is then under way is unfinished on both sides.
const JUST_MS = 0.001;
const UNSET = completePool({});

export class SimulatedPool implements Host {
  /** When something first went otherwise than recorded; undefined: nothing did. */
  differsFromMs: number | undefined;
  /** Services that are assumed, and attempts of which the assumption is that they failed. */
  assumed = 0;
  readonly #key: number;
  readonly #options: SimulatedPoolOptions;
  readonly #ledger = new VirtualLedger();
  readonly #time = new VirtualTime();
  readonly #queue = new VirtualQueue<Visit>({
    tired: (atMs, visit, wait) => this.#time.at(atMs, () => this.#tired(visit, wait, atMs)),
    expiry: (atMs, pool) => this.#time.at(atMs, () => this.#queue.expire(pool, atMs)),
  });
  readonly #budgets = new Map<number, RetryBudget>();
  readonly #visits = new Map<number, Set<Visit>>();
  #settings: PoolSettings = UNSET;
  /** The recorded pool's. */
  #recordedWaitMs = UNSET.queue.maxWaitMs;
  #isAltered = false;
  #ended = 0;
  /** What the ledger is told. */
  #nowMs = 0;
  #defining: Promise<void> | undefined;

  constructor(options: SimulatedPoolOptions) {
    this.#options = options;
    this.#key = keyOf(options.pool);
  }

  /** Yields now and then, with how many requests are through. */
  async *run(): AsyncGenerator<number> {
    const { recording, from } = this.#options;
    if (from !== undefined) await this.#begin(from);
    for (const outside of recording.outside) this.#at(outside.place, 0, () => this.#happen(outside));
    const { asks } = recording;
    const arrivals = asks.filter((ask) => ask.before === undefined && !this.#isBegun(ask));
    let next = 0;
    do {
      const until = Math.min(next + PAGE, arrivals.length);
      for (; next < until; next++) this.#plan(arrivals[next] as Ask);
      await this.#pass(arrivals[next]?.place.atMs ?? recording.atMs + JUST_MS);
      yield next;
    } while (next < arrivals.length);
    this.#end();
  }

  async #pass(untilMs: number): Promise<void> {
    while (this.#time.nextMs < untilMs) {
      this.#time.pass();
      if (this.#defining === undefined) continue;
      await this.#defining;
      this.#defining = undefined;
    }
  }

  lent(visit: Visit, lease: Lease): void {
    const nowMs = this.#time.nowMs;
    if (visit.wait !== 0) {
      visit.waitedMs += nowMs - visit.askedMs;
      this.#queue.end(visit);
    }
    visit.held.set(lease, nowMs);
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

  /** Unless that wait is over. */
  #tired(visit: Visit, wait: number, nowMs: number): void {
    if (visit.wait !== wait) return;
    this.#queue.end(visit);
    const why = this.#pool(visit.asked.thread)?.leave(visit, nowMs);
    assert(typeof why === 'string', 'expected a waiter that had not been granted anything');
    visit.waitedMs += this.#time.nowMs - visit.askedMs;
    if (visit.isBeyond || visit.ask.left === undefined) this.#differs();
    const isInVain = this.#time.nowMs === visit.askedMs && visit.leases > 0;
    if (isInVain || (why === 'exhausted' && visit.leases > 0)) this.#inVain(visit);
    else this.#over(visit, { type: 'gave_up' });
  }

  /** It was lent what it is recorded to have been lent: what follows is recorded too. */
  #asRecorded(visit: Visit, lease: Lease): void {
    const { ask } = visit;
    const { lent, back, next } = ask;
    const shiftMs = this.#time.nowMs - (lent as NonNullable<typeof lent>).place.atMs;
    if (shiftMs !== 0) this.#differs();
    // It never came back: it was still out at the end, or lost with its thread.
    if (back !== undefined) {
      const latencyMs =
        back.latencyMs < 0 && this.#isAltered ? latencyOf(back.end, ask.heldMs ?? 0) : back.latencyMs;
      this.#at(back.place, shiftMs, () => {
        this.#giveBack(visit, lease, back.end, latencyMs);
        const isLastWord = visit.isInVain && visit.last === lease;
        if (next === undefined || isLastWord) this.#over(visit, endingOf(back.end));
      });
    }
    if (next !== undefined) this.#at(next.place, shiftMs, () => this.#again(visit, next));
  }

  #again(visit: Visit, next: Ask): void {
    if (visit.isLost) return;
    visit.ask = next;
    visit.asked = next.asked;
    this.#asks(visit);
  }

  #assumed(visit: Visit, lease: Lease): void {
    this.#differs();
    this.assumed += 1;
    const { services } = this.#options;
    const { heldMs, end } = services.assumed(visit.own, lease.backendKey, this.#time.nowMs);
    this.#after(heldMs, () => this.#assumedBack(visit, lease, end, heldMs));
  }

  #assumedBack(visit: Visit, lease: Lease, end: LeaseEnd, heldMs: number): void {
    if (visit.isLost) return;
    this.#giveBack(visit, lease, end, latencyOf(end, heldMs));
    const ending = endingOf(end);
    if (end === 'connect_failed') this.#quarantine(visit, lease.backendKey);
    if (ending.type !== 'failed' || !this.#mayRetry(visit, end)) {
      this.#over(visit, ending);
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
    visit.askedMs = this.#time.nowMs;
    if (pool === undefined) {
      this.#refuse(visit, 'no_backends');
      return;
    }
    this.#visitsOf(thread).add(visit);
    const answer = pool.checkout(this.#nowMs, tried, visit, hash, route, wanted);
    if (typeof answer === 'object') {
      if (visit.ask.isQueued || visit.ask.lent === undefined) this.#differs();
      this.lent(visit, answer);
    } else if (answer === 'queued') this.#waits(visit);
    else this.#refuse(visit, answer);
    if (this.#isAltered) this.#queue.lookForExpiry(pool, this.#time.nowMs);
  }

  #refuse(visit: Visit, refusal: Extract<Ending, { type: 'refused' }>['refusal']): void {
    if (visit.isBeyond || visit.ask.refusal !== refusal) this.#differs();
    if (refusal === 'exhausted' && visit.leases > 0) this.#inVain(visit);
    else this.#over(visit, { type: 'refused', refusal });
  }

  /** As long as it is recorded to have waited in vain, else as long as the pool lets it. */
  #waits(visit: Visit): void {
    const { ask } = visit;
    if (visit.isBeyond || !ask.isQueued) this.#differs();
    const nowMs = this.#time.nowMs;
    const maxWaitMs = visit.isHasty ? 0 : this.#settings.queue.maxWaitMs;
    visit.isQueued = true;
    const left = visit.isBeyond ? undefined : ask.left;
    if (left !== undefined) {
      const recordedMs = left.place.atMs - ask.place.atMs;
      const isTimeOut = recordedMs >= this.#recordedWaitMs && maxWaitMs !== this.#recordedWaitMs;
      const shiftMs = nowMs - ask.place.atMs;
      if (!isTimeOut) {
        this.#queue.begin(visit, Number.POSITIVE_INFINITY);
        const { wait } = visit;
        this.#at(left.place, shiftMs, () => this.#tired(visit, wait, this.#nowMs));
        return;
      }
    }
    // Timers of the router are late now and then; who is recorded to have been served was served in time.
    const recordedMs = visit.isBeyond || ask.lent === undefined ? 0 : ask.lent.place.atMs - ask.place.atMs;
    this.#queue.begin(visit, nowMs + Math.max(maxWaitMs, recordedMs + 1));
  }

  #giveBack(visit: Visit, lease: Lease, end: LeaseEnd, latencyMs: number): void {
    const sinceMs = visit.held.get(lease);
    if (visit.isLost || sinceMs === undefined) return;
    const pool = this.#pool(visit.asked.thread);
    visit.held.delete(lease);
    visit.lastEnd = end;
    this.#options.tally.back(lease.backendKey, this.#time.nowMs - sinceMs, end);
    pool?.checkin(lease, this.#nowMs, end, latencyMs);
    if (this.#isAltered && pool !== undefined) this.#queue.lookForExpiry(pool, this.#time.nowMs);
    if (visit.isOver) this.#forget(visit);
  }

  #quarantine(visit: Visit, backendKey: number): void {
    const { passive } = this.#settings.health;
    if (passive === false) return;
    const untilMs = Math.ceil(this.#nowMs + passive.quarantineMs);
    this.#pool(visit.asked.thread)?.quarantine(backendKey, this.#nowMs, untilMs);
  }

  /** As Forwarding has it, of a request that may be sent twice. */
  #mayRetry({ leases, asked: { thread, tried } }: Visit, end: LeaseEnd): boolean {
    const { attempts, idempotent, firstByteTimeouts, statuses, budgetPercent } = this.#settings.retries;
    if (leases >= attempts || tried.length >= MOST_TRIED) return false;
    if (end === 'connect_failed') return true;
    const isWanted =
      end === 'backend_failed' ? idempotent : end === 'timed_out' ? firstByteTimeouts : statuses.length > 0;
    return isWanted && end !== 'cut' && this.#budgetOf(thread).take(this.#ended, budgetPercent, this.#nowMs);
  }

  #budgetOf(thread: number): RetryBudget {
    const known = this.#budgets.get(thread);
    if (known !== undefined) return known;
    const fresh = new RetryBudget();
    this.#budgets.set(thread, fresh);
    return fresh;
  }

  /** Nothing else was free: the word of the backend before stands, and while that still speaks the request is not over. */
  #inVain(visit: Visit): void {
    if (visit.last !== undefined && visit.held.has(visit.last)) visit.isInVain = true;
    else this.#over(visit, this.#lastWord(visit));
  }

  /** Of the backend before. */
  #lastWord({ isBeyond, ask, lastEnd }: Visit): Ending {
    const end = isBeyond ? lastEnd : ask.before?.back?.end;
    return end === undefined ? { type: 'unfinished' } : endingOf(end);
  }

  #over(visit: Visit, ending: Ending): void {
    if (visit.isOver) return;
    visit.isOver = true;
    this.#ended += 1;
    this.#forget(visit);
    const timeMs = this.#time.nowMs - visit.sinceMs;
    this.#options.tally.over(ending, visit.waitedMs, visit.isQueued, timeMs, visit.leases);
  }

  /** As long as it holds a lease it is of its thread. */
  #forget(visit: Visit): void {
    if (visit.held.size === 0) this.#visits.get(visit.asked.thread)?.delete(visit);
  }

  // ---- what happens to the pool

  #happen(outside: Outside): void {
    switch (outside.type) {
      case 'defined':
        this.#define(outside);
        return;
      case 'dropped':
        this.#defining = this.#ledger.drop(this.#key, { position: outside.version, nowMs: this.#nowMs });
        return;
      case 'quarantined':
        this.#pool(outside.thread)?.quarantine(outside.backendKey, this.#nowMs, outside.untilMs);
        return;
      case 'expired':
        this.#pool(outside.thread)?.expire(this.#nowMs);
        return;
      case 'probed':
        this.#pool(outside.thread)?.probed(outside.backendKey, this.#nowMs, outside.failing);
        return;
      case 'reaped':
        this.#lose(outside.dead);
        this.#defining = this.#ledger.reap(outside.dead, this.#nowMs);
        return;
      case 'returned': {
        const lease = this.#ledger.leaseOf(this.#key, outside.lease);
        if (lease !== undefined)
          this.#pool(outside.thread)?.checkin(lease, this.#nowMs, outside.end, outside.latencyMs);
        return;
      }
    }
  }

  /** Whoever was on this thread is gone without an answer. */
  #lose(thread: number): void {
    for (const visit of this.#visitsOf(thread)) {
      visit.isLost = true;
      this.#queue.end(visit);
      const atMs = Math.min(this.#time.nowMs, this.#options.recording.atMs);
      for (const [{ backendKey }, sinceMs] of visit.held)
        this.#options.tally.back(backendKey, Math.max(0, atMs - sinceMs), undefined);
      visit.held.clear();
      this.#over(visit, { type: 'unfinished' });
    }
    this.#visits.delete(thread);
  }

  #define({ version, seed, phases }: Extract<Outside, { type: 'defined' }>): void {
    const { states } = this.#options;
    const state = this.#adopt(states.at(version ?? states.version));
    if (state === null) return;
    const change = { position: version ?? 0, nowMs: this.#nowMs };
    const definition = definitionOf(state, seed ?? SEED);
    if (phases !== 'widen')
      this.#defining = this.#ledger.define(this.#key, definition, rowsOf(state), 'restrict', change);
    if (phases !== 'restrict')
      this.#defining = this.#ledger.define(this.#key, definition, rowsOf(state), 'widen', change);
  }

  #adopt({ recorded, simulated }: ReturnType<PoolStates['at']>): PoolState {
    if (recorded !== null) this.#recordedWaitMs = completePool(recorded.settings).queue.maxWaitMs;
    if (simulated !== null) this.#settings = completePool(simulated.settings);
    // By the text: states are values, and their keys are in order.
    if (!this.#isAltered && JSON.stringify(recorded) !== JSON.stringify(simulated)) {
      this.#isAltered = true;
      this.#differs();
    }
    return simulated;
  }

  /** From a checkpoint; whatever is set otherwise is so from there on. */
  async #begin(from: JournalledCheckpoint): Promise<void> {
    const { recording, states } = this.#options;
    this.#time.nowMs = from.atMs;
    this.#nowMs = from.atMs;
    const begun = new Map(
      recording.asks.filter(({ place }) => place.ticket <= from.ticket).map((ask) => [ask.place.ticket, ask]),
    );
    const waiting: Visit[] = [];
    await this.#ledger.restore(this.#key, from.state, from.ticket, ({ ticket }) => {
      const visit = new Visit(this, begun.get(ticket) as Ask, from.atMs);
      waiting.push(visit);
      return visit;
    });
    for (const visit of waiting) {
      this.#visitsOf(visit.asked.thread).add(visit);
      this.#waits(visit);
    }
    const state = this.#adopt(states.at(states.version));
    if (state === null || !this.#isAltered) return;
    const change = { position: states.version, nowMs: from.atMs };
    for (const phase of ['restrict', 'widen'] as const)
      await this.#ledger.define(this.#key, definitionOf(state, SEED), rowsOf(state), phase, change);
  }

  #isBegun({ place }: Ask): boolean {
    const { from } = this.#options;
    return from !== undefined && place.ticket <= from.ticket;
  }

  #plan(ask: Ask): void {
    this.#at(ask.place, 0, () => this.#asks(new Visit(this, ask, this.#time.nowMs)));
  }

  /** What is still under way. */
  #end(): void {
    for (const thread of [...this.#visits.keys()]) this.#lose(thread);
  }

  // ---- time

  /** When it is recorded to have been, or so much later. */
  #at(place: Place, shiftMs: number, happen: () => void): void {
    const atMs = place.atMs + shiftMs;
    const told = shiftMs === 0 ? place.nowMs : atMs;
    this.#time.at(
      atMs,
      () => {
        this.#nowMs = told;
        happen();
      },
      place.ticket,
    );
  }

  #after(ms: number, happen: () => void): void {
    const atMs = this.#time.nowMs + ms;
    this.#time.at(
      atMs,
      () => {
        this.#nowMs = atMs;
        happen();
      },
      Number.MAX_SAFE_INTEGER,
    );
  }

  #differs(): void {
    this.differsFromMs ??= this.#time.nowMs;
  }

  #visitsOf(thread: number): Set<Visit> {
    const known = this.#visits.get(thread);
    if (known !== undefined) return known;
    const fresh = new Set<Visit>();
    this.#visits.set(thread, fresh);
    return fresh;
  }

  #pool(thread: number): PoolLedger | undefined {
    return this.#ledger.ofThread(thread).pool(this.#key);
  }
}

/** What a check-in says that it took, where that is not recorded since no policy asked for it. */
function latencyOf(end: LeaseEnd, heldMs: number): number {
  return end === 'client_gone' || end === 'unused' || end === 'connect_failed' ? -1 : heldMs;
}
