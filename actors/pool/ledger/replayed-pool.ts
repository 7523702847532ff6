/**
 * One pool's ledger decided again, record by record, by the ledger's own code and policies over memory of its own. What came
 * from outside (who asked, what was given back, which rows there are) is taken from the record; what the ledger made of it
 * is decided anew and compared.
 */
import type { ByteWriter } from '../../../eventlog/index.ts';
import { abandon, inExcess, makeReady, release, restore } from '../health/course.ts';
import { NO_UNIT, STATE, UNIT, UNITS, type UnitField, type UnitState, unitOf } from '../health/ward.ts';
import { policyCode } from '../policy/policies.ts';
import { NONE } from '../policy/policy.ts';
import { type PoolCheckpoint, packCheckpoint, type RowCheckpoint } from './checkpoint.ts';
import { CLOSED, NO_LIMIT, NODE, NODE_STATE, PHASE, POOL, ROW, ROW_CHUNK, ROWS_IN_CHUNK } from './layout.ts';
import type { HealthDefinition } from './ledger.ts';
import { link, unlink } from './queue.ts';
import type { LedgerRecord } from './record.ts';
import { OP } from './record-layout.ts';
import type { Followed, ReplayMemory } from './replay-memory.ts';
import { SharedPool, waitOf } from './shared-pool.ts';

/** What is decided, in words and in the ledger's numbers. */
export type Verdict = {
  readonly word: string;
  readonly backendKey?: number;
  readonly waiter?: number;
};

/** The ledger recorded something else than its code decides. */
export type Difference = {
  readonly ticket: number;
  readonly op: LedgerRecord['op'];
  readonly nowMs: number;
  readonly thread: number;
  /** What is wrong, in a few words. */
  readonly cause: string;
  readonly decided: Verdict;
  readonly recorded: Verdict;
};

export type Waiting = {
  readonly tried: readonly number[];
  readonly hash: number;
  readonly route: number;
  readonly wanted: number;
  readonly before: number;
};

type Of<Op extends LedgerRecord['op']> = Extract<LedgerRecord, { op: Op }>;
type OfRow = { readonly row: number; readonly backendKey: number; readonly epoch: number };

// Thrown to leave the step under way; it never leaves this file.
class Differs extends Error {
  readonly cause_: string;
  readonly decided: Verdict;
  readonly recorded: Verdict;
  constructor(cause: string, decided: Verdict, recorded: Verdict) {
    super(cause);
    this.cause_ = cause;
    this.decided = decided;
    this.recorded = recorded;
  }
}

const NOTHING_DUE: readonly Followed[] = [];
const FIELDS = Object.entries(UNIT).flatMap(([name, at]) =>
  name === 'words' || name === 'state' ? [] : [at as UnitField],
);

// A lease is told by the row and the thread that hold it.
const ROW_SHIFT = 256;

export class ReplayedPool extends SharedPool {
  readonly #memory: ReplayMemory;
  readonly #waiters = new Map<number, number>();
  /** Row and thread by ticket; leases of before a checkpoint have no tickets that are known. */
  readonly #leases = new Map<number, number>();
  #restoredAt = 0;
  /** Something may have become free since someone last looked whether anyone waits for it. */
  #mayHaveOpened = false;
  /** What the last check-in led to, and no record has said yet. */
  #due: readonly Followed[] = NOTHING_DUE;
  #granting: Of<'grant'> | undefined;
  #hasGranted = false;

  constructor(memory: ReplayMemory, key: number) {
    const block = memory.pools.nextBlock();
    memory.pools.takeBlock();
    super(memory.tools, key, block);
    this.#memory = memory;
    this.#empty();
  }

  get ticket(): number {
    return this.#memory.section.doubles[(this.block + POOL.ticket) >> 1]!;
  }

  /** How many wait. */
  get waiting(): number {
    return this.word(this.block + POOL.waiting);
  }

  /** Gives its memory back. */
  free(): void {
    this.#dropWaiters();
    this.#memory.pools.clear(this.block);
    this.#memory.pools.freeBlock(this.block);
  }

