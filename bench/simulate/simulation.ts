/**
 * A pool under virtual time: simulated requests and backends around the production ledger, queue and policies.
 *
 *   arrive ─▶ checkout ─┬─▶ send ─▶ (backend's queue) ─▶ serve ─▶ answer ─▶ check-in
 *                       └─ queued ─▶ granted ─▶ …          └─ time-out ─▶ check-in ─▶ again, or end
 */
import assert from 'node:assert/strict';
import { healthOf } from '../../actors/index.ts';
import {
  attachArena,
  createArena,
  keyOf,
  type Lease,
  type Ledger,
  type LedgerRecord,
  type MainLedger,
  type PoolLedger,
  readRecords,
} from '../../actors/pool/ledger/index.ts';
import { completePool, type PoolSettings } from '../../eventlog/index.ts';
import { nextProbeInMs, ProbeCourse } from '../../src/health/course.ts';
import { isListed, type Statuses, statusRange } from '../../src/proxy/listed-status.ts';
import { RetryBudget } from '../../src/proxy/retry-budget.ts';
import { Agenda } from './agenda.ts';
import { Chance } from './chance.ts';
import { type Claimant, SimulatedRequest } from './request.ts';
import type { Backend, Scenario } from './scenario.ts';
import { Server } from './server.ts';
import { Samples, type Summary } from './statistics.ts';

/** What will happen: a request is answered or given up, a worker's bell is heard, an ejection ends, a wait is too long. */
type Happening =
  | { readonly type: 'answered'; readonly request: SimulatedRequest; readonly status: number }
  | { readonly type: 'timed_out'; readonly request: SimulatedRequest }
  | { readonly type: 'bell'; readonly thread: number }
  | { readonly type: 'probe'; readonly index: number; readonly course: ProbeCourse }
  | { readonly type: 'probed'; readonly index: number; readonly course: ProbeCourse; readonly status: number }
  | { readonly type: 'expiry'; readonly pool: PoolLedger }
  | { readonly type: 'tired'; readonly request: SimulatedRequest; readonly wait: number };

export interface Outcome {
  /** From arrival to the start of service; those that were never served are not in it. */
  readonly waits: Summary;
  /** From arrival to the answer. */
  readonly times: Summary;
  readonly requests: number;
  /** Requests of which the first backend they were sent to did not begin at once, or that queued in the ledger. */
  readonly waited: number;
  readonly good: number;
  /** By the second in which they arrived. */
  readonly badBySecond: readonly number[];
  /** Times that a request waited in the ledger while a row was open. It never happens. */
  readonly waitedInVain: number;
  readonly sentTo: readonly number[];
  /** Of what was sent already. */
  readonly retries: number;
  /** Processor time that one request took. */
  readonly cpuNs: number;
  readonly records: readonly LedgerRecord[];
  readonly waitsInOrder: Float64Array;
}

const GATEWAY_TIMEOUT = 504;
const MAX_WAITING = 1_000_000;
const CHANCE_OF_ROUTING = 0x5eed;
const NO_STATUSES: Statuses = [];

export async function simulate(scenario: Scenario): Promise<Outcome> {
  const simulation = new Simulation(scenario);
  await simulation.begin();
  return await simulation.run();
}

class Simulation implements Claimant {
  private readonly scenario: Scenario;
  private readonly main: MainLedger;
  private readonly ledgers: Ledger[];
  private readonly settings: PoolSettings;
  private readonly failures: Statuses;
  private readonly budget = new RetryBudget();
  /** By router and worker. */
  private readonly pools: PoolLedger[][] = [];
  private readonly routes: number[];
  private readonly expiries = new Map<PoolLedger, number>();
  private readonly servers: Server[];
  private readonly indexOf = new Map<number, number>();
  private readonly agenda = new Agenda<Happening>();
  private readonly work: Chance;
  private readonly routing: Chance;
  private nowMs = 0;
  private waiting = 0;
  private waited = 0;
  private waitsBegun = 0;
  private counted = 0;
  private over = 0;
  private retries = 0;
  private good = 0;
  private waitedInVain = 0;
  private readonly waits = new Samples();
  private readonly waitsInOrder: Float64Array;
  private readonly times = new Samples();
  private readonly badBySecond: number[] = [];
  private readonly sentTo: number[];
  private readonly records: LedgerRecord[] = [];

