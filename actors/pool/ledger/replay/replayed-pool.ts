/**
 * One pool's ledger decided again, record by record, by the ledger's own code and policies over memory of its own. What
 * came from outside (who asked, what was given back, which rows there are) is taken from the records; what the ledger made
 * of it is decided anew and compared.
 */
import { NONE } from '../../policy/policy.ts';
import { waitOf } from '../found.ts';
import { NODE, NODE_STATE, POOL, ROW } from '../memory/layout.ts';
import { unlink } from '../memory/queue.ts';
import type { LedgerRecord } from '../record/record.ts';
import { ReplayedHealth } from './replayed-health.ts';
import { holder, ROW_SHIFT } from './restored-pool.ts';
import { CONSEQUENCES, type Difference, Differs, type Of, verdictOf } from './verdict.ts';

export class ReplayedPool extends ReplayedHealth {
  #granting: Of<'grant'> | undefined;
  #hasGranted = false;

  /** Undefined: decided as recorded. After a difference the state is meaningless until the pool is restored. */
  apply(record: LedgerRecord): Difference | undefined {
    const { section } = this.memory;
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

  protected override grant(node: number, row: number, nowMs: number): void {
    const record = this.#granting;
    if (record === undefined || this.#hasGranted) return;
    this.#hasGranted = true;
    const waiter = this.memory.section.doubles[(node + NODE.ticket) >> 1]!;
    const backendKey = this.field.key(row);
    if (waiter !== record.waiter || row !== record.row) {
      const cause = waiter === record.waiter ? 'another backend is picked' : 'somebody else is first';
      throw new Differs(cause, { word: 'granted', backendKey, waiter }, verdictOf(record));
    }
    this.placeOf(record);
    const thread = this.word(node + NODE.thread);
    // `super.grant` takes a ticket: it must be the record's.
    this.memory.section.doubles[(this.block + POOL.ticket) >> 1] = record.ticket - 1;
    super.grant(node, row, nowMs);
    // Any other waiter that may now be given something has a record of its own.
    this.mayHaveClosed = false;
    this.#lease(record.ticket, row, thread);
    this.dropWaiter(waiter, node);
  }

  #happen(record: LedgerRecord): void {
    if (this.due.length > 0 && !this.isConsequence(record)) {
      const word = CONSEQUENCES[this.due[0]!.op] ?? 'something';
      throw new Differs('what follows from a check-in is missing', { word }, verdictOf(record));
    }
    switch (record.op) {
      case 'start':
        this.empty();
        this.putSettings(record);
        this.memory.section.words[this.block + POOL.chance] = record.seed;
        this.memory.section.doubles[(this.block + POOL.ticket) >> 1] = record.ticket;
        return;
      case 'settings':
        this.putSettings(record);
        this.mayHaveOpened = true;
        return;
      case 'row':
        this.place(record);
        return;
      case 'drop':
        this.drop();
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
        this.requarantine(record);
        return;
      case 'expire':
        this.reexpire(record);
        return;
      case 'reap':
        this.reap(record.dead);
        return;
      case 'health':
        this.judgeBy(record);
        return;
      case 'eject':
      case 'withhold':
      case 'release':
        this.consequence(record);
        return;
      case 'trial':
        this.retry(record);
        return;
      case 'probe':
        this.reprobe(record);
        return;
    }
  }

  /** Whatever opened was served, and whatever was due has ended, under the same lock before the next request. */
  #first(nowMs: number, record: LedgerRecord): void {
    this.#nobodyWaitsInVain();
    const due = this.nextExpiryMs();
    if (due === 0 || due > nowMs) return;
    let next = Number.POSITIVE_INFINITY;
    for (let row = 0; row < this.field.rows; row++) {
      const untilMs = this.isOutUntil(row);
      if (untilMs <= nowMs) {
        const decided = { word: 'expired', backendKey: this.field.key(row) };
        throw new Differs('what keeps a backend out is over and was not ended', decided, verdictOf(record));
      }
      next = Math.min(next, untilMs);
    }
    this.memory.section.doubles[(this.block + POOL.nextExpiryMs) >> 1] =
      next === Number.POSITIVE_INFINITY ? 0 : next;
  }

  #nobodyWaitsInVain(): void {
    if (!this.mayHaveOpened) return;
    this.mayHaveOpened = false;
    const { section } = this.memory;
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
      if (this.field.isForAny && !this.field.isAnyDrained) return;
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
    const at = this.placeOf(record);
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
    if (record.op === 'enqueue') this.join(record.ticket, record.thread, record);
  }

  #checkin(record: Of<'checkin'>): void {
    const at = this.placeOf(record);
    const known = this.leases.get(record.lease);
    const isIts = known === undefined ? record.lease <= this.restoredAt : known === holder(record);
    if (!isIts || this.word(at + ROW.shadows + record.thread) === 0)
      throw new Differs('it holds no such lease', { word: 'nothing' }, verdictOf(record));
    this.leases.delete(record.lease);
    this.count(at, record.thread, -1);
    const learnt = this.learnFrom(at, record.nowMs, record.lease, record.end, record.latencyMs);
    if (learnt !== record.latencyMs)
      throw new Differs('another latency is learnt', { word: String(learnt) }, verdictOf(record));
    this.judgeEnd(record, at);
    this.mayHaveOpened = true;
  }

  #leave(record: Of<'leave'>): void {
    const node = this.waiters.get(record.waiter);
    const recorded = { word: record.wait, waiter: record.waiter };
    if (node === undefined || this.word(node + NODE.thread) !== record.thread)
      throw new Differs('nobody of that name waits', { word: 'nothing' }, recorded);
    this.field.forNode(record.nowMs, node);
    const word = waitOf(this.field.found());
    if (word !== record.wait) throw new Differs('it waited for another reason', { word }, recorded);
    unlink(this.memory.section, this.block, node, NODE_STATE.free);
    this.dropWaiter(record.waiter, node);
  }

  #lease(ticket: number, row: number, thread: number): void {
    this.leases.set(ticket, row * ROW_SHIFT + thread);
  }
}
