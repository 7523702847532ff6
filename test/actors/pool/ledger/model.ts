/**
 * What a pool's ledger should do, said as plainly as possible: lists, maps, and no thread but its own. It decides each
 * record again and throws where the ledger decided otherwise. Of the ledger it shares the policies, and the
 * course of a unit's health, only.
 */
import assert from 'node:assert/strict';
import {
  type Consequence,
  eject,
  inExcess,
  isReady,
  leaseEnded,
  leaseGranted,
  makeReady,
  release,
  renew,
  repeatTrial,
  restore,
  speaksFor,
  withhold,
} from '../../../../actors/pool/health/course.ts';
import { shareOf } from '../../../../actors/pool/health/slow-start.ts';
import { NO_UNIT, STATE, UNIT, UNITS, unitOf, type Ward } from '../../../../actors/pool/health/ward.ts';
import type { HealthDefinition, LedgerRecord, Refusal, Wait } from '../../../../actors/pool/ledger/index.ts';
import { drawIn, drawOf, nextChance } from '../../../../actors/pool/policy/chance.ts';
import { learnOf, policyCode, policyOf } from '../../../../actors/pool/policy/policies.ts';
import { type Field, NONE } from '../../../../actors/pool/policy/policy.ts';

interface Row {
  backendKey: number;
  epoch: number;
  limit: number;
  weight: number;
  removed: boolean;
  draining: boolean;
  starting: boolean;
  quarantined: boolean;
  untilMs: number;
  score: number;
  latencyMs: number;
  failing: number;
  learntAtMs: number;
  isFailing: boolean;
  openedAtMs: number;
  /** UNITS of them, each UNIT.words numbers. */
  readonly units: number[][];
  /** Thread by ticket. */
  readonly leases: Map<number, number>;
}

interface Waiting {
  readonly ticket: number;
  readonly thread: number;
  readonly tried: readonly number[];
  readonly hash: number;
  readonly route: number;
  readonly wanted: number;
}

type Asked = Pick<Waiting, 'tried' | 'hash' | 'route' | 'wanted'>;

type Of<Op extends LedgerRecord['op']> = Extract<LedgerRecord, { op: Op }>;

// These come first under their lock, so before them no one may wait for what is open.
// What a backend is to be blamed for.
const FAILURES = new Set(['connect_failed', 'backend_failed', 'timed_out', 'server_error', 'listed_status']);

const UNJUDGED: HealthDefinition = {
  failures: 0,
  windowMs: 0,
  maxEjectedPercent: 0,
  quarantineMs: 0,
  slowStartMs: 0,
};

type Pending = { readonly op: Exclude<Consequence, 'none'>; readonly row: number; readonly unit: number };

const FIRST = new Set(['checkout', 'enqueue', 'refuse', 'checkin', 'leave']);

export class PoolModel {
  readonly rows = new Map<number, Row>();
  queue: Waiting[] = [];
  ticket = 0;
  chance = 0;
  mark = 0;
  health: HealthDefinition = UNJUDGED;
  /** What must follow from the last check-in, in this order. */
  private pending: Pending[] = [];
  settings: Pick<Of<'settings'>, 'policy' | 'maxWaiting' | 'whenEmpty' | 'widening'> | undefined;

  apply(record: LedgerRecord): void {
    assert(
      this.settings !== undefined || record.op === 'start',
      `expected a start first, found ${record.op}`,
    );
    if (record.op !== 'start')
      assert.equal(record.ticket, this.ticket + 1, `tickets are dense (${record.op})`);
    this.ticket = record.ticket;
    const follows = record.op === 'eject' || record.op === 'withhold' || record.op === 'release';
    if (!follows) assert.deepEqual(this.pending, [], 'what follows from a check-in comes at once');
    if (FIRST.has(record.op)) this.nobodyWaitsInVain();
    this.happen(record);
  }

  nobodyWaitsInVain(): void {
    for (const waiter of this.queue) {
      const open = this.openTo(waiter);
      assert.equal(open.length, 0, `waiter ${waiter.ticket} waits though a backend is free`);
    }
  }

  leasesOf(thread: number): number {
    return [...this.rows.values()]
      .flatMap((row) => [...row.leases.values()])
      .filter((holder) => holder === thread).length;
  }

