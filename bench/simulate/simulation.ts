/**
 * A pool under virtual time: simulated requests and backends around the production ledger, queue and policies.
 *
 *   arrive ─▶ checkout ─┬─▶ send ─▶ (backend's queue) ─▶ serve ─▶ answer ─▶ check-in
 *                       └─ queued ─▶ granted ─▶ …          ├─ time-out ─▶ check-in ─▶ again, or end
 *                             └─ client gone ◀─────────────╯
 */
import assert from 'node:assert/strict';
import { keyOf, type Lease, type LeaseEnd } from '../../actors/pool/ledger/index.ts';
import { completePool, type PoolSettings } from '../../eventlog/index.ts';
import { isListed, type Statuses } from '../../src/proxy/listed-status.ts';
import { Agenda } from '../../src/simulation/index.ts';
import { Chance } from './chance.ts';
import type { Happening } from './happening.ts';
import { Probes } from './probes.ts';
import { type Claimant, SimulatedRequest } from './request.ts';
import { Retrying } from './retrying.ts';
import { Routers } from './routers.ts';
import type { Scenario } from './scenario.ts';
import { Server } from './server.ts';
import { SharingServer } from './sharing-server.ts';
import { type Outcome, Tally } from './tally.ts';
import { Waiters } from './waiters.ts';

export type { Outcome } from './tally.ts';

const OK = 200;
const GATEWAY_TIMEOUT = 504;
const CHANCE_OF_ROUTING = 0x5eed;
const CHANCE_OF_LEAVING = 0x1ea7e;
const NO_STATUSES: Statuses = [];

export async function simulate(scenario: Scenario): Promise<Outcome> {
  const simulation = new Simulation(scenario);
  await simulation.begin();
  return await simulation.run();
}

class Simulation implements Claimant {
  private readonly scenario: Scenario;
  private readonly settings: PoolSettings;
  private readonly failures: Statuses;
  private readonly routers: Routers;
  private readonly probes: Probes | undefined;
  private readonly retrying: Retrying;
  private readonly tally: Tally;
  private readonly routes: readonly number[];
  private readonly waiters: Waiters;
  private readonly servers: readonly Server[];
  private readonly sharing: readonly (SharingServer | undefined)[];
  private readonly indexOf: ReadonlyMap<number, number>;
  private readonly sentTo: number[];
  private readonly agenda = new Agenda<Happening>();
  private readonly work: Chance;
  private readonly routing: Chance;
  private readonly leaving: Chance;
  private nowMs = 0;

  constructor(scenario: Scenario) {
    const { pool, backends, endpoints = 1, routed = false, handOverMs = 0, seed } = scenario;
    this.scenario = scenario;
    this.settings = completePool(pool ?? {});
    const { passive, active } = this.settings.health;
    this.failures = passive === false || passive.outlier === false ? NO_STATUSES : passive.outlier.statuses;
    this.routes = Array.from({ length: endpoints }, (_, i) => (routed ? keyOf(`route-${i}`) : 0));
    this.routers = new Routers(scenario, this.settings, (thread) =>
      this.agenda.plan(this.nowMs + handOverMs, { type: 'bell', thread }),
    );
    this.servers = backends.map((backend) => new Server(backend));
    this.sharing = backends.map(({ cores }, index) =>
      cores === undefined ? undefined : new SharingServer(index, cores, this.agenda),
    );
    this.sentTo = backends.map(() => 0);
    this.indexOf = new Map(backends.map(({ id }, index) => [keyOf(id), index]));
    this.work = new Chance(seed);
    this.routing = new Chance(seed ^ CHANCE_OF_ROUTING);
    this.leaving = new Chance(seed ^ CHANCE_OF_LEAVING);
    this.probes = active === false ? undefined : new Probes(active, this.servers, this.agenda, this.routing);
    this.tally = new Tally(scenario);
    const maxWaitMs = pool === undefined ? Number.POSITIVE_INFINITY : this.settings.queue.maxWaitMs;
    this.waiters = new Waiters(maxWaitMs, this.agenda, this.tally);
    this.retrying = new Retrying(pool === undefined ? undefined : this.settings.retries, this.tally);
  }