  constructor(scenario: Scenario) {
    this.scenario = scenario;
    this.settings = completePool(scenario.pool ?? {});
    const { passive } = this.settings.health;
    this.failures = passive === false || passive.outlier === false ? NO_STATUSES : passive.outlier.statuses;
    this.routes = Array.from({ length: scenario.endpoints ?? 1 }, (_, i) =>
      scenario.routed === true ? keyOf(`route-${i}`) : 0,
    );
    const { workers = 1, record = false } = scenario;
    const ring = (thread: number) => {
      this.agenda.plan(this.nowMs + (scenario.handOverMs ?? 0), { type: 'bell', thread });
    };
    this.main = createArena({ threads: workers + 1, ring, record });
    this.ledgers = Array.from({ length: workers }, () =>
      attachArena(this.main.shared, this.main.enlist(), ring),
    );
    this.servers = scenario.backends.map((backend) => new Server(backend));
    this.sentTo = scenario.backends.map(() => 0);
    for (const [index, { id }] of scenario.backends.entries()) this.indexOf.set(keyOf(id), index);
    this.work = new Chance(scenario.seed);
    this.routing = new Chance(scenario.seed ^ CHANCE_OF_ROUTING);
    this.waitsInOrder = new Float64Array(scenario.requests).fill(-1);
  }

  async begin(): Promise<void> {
    await this.define(this.scenario.backends.filter(({ addedAtMs = 0 }) => addedAtMs === 0));
    const { routers = 1 } = this.scenario;
    for (let router = 0; router < routers; router++)
      this.pools.push(this.ledgers.map((ledger) => ledger.pool(poolKey(router))!));
    this.beginProbes();
  }

  private beginProbes(): void {
    const { active } = this.settings.health;
    if (active === false) return;
    for (const index of this.servers.keys()) {
      const course = new ProbeCourse(false);
      this.agenda.plan(this.routing.uniform() * active.intervalMs, { type: 'probe', index, course });
    }
  }

  async run(): Promise<Outcome> {
    const { scenario, agenda } = this;
    const before = process.cpuUsage();
    let arrivals = 0;
    let arrivesMs = scenario.nextArrivalMs(this.work);
    const joining = scenario.backends.flatMap(({ addedAtMs = 0 }) => (addedAtMs > 0 ? [addedAtMs] : []));
    joining.sort((a, b) => a - b);
    while (arrivals < scenario.requests || agenda.size > 0) {
      const arrives = arrivals < scenario.requests && arrivesMs <= agenda.nextMs;
      this.nowMs = arrives ? arrivesMs : agenda.nextMs;
      if (joining.length > 0 && joining[0]! <= this.nowMs) {
        const joinedMs = joining.shift()!;
        await this.define(scenario.backends.filter(({ addedAtMs = 0 }) => addedAtMs <= joinedMs));
      } else if (arrives) {
        this.arrive(arrivals++);
        arrivesMs += scenario.nextArrivalMs(this.work);
      } else this.happen(agenda.take());
    }
    const used = process.cpuUsage(before);
    this.drain();
    return {
      waits: this.waits.summary(),
      times: this.times.summary(),
      requests: this.counted,
      waited: this.waited,
      good: this.good,
      badBySecond: this.badBySecond,
      waitedInVain: this.waitedInVain,
      sentTo: this.sentTo,
      retries: this.retries,
      cpuNs: ((used.user + used.system) * 1000) / Math.max(1, scenario.requests),
      records: this.records,
      waitsInOrder: this.waitsInOrder,
    };
  }

  granted(request: SimulatedRequest, lease: Lease): void {
    this.waiting -= 1;
    request.wait = 0;
    this.send(request, lease);
  }

  ended(request: SimulatedRequest, status: number): void {
    const { warmUpMs = 0, goodWithinMs = Number.POSITIVE_INFINITY } = this.scenario;
    this.over += 1;
    if (request.arrivedMs < warmUpMs) return;
    const tookMs = this.nowMs - request.arrivedMs;
    this.counted += 1;
    this.times.add(tookMs);
    if (status < 500 && tookMs <= goodWithinMs) this.good += 1;
    else {
      const second = Math.floor(request.arrivedMs / 1000);
      this.badBySecond[second] = (this.badBySecond[second] ?? 0) + 1;
    }
  }

  private async define(backends: readonly Backend[]): Promise<void> {
    const { routers = 1, policy, limit, seed } = this.scenario;
    const isSet = this.scenario.pool !== undefined;
    const { queue, whenEmpty } = this.settings;
    const maxWaiting = isSet ? queue.maxWaiting : MAX_WAITING;
    const health = isSet ? { health: healthOf(this.settings) } : {};
    const rows = backends.map(({ id, weight = 1 }) => {
      return { backendKey: keyOf(id), limit, weight, state: 'up', quarantineUntilMs: 0 } as const;
    });
    for (let router = 0; router < routers; router++) {
      const pool = { policy, maxWaiting, whenEmpty, seed: seed + router, ...health } as const;
      const change = { position: 1, nowMs: this.nowMs };
      await this.main.define(poolKey(router), pool, rows, 'widen', change);
    }
  }