  private happen(record: LedgerRecord): void {
    switch (record.op) {
      case 'start':
        this.rows.clear();
        this.queue = [];
        this.chance = record.seed;
        this.mark = 0;
        this.settings = record;
        this.health = UNJUDGED;
        return;
      case 'settings':
        this.settings = record;
        return;
      case 'row':
        this.setRow(record);
        return;
      case 'drop':
        for (const [index, row] of this.rows) {
          if (row.leases.size === 0) this.rows.delete(index);
          else row.removed = true;
        }
        this.queue = [];
        if (this.settings !== undefined) this.settings = { ...this.settings, widening: false };
        return;
      case 'checkout':
        this.take(record, record);
        return;
      case 'enqueue':
        assert.equal(this.decide(record), undefined, 'queued');
        this.queue.push(record);
        return;
      case 'refuse':
        assert.equal(this.decide(record), record.refusal);
        return;
      case 'grant':
        this.grant(record);
        return;
      case 'checkin':
        this.checkin(record);
        return;
      case 'leave': {
        const waiter = this.queue.find((each) => each.ticket === record.waiter);
        assert(waiter !== undefined && waiter.thread === record.thread, 'its own waiter leaves');
        assert.equal(this.why(waiter), record.wait);
        this.queue = this.queue.filter((each) => each !== waiter);
        return;
      }
      case 'quarantine': {
        const row = this.rowAt(record);
        assert(record.untilMs > record.nowMs);
        assert(!row.quarantined || record.untilMs > row.untilMs, 'a quarantine is only lengthened');
        row.quarantined = true;
        row.untilMs = record.untilMs;
        return;
      }
      case 'expire': {
        const row = this.rowAt(record);
        assert(row.quarantined && row.untilMs <= record.nowMs, 'a due quarantine ends');
        row.quarantined = false;
        row.openedAtMs = record.nowMs;
        return;
      }
      case 'reap':
        for (const [index, row] of this.rows) {
          for (const [ticket, thread] of row.leases) if (thread === record.dead) row.leases.delete(ticket);
          if (row.removed && row.leases.size === 0) this.rows.delete(index);
          else repeatTrial(this.ward(record.nowMs), index, record.dead);
        }
        this.queue = this.queue.filter((waiter) => waiter.thread !== record.dead);
        return;
      case 'health':
        this.health = record;
        return;
      case 'eject':
        this.eject(record);
        return;
      case 'withhold':
        withhold(this.ward(record.nowMs), record.row, this.due(record));
        return;
      case 'trial': {
        const ward = this.ward(record.nowMs);
        const unit = unitOf(ward, record.row, record.route);
        assert.equal(ward.get(record.row, unit, UNIT.state), STATE.ejected);
        assert(ward.get(record.row, unit, UNIT.untilMs) <= record.nowMs, 'a due ejection ends');
        makeReady(ward, record.row, unit);
        return;
      }
      case 'release':
        this.release(record);
        return;
      case 'probe': {
        const row = this.rowAt(record);
        assert.notEqual(row.isFailing, record.failing);
        row.isFailing = record.failing;
        if (!record.failing) row.openedAtMs = record.nowMs;
        return;
      }
    }
  }

  /** The row of the backend that it is at home at, while that lives. */
  private homeOf({ wanted, tried, route }: Asked): [number, Row] | undefined {
    if (wanted === 0 || tried.includes(wanted)) return undefined;
    const home = [...this.rows].find(([, row]) => row.backendKey === wanted);
    if (home === undefined || isClosed({ ...home[1], draining: false }) || isClosedTo(home[1], route))
      return undefined;
    return home;
  }

  private openTo(asked: Asked): Row[] {
    const home = this.homeOf(asked)?.[1];
    if (home === undefined) return [...this.rows.values()].filter((row) => isOpen(row, asked));
    return hasRoom(home) ? [home] : [];
  }