  /** Undefined: decided as it was recorded. After a difference what is known here means nothing until it is restored. */
  apply(record: LedgerRecord): Difference | undefined {
    const { section } = this.#memory;
    section.doubles[(this.block + POOL.ticket) >> 1] = record.ticket;
    try {
      this.#happen(record);
      section.commit();
      return undefined;
    } catch (error) {
      section.rollback();
      if (!(error instanceof Differs)) throw error;
      const { ticket, op, nowMs, thread } = record;
      const { cause_: cause, decided, recorded } = error;
      return { ticket, op, nowMs, thread, cause, decided, recorded };
    }
  }

  /** As it was behind this ticket. */
  restore(checkpoint: PoolCheckpoint, ticket: number): void {
    this.#empty();
    const { words, doubles } = this.#memory.section;
    const { block } = this;
    this.#settings(checkpoint);
    words[block + POOL.chance] = checkpoint.chance;
    doubles[(block + POOL.mark) >> 1] = checkpoint.mark;
    doubles[(block + POOL.ticket) >> 1] = ticket;
    this.#judgeBy(checkpoint.health);
    // A hint that may be set for nothing.
    words[block + POOL.trials] = 1;
    for (const row of checkpoint.rows) this.#restoreRow(row);
    for (const { ticket: waiter, thread, ...asked } of checkpoint.waiters) this.#join(waiter, thread, asked);
    this.#memory.section.commit();
    this.#restoredAt = ticket;
    this.#mayHaveOpened = true;
  }