  private arrive(number: number): void {
    const { routers = 1, endpoints = 1, workers = 1 } = this.scenario;
    const request = new SimulatedRequest(
      this,
      number,
      this.nowMs,
      this.scenario.workMs(this.work),
      endpoints === 1 ? 0 : this.work.below(endpoints),
      routers === 1 ? 0 : this.routing.below(routers),
      workers === 1 ? 0 : this.routing.below(workers),
    );
    this.ask(request);
  }

  private ask(request: SimulatedRequest): void {
    const pool = this.poolOf(request);
    const answer = pool.checkout(this.nowMs, request.tried, request, 0, this.routes[request.endpoint]);
    if (typeof answer === 'object') this.send(request, answer);
    else if (answer === 'queued') this.wait(request, pool);
    else this.ended(request, request.status === 0 ? 503 : request.status);
    if (this.scenario.record === true) this.drain();
  }

  private wait(request: SimulatedRequest, pool: PoolLedger): void {
    this.waiting += 1;
    this.lookForOpen(pool);
    if (this.scenario.pool === undefined) return;
    request.wait = ++this.waitsBegun;
    const tiredMs = this.nowMs + this.settings.queue.maxWaitMs;
    this.agenda.plan(tiredMs, { type: 'tired', request, wait: request.wait });
    this.lookForExpiry(pool);
  }

  /** Whoever waits for the end of an ejection is woken by nothing else. */
  private lookForExpiry(pool: PoolLedger): void {
    const dueMs = pool.nextExpiryMs();
    if (this.waiting === 0 || dueMs === 0 || this.expiries.get(pool) === dueMs) return;
    this.expiries.set(pool, dueMs);
    this.agenda.plan(Math.max(dueMs, this.nowMs), { type: 'expiry', pool });
  }

  private send(request: SimulatedRequest, lease: Lease): void {
    const index = this.indexOf.get(lease.backendKey)!;
    request.lease = lease;
    request.backend = index;
    request.attempts += 1;
    request.sentMs = this.nowMs;
    this.sentTo[index]! += 1;
    const answer = this.servers[index]!.take(request, this.nowMs);
    if (answer === undefined) return;
    this.serve(request, answer.status, answer.afterMs);
  }

  /** A backend has begun on it. */
  private serve(request: SimulatedRequest, status: number, afterMs: number): void {
    const { warmUpMs = 0 } = this.scenario;
    const { firstByteMs } = this.settings.timeouts;
    if (request.servedMs < 0) {
      request.servedMs = this.nowMs;
      const waitMs = this.nowMs - request.arrivedMs;
      this.waitsInOrder[request.number] = waitMs;
      if (request.arrivedMs >= warmUpMs) {
        this.waits.add(waitMs);
        if (waitMs > 0) this.waited += 1;
      }
    }
    if (afterMs <= firstByteMs) this.agenda.plan(this.nowMs + afterMs, { type: 'answered', request, status });
    else this.agenda.plan(this.nowMs + firstByteMs, { type: 'timed_out', request });
  }

  private happen(what: Happening): void {
    if (what.type === 'bell') this.ledgers[what.thread - 1]!.deliver();
    else if (what.type === 'timed_out') this.givenUp(what.request);
    else if (what.type === 'answered') this.answered(what.request, what.status);
    else if (what.type === 'expiry') {
      this.expiries.delete(what.pool);
      what.pool.expire(this.nowMs);
      this.lookForExpiry(what.pool);
    } else if (what.type === 'probe') this.probe(what.index, what.course);
    else if (what.type === 'probed') this.probed(what.index, what.course, what.status);
    else if (what.request.wait === what.wait) this.tired(what.request);
  }

  private probe(index: number, course: ProbeCourse): void {
    const { active } = this.settings.health;
    const server = this.servers[index]!;
    if (active === false) return;
    const { status, afterMs } = server.backend.answer({ endpoint: 0, workMs: 0 }, this.nowMs, server.busy);
    const isInTime = afterMs <= active.timeoutMs;
    this.agenda.plan(this.nowMs + Math.min(afterMs, active.timeoutMs), {
      type: 'probed',
      index,
      course,
      status: isInTime ? status : 0,
    });
  }