  private setRow(record: Of<'row'>): void {
    const present = this.rows.get(record.row);
    const isRevived = present?.removed === true && !record.removed && !record.empty;
    if (isRevived) renew(this.ward(record.nowMs), record.row, record.ticket);
    const fresh = { score: -1, latencyMs: -1, failing: 0, learntAtMs: 0, openedAtMs: 0 };
    const before = isRevived && present !== undefined ? { ...present, ...fresh } : present;
    if (record.empty) {
      assert(before === undefined || before.leases.size === 0, 'a row with leases is not emptied');
      this.rows.delete(record.row);
      return;
    }
    const twice = [...this.rows].some(
      ([index, row]) => row.backendKey === record.backendKey && index !== record.row,
    );
    assert(!twice, 'a backend has one row');
    assert(before === undefined || before.backendKey === record.backendKey, 'a row in use is not given away');
    assert(before === undefined || before.epoch === record.epoch, 'the epoch stays with the backend');
    const units = before?.units ?? Array.from({ length: UNITS }, () => Array<number>(UNIT.words).fill(0));
    const isOpenNow = !record.removed && !record.draining && !record.starting && !record.quarantined;
    const isHealthy = !record.ejected && !record.failing;
    const wasOpen = before !== undefined && !isClosed(before);
    this.rows.set(record.row, {
      backendKey: record.backendKey,
      epoch: record.epoch,
      limit: record.limit,
      weight: record.weight,
      removed: record.removed,
      draining: record.draining,
      starting: record.starting,
      quarantined: record.quarantined,
      untilMs: record.untilMs,
      score: before?.score ?? -1,
      latencyMs: before?.latencyMs ?? -1,
      failing: before?.failing ?? 0,
      learntAtMs: before?.learntAtMs ?? 0,
      isFailing: record.failing,
      units,
      openedAtMs: isOpenNow && isHealthy && !wasOpen ? record.nowMs : (before?.openedAtMs ?? 0),
      leases: before?.leases ?? new Map(),
    });
  }

  private take(record: Of<'checkout'> | Of<'grant'>, asked: Asked, thread = record.thread): void {
    assert.equal(this.pick(asked, record.nowMs), record.row, `${record.op}: the policy picks this row`);
    const row = this.rowAt(record);
    leaseGranted(this.ward(record.nowMs), record.row, asked.route, record.ticket, thread);
    row.leases.set(record.ticket, thread);
    assert(row.limit === 0 || row.leases.size <= row.limit, 'never over the limit');
  }

  private grant(record: Of<'grant'>): void {
    const first = this.queue.find((waiter) => this.openTo(waiter).length > 0);
    assert.equal(first?.ticket, record.waiter, 'the first who may have it is granted');
    assert(first !== undefined);
    this.take(record, first, first.thread);
    this.queue = this.queue.filter((waiter) => waiter !== first);
  }

  private checkin(record: Of<'checkin'>): void {
    const row = this.rowAt(record);
    assert.equal(row.leases.get(record.lease), record.thread, 'its own lease is given back once');
    row.leases.delete(record.lease);
    this.learn(record);
    if (row.removed && row.leases.size === 0) this.rows.delete(record.row);
    else this.judge(record);
  }

  private judge(record: Of<'checkin'>): void {
    if (this.health.failures === 0) return;
    const ward = this.ward(record.nowMs);
    const own = speaksFor(ward, record.row, record.route, record.end);
    for (const unit of new Set([0, own])) {
      if (unit === NO_UNIT) continue;
      const op = leaseEnded(ward, record.row, unit, record.lease, record.end, unit === own);
      if (op !== 'none') this.pending.push({ op, row: record.row, unit });
    }
  }

  /** The unit of what the last check-in led to. */
  private due(record: Of<'eject'> | Of<'withhold'> | Of<'release'>): number {
    const due = this.pending.shift();
    const unit = unitOf(this.ward(record.nowMs), record.row, record.route);
    this.rowAt(record);
    assert.deepEqual({ op: record.op, row: record.row, unit }, due);
    return unit;
  }

  private eject(record: Of<'eject'>): void {
    const ward = this.ward(record.nowMs);
    if (record.known === 0) {
      assert.equal(eject(ward, record.row, this.due(record)), record.untilMs);
    } else {
      this.rowAt(record);
      const unit =
        record.route === 0 ? 0 : [1, 2, 3, 4].find((each) => ward.get(record.row, each, UNIT.key) === 0);
      assert(unit !== undefined, 'expected room for a route');
      ward.set(record.row, unit, UNIT.key, record.route);
      restore(ward, record.row, unit, record.untilMs, record.known);
    }
  }