  /** Packed as the ledger packs its own checkpoints. */
  pack(into: ByteWriter): void {
    packCheckpoint(this.#memory.section, this, into);
  }

  /** What would be picked for whom the field looks at, and what chance is asked; nothing is changed. */
  peek(): { readonly row: number; readonly draws: readonly { below: number; drawn: number }[] } {
    const { field } = this;
    const draws: { below: number; drawn: number }[] = [];
    const below = field.below.bind(field);
    field.below = (bound) => {
      const drawn = below(bound);
      draws.push({ below: bound, drawn });
      return drawn;
    };
    try {
      return { row: this.pick(), draws };
    } finally {
      field.below = below;
      this.#memory.section.rollback();
    }
  }

  /** A waiter, by the ticket under which it was queued: what it asks for, and how many are before it. */
  waiter(ticket: number): Waiting | undefined {
    const node = this.#waiters.get(ticket);
    if (node === undefined) return undefined;
    const { words, doubles } = this.#memory.section;
    const tried = Array.from(
      { length: words[node + NODE.triedCount]! },
      (_, i) => doubles[((node + NODE.tried) >> 1) + i]!,
    );
    let before = 0;
    for (let at = words[node + NODE.previous]!; at !== 0; at = words[at + NODE.previous]!) before++;
    return {
      tried,
      hash: doubles[(node + NODE.hash) >> 1]!,
      route: doubles[(node + NODE.route) >> 1]!,
      wanted: doubles[(node + NODE.wanted) >> 1]!,
      before,
    };
  }

  protected override grant(node: number, row: number, nowMs: number): void {
    const record = this.#granting;
    if (record === undefined || this.#hasGranted) return;
    this.#hasGranted = true;
    const waiter = this.#memory.section.doubles[(node + NODE.ticket) >> 1]!;
    const backendKey = this.field.key(row);
    if (waiter !== record.waiter || row !== record.row) {
      const cause = waiter === record.waiter ? 'another backend is picked' : 'somebody else is first';
      throw new Differs(cause, { word: 'granted', backendKey, waiter }, verdictOf(record));
    }
    this.#rowOf(record);
    const thread = this.word(node + NODE.thread);
    // The ledger's own step takes a ticket: this one.
    this.#memory.section.doubles[(this.block + POOL.ticket) >> 1] = record.ticket - 1;
    super.grant(node, row, nowMs);
    // Whoever else may now be given something has a record of its own.
    this.mayHaveClosed = false;
    this.#lease(record.ticket, row, thread);
    this.#forget(waiter, node);
  }

  #happen(record: LedgerRecord): void {
    if (this.#due.length > 0 && !this.#isDue(record)) {
      const word = CONSEQUENCES[this.#due[0]!.op] ?? 'something';
      throw new Differs('what follows from a check-in is missing', { word }, verdictOf(record));
    }
    switch (record.op) {
      case 'start':
        this.#empty();
        this.#settings(record);
        this.#memory.section.words[this.block + POOL.chance] = record.seed;
        this.#memory.section.doubles[(this.block + POOL.ticket) >> 1] = record.ticket;
        return;
      case 'settings':
        this.#settings(record);
        this.#mayHaveOpened = true;
        return;
      case 'row':
        this.#place(record);
        return;
      case 'drop':
        this.#drop();
        return;
      case 'checkout':
        this.#first(record.nowMs, record);
        this.#checkout(record);
        return;
      case 'enqueue':
      case 'refuse':
        this.#first(record.nowMs, record);
        this.#turnAway(record);
        return;
      case 'grant':
        this.#granting = record;
        this.#hasGranted = false;
        this.serve(record.nowMs, 1);
        this.#granting = undefined;
        if (!this.#hasGranted)
          throw new Differs('nobody can be given anything', { word: 'nothing' }, verdictOf(record));
        return;
      case 'checkin':
        this.#nobodyWaitsInVain();
        this.#checkin(record);
        return;
      case 'leave':
        this.#nobodyWaitsInVain();
        this.#leave(record);
        return;
      case 'quarantine':
        this.#quarantine(record);
        return;
      case 'expire':
        this.#expire(record);
        return;
      case 'reap':
        this.#reap(record.dead);
        return;
      case 'health':
        this.#judgeBy(record);
        return;
      case 'eject':
      case 'withhold':
      case 'release':
        this.#judged(record);
        return;
      case 'trial':
        this.#trial(record);
        return;
      case 'probe':
        this.#probe(record);
        return;
    }
  }

  /** Under one lock whatever opened has been served, and whatever was due has ended, before anybody else asks. */
  #first(nowMs: number, record: LedgerRecord): void {
    this.#nobodyWaitsInVain();
    const due = this.nextExpiryMs();
    if (due === 0 || due > nowMs) return;
    let next = Number.POSITIVE_INFINITY;
    for (let row = 0; row < this.field.rows; row++) {
      const untilMs = this.#isOutUntil(row);
      if (untilMs <= nowMs) {
        const decided = { word: 'expired', backendKey: this.field.key(row) };
        throw new Differs('what keeps a backend out is over and was not ended', decided, verdictOf(record));
      }
      next = Math.min(next, untilMs);
    }
    this.#memory.section.doubles[(this.block + POOL.nextExpiryMs) >> 1] =
      next === Number.POSITIVE_INFINITY ? 0 : next;
  }

  /** When the first thing that keeps it out is over. */
  #isOutUntil(row: number): number {
    const at = this.field.placeOf(row);
    const closed = this.word(at + ROW.closed);
    let untilMs = Number.POSITIVE_INFINITY;
    if ((closed & CLOSED.quarantined) !== 0) untilMs = this.#memory.section.doubles[(at + ROW.untilMs) >> 1]!;
    if ((closed & CLOSED.empty) !== 0) return untilMs;
    if ((closed & CLOSED.ejected) === 0 && this.word(at + ROW.routesOut) === 0) return untilMs;
    for (let unit = 0; unit < UNITS; unit++)
      if (this.ward.get(row, unit, UNIT.state) === STATE.ejected)
        untilMs = Math.min(untilMs, this.ward.get(row, unit, UNIT.untilMs));
    return untilMs;
  }

  #nobodyWaitsInVain(): void {
    if (!this.#mayHaveOpened) return;
    this.#mayHaveOpened = false;
    const { section } = this.#memory;
    for (
      let node = section.words[this.block + POOL.firstWaiter]!;
      node !== 0;
      node = section.words[node + NODE.next]!
    ) {
      this.field.forNode(this.field.nowMs, node);
      const row = this.field.firstOpen();
      if (row !== NONE) {
        const waiter = section.doubles[(node + NODE.ticket) >> 1]!;
        const decided = { word: 'granted', backendKey: this.field.key(row), waiter };
        throw new Differs('somebody waits though a backend is free', decided, { word: 'nothing' });
      }
      if (this.field.isForAny) return;
    }
  }

  #checkout(record: Of<'checkout'>): void {
    this.field.forRequest(record.nowMs, record.tried, record.hash, record.route, record.wanted);
    const row = this.pick();
    if (row !== record.row) {
      const decided =
        row === NONE ? { word: 'nothing' } : { word: 'leased', backendKey: this.field.key(row) };
      throw new Differs('another backend is picked', decided, verdictOf(record));
    }
    const at = this.#rowOf(record);
    this.count(at, record.thread, 1);
    this.begun(row, record.ticket, record.thread);
    this.#lease(record.ticket, row, record.thread);
  }