  private probed(index: number, course: ProbeCourse, status: number): void {
    const { active } = this.settings.health;
    if (active === false || this.over === this.scenario.requests) return;
    const { from, to } = statusRange(active.statuses);
    const isTurned = course.probed(status >= from && status <= to, active);
    const key = keyOf(this.servers[index]!.backend.id);
    if (isTurned) for (const [pool] of this.pools) pool!.probed(key, this.nowMs, course.isFailing);
    const nextMs = this.nowMs + nextProbeInMs(active.intervalMs, this.routing.uniform());
    this.agenda.plan(nextMs, { type: 'probe', index, course });
  }

  private tired(request: SimulatedRequest): void {
    this.waiting -= 1;
    const left = this.poolOf(request).leave(request, this.nowMs);
    assert(typeof left === 'string', 'expected a waiter that had not been granted anything');
    this.ended(request, 503);
  }

  /** As Forwarding does: turned down if its status is listed, the budget has one left, and another backend is free now. */
  private answered(request: SimulatedRequest, status: number): void {
    request.status = status;
    const pool = this.poolOf(request);
    const { lease, backend, sentMs } = request;
    const end = isListed(this.failures, status)
      ? 'listed_status'
      : status >= 500
        ? 'server_error'
        : 'finished';
    const elsewhere = this.isRetried(status) && this.mayRetry(request) ? this.elsewhere(request) : undefined;
    this.release(backend);
    pool.checkin(lease!, this.nowMs, end, this.nowMs - sentMs);
    this.settled(pool);
    if (elsewhere === undefined) this.ended(request, status);
    else this.send(request, elsewhere);
  }

  private elsewhere(request: SimulatedRequest): Lease | undefined {
    const tried = [...request.tried, request.lease!.backendKey];
    const pool = this.poolOf(request);
    let answer: string | Lease = pool.checkout(this.nowMs, tried, request, 0, this.routes[request.endpoint]);
    if (answer === 'queued') answer = pool.leave(request, this.nowMs);
    if (typeof answer === 'string') {
      this.budget.giveBack();
      return undefined;
    }
    this.retries += 1;
    request.tried = tried;
    return answer;
  }

  /** No byte came in time. */
  private givenUp(request: SimulatedRequest): void {
    const pool = this.poolOf(request);
    const lease = request.lease!;
    request.status = GATEWAY_TIMEOUT;
    this.release(request.backend);
    pool.checkin(lease, this.nowMs, 'timed_out', this.nowMs - request.sentMs);
    this.settled(pool);
    const mayGoOn = this.settings.retries.firstByteTimeouts && this.scenario.pool !== undefined;
    if (!mayGoOn || !this.mayRetry(request)) {
      this.ended(request, GATEWAY_TIMEOUT);
      return;
    }
    this.retries += 1;
    request.tried = [...request.tried, lease.backendKey];
    this.ask(request);
  }

  private isRetried(status: number): boolean {
    return this.scenario.pool !== undefined && isListed(this.settings.retries.statuses, status);
  }

  private mayRetry(request: SimulatedRequest): boolean {
    const { attempts, budgetPercent } = this.settings.retries;
    return request.attempts < attempts && this.budget.take(this.over, budgetPercent, this.nowMs);
  }

  /** The backend is done with one, and begins the next in its own queue. */
  private release(index: number): void {
    const server = this.servers[index]!;
    const next = server.release();
    if (next === undefined) return;
    server.busy += 1;
    const answer = server.backend.answer(next, this.nowMs, server.busy);
    this.serve(next, answer.status, answer.afterMs);
  }

  private settled(pool: PoolLedger): void {
    if (this.waiting === 0) return;
    this.lookForOpen(pool);
    if (this.scenario.pool !== undefined) this.lookForExpiry(pool);
  }

  /** In the ledger itself: a waiter beside an open row. Only where nobody has tried anything, and nothing is closed to some. */
  private lookForOpen(pool: PoolLedger): void {
    if (this.scenario.pool !== undefined) return;
    const { waiting, rows } = pool.stats();
    if (waiting > 0 && rows.some(({ state, inFlight, limit }) => state === 'up' && inFlight < limit))
      this.waitedInVain += 1;
  }

  private drain(): void {
    if (this.scenario.record !== true) return;
    const reader = readRecords(this.main.shared);
    for (let thread = 0; thread < reader.threads; thread++)
      reader.drain(thread, (record) => this.records.push(record));
  }

  private poolOf(request: SimulatedRequest): PoolLedger {
    return this.pools[request.router]![request.worker]!;
  }
}

function poolKey(router: number): number {
  return keyOf(`pool-${router}`);
}
