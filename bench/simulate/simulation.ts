/**
 * A pool under virtual time: simulated requests and backends around the production ledger, queue and policies.
 *
 *   arrive ─▶ checkout ─┬─▶ send ─▶ (backend's queue) ─▶ serve ─▶ answer ─▶ check-in
 *                       └─ queued ─▶ granted ─▶ …          └─ time-out ─▶ check-in ─▶ again, or end
 */
import {
  attachArena,
  createArena,
  keyOf,
  type Lease,
  type LeaseEnd,
  type Ledger,
  type LedgerRecord,
  type MainLedger,
  type PoolLedger,
  readRecords,
} from '../../actors/pool/ledger/index.ts';
import { Agenda } from './agenda.ts';
import { Chance } from './chance.ts';
import { type Claimant, SimulatedRequest } from './request.ts';
import type { Backend, Scenario } from './scenario.ts';
import { Server } from './server.ts';
import { Samples, type Summary } from './statistics.ts';

/** What will happen: a request is answered or given up, a worker's bell is heard, a backend joins. */
type Happening =
  | { readonly type: 'answered'; readonly request: SimulatedRequest; readonly status: number }
  | { readonly type: 'timed_out'; readonly request: SimulatedRequest }
  | { readonly type: 'bell'; readonly thread: number };

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
  /** Processor time that one request took. */
  readonly cpuNs: number;
  readonly records: readonly LedgerRecord[];
  readonly waitsInOrder: Float64Array;
}

const DEFAULT_FIRST_BYTE_MS = 30_000;
const GATEWAY_TIMEOUT = 504;
const MAX_WAITING = 1_000_000;
const CHANCE_OF_ROUTING = 0x5eed;

export async function simulate(scenario: Scenario): Promise<Outcome> {
  const simulation = new Simulation(scenario);
  await simulation.begin();
  return await simulation.run();
}

class Simulation implements Claimant {
  private readonly scenario: Scenario;
  private readonly main: MainLedger;
  private readonly ledgers: Ledger[];
  /** By router, endpoint and worker. */
  private readonly pools: PoolLedger[][][] = [];
  private readonly servers: Server[];
  private readonly indexOf = new Map<number, number>();
  private readonly agenda = new Agenda<Happening>();
  private readonly work: Chance;
  private readonly routing: Chance;
  private nowMs = 0;
  private waiting = 0;
  private waited = 0;
  private counted = 0;
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
    const { routers = 1, endpoints = 1, poolPerEndpoint = false } = this.scenario;
    for (let router = 0; router < routers; router++) {
      const byEndpoint = Array.from({ length: endpoints }, (_, endpoint) => {
        const key = poolKey(router, poolPerEndpoint ? endpoint : 0);
        return this.ledgers.map((ledger) => ledger.pool(key)!);
      });
      this.pools.push(byEndpoint);
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
      cpuNs: ((used.user + used.system) * 1000) / Math.max(1, scenario.requests),
      records: this.records,
      waitsInOrder: this.waitsInOrder,
    };
  }

  granted(request: SimulatedRequest, lease: Lease): void {
    this.waiting -= 1;
    this.send(request, lease);
  }

  ended(request: SimulatedRequest, status: number): void {
    const { warmUpMs = 0, goodWithinMs = Number.POSITIVE_INFINITY } = this.scenario;
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
    const { routers = 1, endpoints = 1, poolPerEndpoint = false, policy, limit, seed } = this.scenario;
    const rows = backends.map(({ id, weight = 1 }) => {
      return { backendKey: keyOf(id), limit, weight, state: 'up', quarantineUntilMs: 0 } as const;
    });
    for (let router = 0; router < routers; router++) {
      for (let endpoint = 0; endpoint < (poolPerEndpoint ? endpoints : 1); endpoint++) {
        const pool = { policy, maxWaiting: MAX_WAITING, whenEmpty: 'refuse', seed: seed + router } as const;
        const change = { position: 1, nowMs: this.nowMs };
        await this.main.define(poolKey(router, endpoint), pool, rows, 'widen', change);
      }
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
    const answer = pool.checkout(this.nowMs, request.tried, request);
    if (typeof answer === 'object') this.send(request, answer);
    else if (answer === 'queued') {
      this.waiting += 1;
      this.lookForOpen(pool);
    } else this.ended(request, 503);
    if (this.scenario.record === true) this.drain();
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
    const { firstByteMs = DEFAULT_FIRST_BYTE_MS, warmUpMs = 0 } = this.scenario;
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
    else if (what.type === 'timed_out') this.over(what.request, GATEWAY_TIMEOUT, 'timed_out');
    else this.over(what.request, what.status, what.status >= 500 ? 'server_error' : 'finished');
  }

  private over(request: SimulatedRequest, status: number, end: LeaseEnd): void {
    const server = this.servers[request.backend]!;
    const next = server.release();
    const lease = request.lease!;
    request.lease = undefined;
    const pool = this.poolOf(request);
    pool.checkin(lease, this.nowMs, end, this.nowMs - request.sentMs);
    if (this.waiting > 0) this.lookForOpen(pool);
    if (next !== undefined) {
      server.busy += 1;
      const answer = server.backend.answer(next, this.nowMs, server.busy);
      this.serve(next, answer.status, answer.afterMs);
    }
    if (status >= 500 && request.attempts < (this.scenario.attempts ?? 1)) {
      request.tried = [...request.tried, lease.backendKey];
      this.ask(request);
    } else this.ended(request, status);
  }

  /** In the ledger itself: a waiter beside an open row. Nobody here has tried anything unless `attempts` says so. */
  private lookForOpen(pool: PoolLedger): void {
    if ((this.scenario.attempts ?? 1) > 1) return;
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
    return this.pools[request.router]![request.endpoint]![request.worker]!;
  }
}

function poolKey(router: number, endpoint: number): number {
  return keyOf(`pool-${router}-${endpoint}`);
}