  private release(record: Of<'release'>): void {
    const ward = this.ward(record.nowMs);
    const found = this.pending.length === 0 ? inExcess(ward) : NO_UNIT;
    const unit = found === NO_UNIT ? this.due(record) : found % UNITS;
    if (found !== NO_UNIT) assert.equal(found, record.row * UNITS + unit, 'who is released is in excess');
    release(ward, record.row, unit, record.ticket);
    if (unit === 0) this.rowAt(record).openedAtMs = record.nowMs;
  }

  private ward(nowMs: number): Ward {
    const unitAt = (row: number, unit: number): number[] => {
      const found = this.rows.get(row)?.units[unit];
      assert(found !== undefined);
      return found;
    };
    return {
      ...this.health,
      nowMs,
      rows: Math.max(-1, ...this.rows.keys()) + 1,
      isThere: (index) => this.rows.has(index),
      isMember: (index) => {
        const row = this.rows.get(index);
        return row !== undefined && !row.removed && !row.draining && !row.starting;
      },
      get: (row, unit, field) => (this.rows.has(row) ? unitAt(row, unit)[field]! : 0),
      set: (row, unit, field, value) => {
        unitAt(row, unit)[field] = value;
      },
      setState: (row, unit, state) => {
        unitAt(row, unit)[UNIT.state] = state;
      },
    };
  }

  private learn(record: Of<'checkin'>): void {
    assert(this.settings !== undefined);
    const learn = learnOf(policyCode(this.settings.policy));
    const hasFailed = FAILURES.has(record.end);
    if (learn === undefined || (record.latencyMs < 0 && !hasFailed)) return;
    if (record.lease < this.ward(record.nowMs).get(record.row, 0, UNIT.ticket)) return;
    learn(
      this.field({ tried: [], hash: 0, route: 0, wanted: 0 }, record.nowMs),
      record.row,
      record.latencyMs,
      hasFailed,
    );
  }

  private rowAt(record: { row: number; backendKey: number; epoch: number }): Row {
    const row = this.rows.get(record.row);
    assert(row !== undefined, `expected row ${record.row}`);
    assert.deepEqual(
      { backendKey: row.backendKey, epoch: row.epoch },
      { backendKey: record.backendKey, epoch: record.epoch },
    );
    return row;
  }

  /** What is answered to one that nothing can be given: a refusal, or undefined for the queue. */
  private decide(asked: Asked): Refusal | undefined {
    const present = [...this.rows.values()].filter((row) => !row.removed);
    assert.equal(this.openTo(asked).length, 0, 'who could be served is not turned away');
    const untried = present.filter((row) => !asked.tried.includes(row.backendKey));
    assert(this.settings !== undefined);
    if (!this.settings.widening && this.homeOf(asked) === undefined) {
      if (present.length === 0) return 'no_backends';
      if (untried.length === 0) return 'exhausted';
      const up = untried.some((row) => !row.draining && !row.starting);
      const starting = untried.some((row) => row.starting && !row.draining);
      if (!up && starting && this.settings.whenEmpty === 'refuse') return 'starting';
    }
    return this.queue.length >= this.settings.maxWaiting ? 'queue_full' : undefined;
  }

  private why(asked: Asked): Wait {
    if (this.homeOf(asked) !== undefined) return 'busy';
    const { tried, route } = asked;
    const present = [...this.rows.values()].filter((row) => !row.removed);
    const untried = present.filter((row) => !tried.includes(row.backendKey));
    if (present.length === 0) return 'no_backends';
    if (untried.length === 0) return 'exhausted';
    if (untried.some((row) => !isClosed(row) && !isClosedTo(row, route))) return 'busy';
    return untried.every((row) => row.starting && !row.draining) ? 'starting' : 'unavailable';
  }

  private pick(asked: Asked, nowMs: number): number {
    const field = this.field(asked, nowMs);
    assert(this.settings !== undefined);
    const home = this.homeOf(asked);
    if (home !== undefined) return this.openTo(asked).includes(home[1]) ? home[0] : NONE;
    const ready = Array.from({ length: field.rows }, (_, row) => row).find(
      (row) => field.isOpen(row) && isReady(this.ward(nowMs), row, asked.route),
    );
    if (ready !== undefined) return ready;
    const row = policyOf(policyCode(this.settings.policy))(field);
    if (row !== NONE) assert(field.isOpen(row), 'a policy picks an open row');
    return row;
  }