  #turnAway(record: Of<'enqueue'> | Of<'refuse'>): void {
    this.field.forRequest(record.nowMs, record.tried, record.hash, record.route, record.wanted);
    const row = this.pick();
    const recorded = verdictOf(record);
    if (row !== NONE) {
      const decided = { word: 'leased', backendKey: this.field.key(row) };
      throw new Differs('a backend is free for it', decided, recorded);
    }
    const word = this.refusal() ?? 'queued';
    if (word !== recorded.word) throw new Differs('it is turned away otherwise', { word }, recorded);
    if (record.op === 'enqueue') this.#join(record.ticket, record.thread, record);
  }

  #checkin(record: Of<'checkin'>): void {
    const at = this.#rowOf(record);
    const known = this.#leases.get(record.lease);
    const isIts = known === undefined ? record.lease <= this.#restoredAt : known === holder(record);
    if (!isIts || this.word(at + ROW.shadows + record.thread) === 0)
      throw new Differs('it holds no such lease', { word: 'nothing' }, verdictOf(record));
    this.#leases.delete(record.lease);
    this.count(at, record.thread, -1);
    const learnt = this.learnFrom(at, record.nowMs, record.end, record.latencyMs);
    if (learnt !== record.latencyMs)
      throw new Differs('another latency is learnt', { word: String(learnt) }, verdictOf(record));
    this.#judge(record, at);
    this.#mayHaveOpened = true;
  }

  #leave(record: Of<'leave'>): void {
    const node = this.#waiters.get(record.waiter);
    const recorded = { word: record.wait, waiter: record.waiter };
    if (node === undefined || this.word(node + NODE.thread) !== record.thread)
      throw new Differs('nobody of that name waits', { word: 'nothing' }, recorded);
    this.field.forNode(record.nowMs, node);
    const word = waitOf(this.field.found());
    if (word !== record.wait) throw new Differs('it waited for another reason', { word }, recorded);
    unlink(this.#memory.section, this.block, node, NODE_STATE.free);
    this.#forget(record.waiter, node);
  }

  #quarantine(record: Of<'quarantine'>): void {
    const at = this.#rowOf(record);
    const { section } = this.#memory;
    const closed = this.word(at + ROW.closed);
    const isShorter =
      (closed & CLOSED.quarantined) !== 0 && record.untilMs <= section.doubles[(at + ROW.untilMs) >> 1]!;
    if (record.untilMs <= record.nowMs || isShorter)
      throw new Differs('a quarantine is only lengthened', { word: 'nothing' }, verdictOf(record));
    section.set(at + ROW.closed, closed | CLOSED.quarantined);
    section.setDouble(at + ROW.untilMs, record.untilMs);
    this.expireBy(record.untilMs);
    // Whoever is at home there may now have any other.
    this.#mayHaveOpened = true;
  }

  #expire(record: Of<'expire'>): void {
    const at = this.#rowOf(record);
    const { section } = this.#memory;
    const closed = this.word(at + ROW.closed);
    const isDue =
      (closed & CLOSED.quarantined) !== 0 && section.doubles[(at + ROW.untilMs) >> 1]! <= record.nowMs;
    if (!isDue) throw new Differs('no quarantine of it is over', { word: 'nothing' }, verdictOf(record));
    section.set(at + ROW.closed, closed & ~CLOSED.quarantined);
    section.setDouble(at + ROW.openedAtMs, record.nowMs);
    this.#mayHaveOpened = true;
  }

  /** In the same step as the check-in, as the ledger does it: the records that follow say what came of it. */
  #judge({ backendKey, epoch, lease: ticket, route, nowMs, end }: Of<'checkin'>, at: number): void {
    const { followed } = this.#memory;
    followed.length = 0;
    this.judged({ poolKey: this.key, backendKey, epoch, ticket, row: at, route, open: false }, nowMs, end);
    if (followed.length > 0) this.#due = followed.splice(0);
  }

  #isDue(record: LedgerRecord): boolean {
    return record.op === 'eject' || record.op === 'withhold' || record.op === 'release';
  }

  #judged(record: Of<'eject'> | Of<'withhold'> | Of<'release'>): void {
    const [due, ...rest] = this.#due;
    if (due === undefined && record.op === 'release') this.#relieve(record);
    else if (due === undefined && record.op === 'eject' && record.known > 0) this.#recall(record);
    else {
      const at = this.#rowOf(record);
      const untilMs = record.op === 'eject' ? record.untilMs : 0;
      const isSame =
        due !== undefined &&
        due.op === OP[record.op] &&
        due.ticket === record.ticket &&
        due.at === at &&
        due.route === record.route &&
        due.untilMs === untilMs;
      const word = due === undefined ? 'nothing' : (CONSEQUENCES[due.op] ?? 'something');
      if (!isSame) throw new Differs('something else follows from a check-in', { word }, verdictOf(record));
      this.#due = rest;
    }
    this.#mayHaveOpened = true;
  }

  /** Fewer may be out than are. */
  #relieve(record: Of<'release'>): void {
    const at = this.#rowOf(record);
    this.ward.nowMs = record.nowMs;
    const found = inExcess(this.ward);
    const unit = unitOf(this.ward, record.row, record.route);
    if (found === NO_UNIT || found !== record.row * UNITS + unit) {
      const row = Math.floor(found / UNITS);
      const decided = found === NO_UNIT ? {} : { backendKey: this.field.key(row) };
      throw new Differs('another is let back', { word: 'nothing', ...decided }, verdictOf(record));
    }
    release(this.ward, record.row, unit, record.ticket);
    if (unit === 0) this.#memory.section.setDouble(at + ROW.openedAtMs, record.nowMs);
  }

  /** Known from before the ledger was made. */
  #recall(record: Of<'eject'>): void {
    this.#rowOf(record);
    this.ward.nowMs = record.nowMs;
    let unit = 0;
    if (record.route !== 0)
      for (unit = 1; unit < UNITS && this.ward.get(record.row, unit, UNIT.key) !== 0; ) unit++;
    if (unit === UNITS)
      throw new Differs('there is no room for another route', { word: 'nothing' }, verdictOf(record));
    this.ward.set(record.row, unit, UNIT.key, record.route);
    restore(this.ward, record.row, unit, record.untilMs, record.known);
    this.expireBy(record.untilMs);
  }

  #trial(record: Of<'trial'>): void {
    this.#rowOf(record);
    const unit = unitOf(this.ward, record.row, record.route);
    const isDue =
      unit !== NO_UNIT &&
      this.ward.get(record.row, unit, UNIT.state) === STATE.ejected &&
      this.ward.get(record.row, unit, UNIT.untilMs) <= record.nowMs;
    if (!isDue) throw new Differs('no ejection of it is over', { word: 'nothing' }, verdictOf(record));
    makeReady(this.ward, record.row, unit);
    this.#mayHaveOpened = true;
  }

  #probe(record: Of<'probe'>): void {
    const at = this.#rowOf(record);
    const { section } = this.#memory;
    const closed = this.word(at + ROW.closed);
    if (((closed & CLOSED.failing) !== 0) === record.failing)
      throw new Differs('its probes said so before', { word: 'nothing' }, verdictOf(record));
    section.set(at + ROW.closed, record.failing ? closed | CLOSED.failing : closed & ~CLOSED.failing);
    if (!record.failing) section.setDouble(at + ROW.openedAtMs, record.nowMs);
    this.#mayHaveOpened = true;
  }

  #judgeBy(health: HealthDefinition): void {
    const { words, doubles } = this.#memory.section;
    const { block } = this;
    words[block + POOL.failures] = health.failures;
    words[block + POOL.maxEjectedPercent] = health.maxEjectedPercent;
    doubles[(block + POOL.windowMs) >> 1] = health.windowMs;
    doubles[(block + POOL.quarantineMs) >> 1] = health.quarantineMs;
    doubles[(block + POOL.slowStartMs) >> 1] = health.slowStartMs;
    this.field.slowStartMs = health.slowStartMs;
  }

  #reap(dead: number): void {
    const { section } = this.#memory;
    for (let row = 0; row < this.field.rows; row++) {
      const at = this.field.placeOf(row);
      const share = this.word(at + ROW.shadows + dead);
      if (share === 0) continue;
      const left = this.word(at + ROW.inFlight) - share;
      section.set(at + ROW.inFlight, left);
      section.set(at + ROW.shadows + dead, 0);
      if (left === 0 && (this.word(at + ROW.closed) & CLOSED.removed) !== 0)
        section.set(at + ROW.closed, CLOSED.empty);
      else abandon(this.ward, row, dead);
      section.commit();
    }
    for (const [ticket, held] of this.#leases) if (held % ROW_SHIFT === dead) this.#leases.delete(ticket);
    for (const [ticket, node] of this.#waiters) {
      if (this.word(node + NODE.thread) !== dead) continue;
      unlink(section, this.block, node, NODE_STATE.free);
      section.commit();
      this.#forget(ticket, node);
    }
    this.#mayHaveOpened = true;
  }

  #drop(): void {
    const { section } = this.#memory;
    section.words[this.block + POOL.widening] = 0;
    for (let row = 0; row < this.field.rows; row++) {
      const at = this.field.placeOf(row);
      const closed = this.word(at + ROW.closed);
      if ((closed & CLOSED.empty) !== 0) continue;
      const isIdle = this.word(at + ROW.inFlight) === 0;
      section.words[at + ROW.closed] = isIdle ? CLOSED.empty : closed | CLOSED.removed;
    }
    this.#dropWaiters();
  }

  /** A row as the main thread made it. */
  #place(record: Of<'row'>): void {
    const at = this.#roomFor(record.row);
    const { words, doubles } = this.#memory.section;
    const wasEmpty = (words[at + ROW.closed]! & CLOSED.empty) !== 0;
    const recorded = verdictOf(record);
    if (!wasEmpty && doubles[(at + ROW.key) >> 1] !== record.backendKey)
      throw new Differs('its row is in use', { word: 'nothing' }, recorded);
    if (record.empty && words[at + ROW.inFlight] !== 0)
      throw new Differs('leases on it are out', { word: 'removed' }, recorded);
    if (wasEmpty) this.#clearRow(at);
    doubles[(at + ROW.key) >> 1] = record.backendKey;
    doubles[(at + ROW.untilMs) >> 1] = record.untilMs;
    words[at + ROW.epoch] = record.epoch;
    words[at + ROW.index] = record.row;
    words[at + ROW.limit] = record.limit === 0 ? NO_LIMIT : record.limit;
    words[at + ROW.weight] = record.weight;
    const closed = closedOf(record);
    if (closed === 0 && words[at + ROW.closed] !== 0) doubles[(at + ROW.openedAtMs) >> 1] = record.nowMs;
    words[at + ROW.closed] = closed;
    if (record.quarantined) this.expireBy(record.untilMs);
    this.#mayHaveOpened = true;
  }

  #restoreRow(row: RowCheckpoint): void {
    const at = this.#roomFor(row.row);
    const { words, doubles } = this.#memory.section;
    doubles[(at + ROW.key) >> 1] = row.backendKey;
    doubles[(at + ROW.untilMs) >> 1] = row.untilMs;
    doubles[(at + ROW.score) >> 1] = row.score;
    doubles[(at + ROW.latencyMs) >> 1] = row.latencyMs;
    doubles[(at + ROW.failing) >> 1] = row.failing;
    doubles[(at + ROW.learntAtMs) >> 1] = row.learntAtMs;
    words[at + ROW.epoch] = row.epoch;
    words[at + ROW.index] = row.row;
    words[at + ROW.limit] = row.limit === 0 ? NO_LIMIT : row.limit;
    words[at + ROW.weight] = row.weight;
    words[at + ROW.closed] = closedOf(row);
    for (const [thread, held] of row.inFlight) {
      words[at + ROW.shadows + thread] = held;
      words[at + ROW.inFlight] = words[at + ROW.inFlight]! + held;
    }
    doubles[(at + ROW.openedAtMs) >> 1] = row.openedAtMs;
    if (row.quarantined) this.expireBy(row.untilMs);
    for (const [unit, numbers] of row.units.entries()) this.#restoreUnit(row.row, unit, numbers);
    this.#memory.section.commit();
  }

  #restoreUnit(row: number, unit: number, numbers: readonly number[]): void {
    for (const field of FIELDS) this.ward.set(row, unit, field, numbers[field] ?? 0);
    const state = (numbers[UNIT.state] ?? STATE.sound) as UnitState;
    this.ward.setState(row, unit, state);
    if (state === STATE.ejected) this.expireBy(numbers[UNIT.untilMs] ?? 0);
  }

  #clearRow(at: number): void {
    const { words, doubles } = this.#memory.section;
    words.fill(0, at + ROW.openedAtMs, at + ROW.shadows);
    doubles[(at + ROW.score) >> 1] = -1;
    doubles[(at + ROW.latencyMs) >> 1] = -1;
    doubles[(at + ROW.failing) >> 1] = 0;
    doubles[(at + ROW.learntAtMs) >> 1] = 0;
  }

  #settings(settings: Pick<Of<'settings'>, 'policy' | 'maxWaiting' | 'whenEmpty' | 'widening'>): void {
    const { words } = this.#memory.section;
    words[this.block + POOL.policy] = policyCode(settings.policy);
    words[this.block + POOL.maxWaiting] = settings.maxWaiting;
    words[this.block + POOL.hold] = settings.whenEmpty === 'hold' ? 1 : 0;
    words[this.block + POOL.widening] = settings.widening ? 1 : 0;
  }

  #join(
    ticket: number,
    thread: number,
    { tried, hash, route, wanted }: Pick<Of<'enqueue'>, 'tried' | 'hash' | 'route' | 'wanted'>,
  ): void {
    const node = this.#memory.takeNode(thread);
    const { section } = this.#memory;
    // The memory may have grown.
    if (this.field.words !== section.words) this.refresh();
    section.doubles[(node + NODE.ticket) >> 1] = ticket;
    section.doubles[(node + NODE.hash) >> 1] = hash;
    section.doubles[(node + NODE.route) >> 1] = route;
    section.doubles[(node + NODE.wanted) >> 1] = wanted;
    section.words[node + NODE.triedCount] = tried.length;
    for (let i = 0; i < tried.length; i++) section.doubles[((node + NODE.tried) >> 1) + i] = tried[i]!;
    link(section, this.block, node);
    section.commit();
    this.#waiters.set(ticket, node);
  }

  #forget(ticket: number, node: number): void {
    this.#waiters.delete(ticket);
    this.#memory.section.commit();
    this.#memory.freeNode(node);
  }

  #dropWaiters(): void {
    for (const [ticket, node] of this.#waiters) {
      unlink(this.#memory.section, this.block, node, NODE_STATE.free);
      this.#forget(ticket, node);
    }
  }

  #lease(ticket: number, row: number, thread: number): void {
    this.#leases.set(ticket, row * ROW_SHIFT + thread);
  }

  /** Where the row is that a record speaks of, which must be that backend's. */
  #rowOf(record: OfRow & LedgerRecord): number {
    const isThere = record.row < this.field.rows;
    const at = isThere ? this.field.placeOf(record.row) : 0;
    if (
      isThere &&
      this.field.key(record.row) === record.backendKey &&
      this.word(at + ROW.epoch) === record.epoch &&
      (this.word(at + ROW.closed) & CLOSED.empty) === 0
    )
      return at;
    throw new Differs('the row is not that backend’s', { word: 'nothing' }, verdictOf(record));
  }

  /** Where a row is, or will be. */
  #roomFor(row: number): number {
    const { section, pools } = this.#memory;
    if (row >= this.field.capacity) {
      const missing = Math.ceil((row + 1 - this.field.capacity) / ROWS_IN_CHUNK);
      const chunks = pools.takeChunks(missing);
      let last = this.block + POOL.firstChunk;
      while (section.words[last] !== 0) last = section.words[last]! + ROW_CHUNK.next;
      for (const chunk of chunks) {
        section.words[last] = chunk;
        last = chunk + ROW_CHUNK.next;
      }
      section.words[this.block + POOL.layout]! += 1;
    }
    if (row >= section.words[this.block + POOL.rows]!) section.words[this.block + POOL.rows] = row + 1;
    this.refresh();
    return this.field.placeOf(row);
  }

  #empty(): void {
    this.#dropWaiters();
    const { section, pools } = this.#memory;
    if (section.words[this.block + POOL.phase] === PHASE.live) pools.clear(this.block);
    const { words, doubles } = section;
    const layout = words[this.block + POOL.layout]!;
    words.fill(0, this.block + POOL.layout, this.block + POOL.words);
    words[this.block + POOL.layout] = (layout + 1) | 0;
    words[this.block + POOL.phase] = PHASE.live;
    doubles[(this.block + POOL.key) >> 1] = this.key;
    this.#leases.clear();
    this.#restoredAt = 0;
    this.#mayHaveOpened = false;
    this.#due = NOTHING_DUE;
    section.commit();
    this.refresh();
  }
}