  async begin(): Promise<void> {
    await this.routers.begin();
    this.probes?.begin();
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
        joining.shift();
        await this.routers.define(this.nowMs);
      } else if (arrives) {
        this.arrive(arrivals++);
        arrivesMs += scenario.nextArrivalMs(this.work);
      } else this.happen(agenda.take());
    }
    const used = process.cpuUsage(before);
    this.routers.drain();
    const cpuNs = ((used.user + used.system) * 1000) / Math.max(1, scenario.requests);
    return this.tally.outcome({ cpuNs, records: this.routers.records, sentTo: this.sentTo });
  }

  private happen(what: Happening): void {
    switch (what.type) {
      case 'bell':
        this.routers.deliver(what.thread);
        break;
      case 'answered':
        if (!what.request.isOver) this.answered(what.request, what.status);
        break;
      case 'timed_out':
        if (!what.request.isOver && what.request.attempts === what.attempt) this.givenUp(what.request);
        break;
      case 'worked': {
        const request = this.sharing[what.index]?.done(what.version, this.nowMs);
        if (request !== undefined) this.answered(request, OK);
        break;
      }
      case 'left':
        if (!what.request.isOver) this.left(what.request);
        break;
      case 'tired':
        if (what.request.wait === what.wait) this.tired(what.request);
        break;
      case 'expiry':
        this.waiters.expire(what.pool, this.nowMs);
        break;
      case 'probe':
        this.probes?.ask(what.index, what.course, this.nowMs);
        break;
      case 'probed':
        if (this.tally.over < this.scenario.requests)
          this.probes?.answered(what.index, what.course, what.status, this.nowMs, this.routers);
    }
  }

  // ---- to a backend

  private arrive(number: number): void {
    const { routers = 1, endpoints = 1, workers = 1, patienceMs } = this.scenario;
    const request = new SimulatedRequest(
      this,
      number,
      this.nowMs,
      this.scenario.workMs(this.work),
      endpoints === 1 ? 0 : this.work.below(endpoints),
      routers === 1 ? 0 : this.routing.below(routers),
      workers === 1 ? 0 : this.routing.below(workers),
    );
    const leavesMs = this.nowMs + (patienceMs?.(this.leaving) ?? Number.POSITIVE_INFINITY);
    if (leavesMs < Number.POSITIVE_INFINITY) this.agenda.plan(leavesMs, { type: 'left', request });
    this.ask(request);
  }

  private ask(request: SimulatedRequest): void {
    const pool = this.routers.poolOf(request);
    const answer = this.checkout(request, request.tried);
    if (typeof answer === 'object') this.send(request, answer);
    else if (answer === 'queued') this.waiters.begin(request, pool, this.nowMs);
    else this.ended(request, request.status === 0 ? 503 : request.status);
    if (this.scenario.record === true) this.routers.drain();
  }

  private checkout(request: SimulatedRequest, tried: readonly number[]): Lease | string {
    const pool = this.routers.poolOf(request);
    return pool.checkout(this.nowMs, tried, request, 0, this.routes[request.endpoint]);
  }

  granted(request: SimulatedRequest, lease: Lease): void {
    this.waiters.end(request);
    this.send(request, lease);
  }

  private send(request: SimulatedRequest, lease: Lease): void {
    const index = this.indexOf.get(lease.backendKey)!;
    request.lease = lease;
    request.backend = index;
    request.attempts += 1;
    request.sentMs = this.nowMs;
    this.sentTo[index]! += 1;
    const sharing = this.sharing[index];
    if (sharing !== undefined) {
      this.serve(request, OK, Number.POSITIVE_INFINITY);
      sharing.take(request, this.nowMs);
      return;
    }
    const answer = this.servers[index]!.take(request, this.nowMs);
    if (answer !== undefined) this.serve(request, answer.status, answer.afterMs);
  }

  /** A backend has begun on it. */
  private serve(request: SimulatedRequest, status: number, afterMs: number): void {
    const { firstByteMs } = this.settings.timeouts;
    if (request.servedMs < 0) {
      request.servedMs = this.nowMs;
      this.tally.served(request, this.nowMs);
    }
    if (afterMs <= firstByteMs) this.agenda.plan(this.nowMs + afterMs, { type: 'answered', request, status });
    else
      this.agenda.plan(this.nowMs + firstByteMs, { type: 'timed_out', request, attempt: request.attempts });
  }

  // ---- from a backend

  /** As Forwarding does: turned down if its status is listed, the budget has one left, and another backend is free now. */
  private answered(request: SimulatedRequest, status: number): void {
    request.status = status;
    const elsewhere = this.retrying.afterAnswer(request, this.nowMs) ? this.elsewhere(request) : undefined;
    this.giveBack(request, this.endOf(status));
    if (elsewhere === undefined) this.ended(request, status);
    else this.send(request, elsewhere);
  }

  private endOf(status: number): LeaseEnd {
    if (isListed(this.failures, status)) return 'listed_status';
    return status >= 500 ? 'server_error' : 'finished';
  }

  private elsewhere(request: SimulatedRequest): Lease | undefined {
    const tried = [...request.tried, request.lease!.backendKey];
    let answer = this.checkout(request, tried);
    if (answer === 'queued') answer = this.routers.poolOf(request).leave(request, this.nowMs);
    if (typeof answer === 'string') {
      this.retrying.giveBack();
      return undefined;
    }
    this.retrying.count();
    request.tried = tried;
    return answer;
  }

  /** No byte came in time. */
  private givenUp(request: SimulatedRequest): void {
    const { backendKey } = request.lease!;
    request.status = GATEWAY_TIMEOUT;
    this.giveBack(request, 'timed_out');
    if (!this.retrying.afterSilence(request, this.nowMs)) {
      this.ended(request, GATEWAY_TIMEOUT);
      return;
    }
    this.retrying.count();
    request.tried = [...request.tried, backendKey];
    this.ask(request);
  }

  /** The client goes away; a backend that has begun on its request stops at once. */
  private left(request: SimulatedRequest): void {
    request.isOver = true;
    const pool = this.routers.poolOf(request);
    if (request.lease === undefined) {
      this.waiters.end(request);
      const granted = pool.leave(request, this.nowMs);
      // A grant that it had not heard of yet.
      if (typeof granted === 'object') pool.checkin(granted, this.nowMs, 'unused', 0);
    } else {
      assert(request.servedMs >= 0, 'expected that clients leave where no backend has a queue of its own');
      this.giveBack(request, 'client_gone');
    }
    this.tally.left(request, this.nowMs);
  }

  private giveBack(request: SimulatedRequest, end: LeaseEnd): void {
    const pool = this.routers.poolOf(request);
    const { lease, backend, sentMs } = request;
    request.lease = undefined;
    const sharing = this.sharing[backend];
    if (sharing === undefined) this.release(backend);
    else sharing.drop(request, this.nowMs);
    pool.checkin(lease!, this.nowMs, end, this.nowMs - sentMs);
    this.waiters.look(pool, this.nowMs);
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

  private tired(request: SimulatedRequest): void {
    this.waiters.end(request);
    const left = this.routers.poolOf(request).leave(request, this.nowMs);
    assert(typeof left === 'string', 'expected a waiter that had not been granted anything');
    this.ended(request, 503);
  }

  ended(request: SimulatedRequest, status: number): void {
    request.isOver = true;
    this.tally.ended(request, status, this.nowMs);
  }
}