  private field(asked: Asked, nowMs: number): Field {
    const at = (index: number): Row => {
      const row = this.rows.get(index);
      assert(row !== undefined);
      return row;
    };
    return {
      nowMs,
      hash: asked.hash,
      rows: Math.max(-1, ...this.rows.keys()) + 1,
      isOpen: (index) => {
        const row = this.rows.get(index);
        return row !== undefined && isOpen(row, asked);
      },
      key: (index) => at(index).backendKey,
      latencyMs: (index) => at(index).latencyMs,
      failing: (index) => at(index).failing,
      learntAtMs: (index) => at(index).learntAtMs,
      learn: (index, latencyMs, failing) => {
        Object.assign(at(index), { latencyMs, failing, learntAtMs: nowMs });
      },
      inFlight: (index) => at(index).leases.size,
      weight: (index) => {
        const { slowStartMs } = this.health;
        const share = slowStartMs === 0 ? 1 : shareOf(at(index).openedAtMs, nowMs, slowStartMs);
        return at(index).weight * share;
      },
      score: (index) => at(index).score,
      setScore: (index, score) => {
        at(index).score = score;
      },
      mark: () => this.mark,
      setMark: (mark) => {
        this.mark = mark;
      },
      below: (bound) => {
        this.chance = nextChance(this.chance);
        return this.health.slowStartMs === 0 ? drawOf(this.chance, bound) : drawIn(this.chance, bound);
      },
    };
  }
}

function isOut(unit: readonly number[]): boolean {
  return unit[UNIT.state] === STATE.ejected || unit[UNIT.state] === STATE.trying;
}

function isClosed(row: Row): boolean {
  if (row.removed || row.draining || row.starting) return true;
  return row.quarantined || row.isFailing || isOut(row.units[0]!);
}

function isClosedTo(row: Row, route: number): boolean {
  return route !== 0 && row.units.some((unit, i) => i > 0 && unit[UNIT.key] === route && isOut(unit));
}

function isOpen(row: Row, { tried, route }: Asked): boolean {
  if (isClosed(row) || isClosedTo(row, route)) return false;
  return hasRoom(row) && !tried.includes(row.backendKey);
}

function hasRoom(row: Row): boolean {
  return row.limit === 0 || row.leases.size < row.limit;
}

/** Decides the records of one pool again; they may come in any order. */
export function replay(records: readonly LedgerRecord[]): PoolModel {
  const model = new PoolModel();
  for (const record of records.toSorted((a, b) => a.ticket - b.ticket)) model.apply(record);
  model.nobodyWaitsInVain();
  return model;
}

/** As `replay`, while records still come: what is drained from all rings in one pass is given together. */
export class Replay {
  readonly model = new PoolModel();
  applied = 0;
  private readonly pending = new Map<number, LedgerRecord>();
  // A pool that was freed begins anew with a higher ticket. All that its former life left was in the rings before that.
  private begun: number | undefined;

  pass(records: readonly LedgerRecord[]): void {
    const begun = this.begun;
    for (const record of records) {
      this.pending.set(record.ticket, record);
      if (record.op === 'start' && this.begun === undefined) this.begun = record.ticket;
    }
    this.catchUp();
    if (begun === undefined || this.begun !== begun) return;
    this.take(begun);
    this.begun = this.nextStart();
    this.catchUp();
  }

  /** Nothing more comes. */
  end(): PoolModel {
    while (this.begun !== undefined) this.pass([]);
    assert.equal(this.pending.size, 0, 'every record has its place');
    this.model.nobodyWaitsInVain();
    return this.model;
  }

  private catchUp(): void {
    while (this.pending.get(this.model.ticket + 1)?.op !== undefined) this.take(this.model.ticket + 1);
  }

  private take(ticket: number): void {
    const record = this.pending.get(ticket);
    assert(record !== undefined);
    this.pending.delete(ticket);
    this.model.apply(record);
    this.applied += 1;
    if (ticket === this.begun) this.begun = this.nextStart();
  }

  private nextStart(): number | undefined {
    const starts = [...this.pending.values()].filter(({ op }) => op === 'start').map(({ ticket }) => ticket);
    return starts.length === 0 ? undefined : Math.min(...starts);
  }
}