function holder({ row, thread }: { readonly row: number; readonly thread: number }): number {
  return row * ROW_SHIFT + thread;
}

function closedOf(row: {
  readonly empty?: boolean;
  readonly removed: boolean;
  readonly draining: boolean;
  readonly starting: boolean;
  readonly quarantined: boolean;
  /** Of a record. */
  readonly ejected?: boolean;
  readonly failing?: boolean | number;
  /** Of a checkpoint. */
  readonly isFailing?: boolean;
}): number {
  return (
    (row.empty === true ? CLOSED.empty : 0) |
    (row.removed ? CLOSED.removed : 0) |
    (row.draining ? CLOSED.draining : 0) |
    (row.starting ? CLOSED.starting : 0) |
    (row.quarantined ? CLOSED.quarantined : 0) |
    (row.ejected === true ? CLOSED.ejected : 0) |
    (row.failing === true || row.isFailing === true ? CLOSED.failing : 0)
  );
}

const WORDS = {
  start: 'started',
  settings: 'set',
  row: 'placed',
  drop: 'dropped',
  checkout: 'leased',
  enqueue: 'queued',
  refuse: 'refused',
  grant: 'granted',
  checkin: 'given back',
  leave: 'left',
  quarantine: 'quarantined',
  expire: 'expired',
  reap: 'reaped',
  health: 'judged so',
  eject: 'ejected',
  withhold: 'withheld',
  trial: 'to be tried',
  release: 'let back',
  probe: 'probed',
} as const satisfies Record<LedgerRecord['op'], string>;

const CONSEQUENCES: Readonly<Record<number, string>> = {
  [OP.eject]: WORDS.eject,
  [OP.withhold]: WORDS.withhold,
  [OP.release]: WORDS.release,
};

/** What a record says was decided. */
export function verdictOf(record: LedgerRecord): Verdict {
  return {
    word: record.op === 'refuse' ? record.refusal : WORDS[record.op],
    ...('backendKey' in record ? { backendKey: record.backendKey } : {}),
    ...('waiter' in record ? { waiter: record.waiter } : {}),
  };
}
