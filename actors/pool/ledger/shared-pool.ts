/**
 * One pool as one thread sees it: checkout, check-in and what else any thread may do.
 *
 * At every moment when the lock is free, no waiter could have a slot that is open: whoever opens one serves the queue
 * before it leaves. Hence an open slot is one that no waiter may have, and a newcomer who takes it overtakes nobody.
 */
// `fail` under an `if`: an assertion would build its message for every request.
import { fail } from 'node:assert/strict';
import { policyOf } from '../policy/policies.ts';
import { NONE, type Policy, type Row } from '../policy/policy.ts';
import type { Instruments } from './instruments.ts';
import { CLOSED, NO_LIMIT, NODE, NODE_STATE, PHASE, POOL, ROW, TRIED_MAX } from './layout.ts';
import { HeldLease } from './lease.ts';
import type {
  Checkout,
  Lease,
  LeaseEnd,
  PoolLedger,
  PoolStats,
  Refusal,
  RowState,
  RowStats,
  Wait,
  Waiter,
} from './ledger.ts';
import { leaseOf } from './mailbox.ts';
import { link, unlink } from './queue.ts';
import { END, OP, REFUSAL, WAIT } from './record-layout.ts';
import { FOUND, SharedField } from './shared-field.ts';

export class SharedPool implements PoolLedger {
  readonly key: number;
  /** Where the pool is. A pool that was removed and defined again may lie elsewhere: `enter` finds it. */
  block: number;
  readonly field: SharedField;
  protected readonly tools: Instruments;
  private layout = -1;
  private policyCode = -1;
  private policy: Policy = () => NONE;

  constructor(tools: Instruments, key: number, block: number) {
    this.tools = tools;
    this.key = key;
    this.block = block;
    this.field = new SharedField(tools.section, tools.tried);
  }

  checkout(nowMs: number, tried: readonly number[], waiter: Waiter): Checkout {
    if (waiter.place !== 0) fail('expected a waiter that does not wait');
    if (tried.length > TRIED_MAX) fail(`expected at most ${TRIED_MAX} tried backends, found ${tried.length}`);
    this.tools.nodes.reserve();
    if (!this.enter()) return 'no_backends';
    let answer: Checkout;
    try {
      this.expireDue(nowMs);
      answer = this.give(nowMs, tried) ?? this.turnAway(nowMs, waiter);
    } catch (error) {
      this.tools.section.rollback();
      throw error;
    } finally {
      this.exit();
    }
    this.tools.mailbox.settle();
    return answer;
  }

  checkin(lease: Lease, nowMs: number, end: LeaseEnd): void {
    if (!lease.open || lease.poolKey !== this.key) fail('expected an open lease of this pool');
    if (!this.enter()) fail('expected the pool of a lease, found none');
    try {
      lease.open = false;
      this.giveBack(lease, nowMs, end);
      if (this.isOpenAt(lease.row)) this.serve(nowMs, 1);
    } catch (error) {
      this.tools.section.rollback();
      throw error;
    } finally {
      this.exit();
    }
    this.tools.mailbox.settle();
  }

  leave(waiter: Waiter, nowMs: number): Lease | Wait {
    const node = waiter.place;
    if (node === 0) fail('expected a waiter that waits');
    let answer: Lease | Wait = 'no_backends';
    if (this.enter()) {
      try {
        answer = this.withdraw(node, nowMs);
      } catch (error) {
        this.tools.section.rollback();
        throw error;
      } finally {
        this.exit();
      }
    } else {
      // The pool is gone, and has refused all who waited for it.
      this.tools.section.words[node + NODE.state] = NODE_STATE.free;
    }
    this.tools.nodes.release(node);
    this.tools.mailbox.settle();
    return answer;
  }

  quarantine(backendKey: number, nowMs: number, untilMs: number): void {
    if (!this.enter()) return;
    try {
      const row = this.rowOf(backendKey);
      if (row !== NONE) this.quarantineAt(this.field.placeOf(row), nowMs, untilMs);
    } catch (error) {
      this.tools.section.rollback();
      throw error;
    } finally {
      this.exit();
    }
    this.tools.mailbox.settle();
  }

  expire(nowMs: number): void {
    if (!this.enter()) return;
    try {
      this.expireDue(nowMs);
    } catch (error) {
      this.tools.section.rollback();
      throw error;
    } finally {
      this.exit();
    }
    this.tools.mailbox.settle();
  }

  nextExpiryMs(): number {
    return this.tools.section.doubles[(this.block + POOL.nextExpiryMs) >> 1]!;
  }

  /** Without the lock, so that counting disturbs nobody: each number was true a moment ago, not all at the same. */
  stats(): PoolStats {
    if (this.word(this.block + POOL.layout) !== this.layout) {
      if (!this.enter()) return { waiting: 0, rows: [] };
      this.exit();
    }
    const rows: RowStats[] = [];
    for (let row = 0; row < this.word(this.block + POOL.rows) && row < this.field.capacity; row++) {
      const at = this.field.placeOf(row);
      if ((this.word(at + ROW.closed) & CLOSED.empty) === 0) rows.push(this.rowStats(at));
    }
    return { waiting: this.word(this.block + POOL.waiting), rows };
  }

  // What the main thread's part of the ledger builds on. All of it under the lock.

  /** Enters the pool, wherever it is now; false, and outside, when there is none. */
  enter(): boolean {
    const { section, directory } = this.tools;
    for (;;) {
      section.enter(this.block);
      if (section.words[this.block + POOL.layout] === this.layout) {
        this.look();
        return true;
      }
      if (this.isHere()) {
        this.refresh();
        return true;
      }
      section.exit(this.block);
      const block = directory.find(this.key);
      if (block === 0) return false;
      this.block = block;
      this.layout = -1;
    }
  }

  /** Out of the lock; then the bells of those to whom something was given. */
  exit(): void {
    this.tools.section.exit(this.block);
    this.tools.mailbox.ringBells();
  }

  /** Looks at the rows anew, after they were laid out differently. */
  refresh(): void {
    const { section } = this.tools;
    this.layout = section.words[this.block + POOL.layout]!;
    this.field.layOut(this.block);
    this.look();
  }

  /** Gives open slots, so many at most, to those who wait, first come first. */
  serve(nowMs: number, slots: number): void {
    const { section } = this.tools;
    let node = section.words[this.block + POOL.firstWaiter]!;
    for (let left = slots; node !== 0 && left > 0; ) {
      const next = section.words[node + NODE.next]!;
      this.field.forNode(node);
      const row = this.pick();
      if (row !== NONE) {
        this.grant(node, row, nowMs);
        left -= 1;
      } else if (this.field.triedCount === 0) {
        // Who tried nothing and is given nothing: there is nothing.
        return;
      }
      node = next;
    }
  }

  /** NONE when the pool has no such backend. */
  rowOf(backendKey: number): Row {
    const { doubles } = this.tools.section;
    for (let row = 0; row < this.field.rows; row++) {
      const at = this.field.placeOf(row);
      if (doubles[(at + ROW.key) >> 1] === backendKey && (this.word(at + ROW.closed) & CLOSED.empty) === 0)
        return row;
    }
    return NONE;
  }

  quarantineAt(at: number, nowMs: number, untilMs: number): void {
    const { section, recorder } = this.tools;
    const closed = this.word(at + ROW.closed);
    const quarantined = (closed & CLOSED.quarantined) !== 0;
    if (untilMs <= nowMs || (quarantined && untilMs <= section.doubles[(at + ROW.untilMs) >> 1]!)) return;
    section.set(at + ROW.closed, closed | CLOSED.quarantined);
    section.setDouble(at + ROW.untilMs, untilMs);
    this.expireBy(untilMs);
    recorder.row(OP.quarantine, this.block, recorder.ticket(this.block), nowMs, at, 0, 0);
    section.commit();
  }

  /** Makes sure that someone looks when a quarantine ends. */
  expireBy(untilMs: number): void {
    const next = this.nextExpiryMs();
    if (next === 0 || untilMs < next) this.tools.section.setDouble(this.block + POOL.nextExpiryMs, untilMs);
  }

  private give(nowMs: number, tried: readonly number[]): Lease | undefined {
    const { section, recorder } = this.tools;
    this.field.forTried(tried);
    const row = this.pick();
    if (row === NONE) return undefined;
    const at = this.field.placeOf(row);
    this.count(at, section.thread, 1);
    const ticket = recorder.ticket(this.block);
    recorder.checkout(this.block, ticket, nowMs, at, this.field.tried, this.field.triedCount);
    section.commit();
    return new HeldLease(
      this.key,
      section.doubles[(at + ROW.key) >> 1]!,
      this.word(at + ROW.epoch),
      ticket,
      at,
    );
  }

  private turnAway(nowMs: number, waiter: Waiter): 'queued' | Refusal {
    const { section, recorder } = this.tools;
    const { tried, triedCount } = this.field;
    const refusal = this.refusal();
    const ticket = recorder.ticket(this.block);
    if (refusal === undefined) {
      this.queue(ticket);
      recorder.turnedAway(OP.enqueue, this.block, ticket, nowMs, 0, tried, triedCount);
      section.commit();
      this.tools.nodes.take(waiter);
      return 'queued';
    }
    recorder.turnedAway(OP.refuse, this.block, ticket, nowMs, REFUSAL[refusal], tried, triedCount);
    section.commit();
    return refusal;
  }

  private refusal(): Refusal | undefined {
    const found = this.field.found();
    if (this.word(this.block + POOL.widening) === 0) {
      if (found === 0) return 'no_backends';
      if (found === FOUND.tried) return 'exhausted';
      const noneUp = (found & (FOUND.busy | FOUND.quarantined)) === 0;
      const starting = noneUp && (found & FOUND.starting) !== 0;
      if (starting && this.word(this.block + POOL.hold) === 0) return 'starting';
    }
    return this.word(this.block + POOL.waiting) >= this.word(this.block + POOL.maxWaiting)
      ? 'queue_full'
      : undefined;
  }

  private queue(ticket: number): void {
    const { section, nodes } = this.tools;
    const node = nodes.next();
    section.doubles[(node + NODE.ticket) >> 1] = ticket;
    section.words[node + NODE.triedCount] = this.field.triedCount;
    for (let i = 0; i < this.field.triedCount; i++) {
      section.doubles[((node + NODE.tried) >> 1) + i] = this.field.tried[i]!;
    }
    link(section, this.block, node);
  }

  private grant(node: number, row: Row, nowMs: number): void {
    const { section, recorder, mailbox } = this.tools;
    const at = this.field.placeOf(row);
    const ticket = recorder.ticket(this.block);
    this.count(at, this.word(node + NODE.thread), 1);
    // These say something only of a granted node, so they need no noting.
    section.words[node + NODE.row] = at;
    section.words[node + NODE.epoch] = this.word(at + ROW.epoch);
    section.doubles[(node + NODE.lease) >> 1] = ticket;
    unlink(section, this.block, node, NODE_STATE.granted);
    recorder.row(OP.grant, this.block, ticket, nowMs, at, section.doubles[(node + NODE.ticket) >> 1]!, 0);
    section.commit();
    mailbox.post(node);
  }

  private giveBack(lease: Lease, nowMs: number, end: LeaseEnd): void {
    const { section, recorder } = this.tools;
    const at = lease.row;
    if (this.word(at + ROW.epoch) !== lease.epoch) fail(`expected epoch ${lease.epoch} of a leased row`);
    this.count(at, section.thread, -1);
    recorder.row(OP.checkin, this.block, recorder.ticket(this.block), nowMs, at, lease.ticket, END[end]);
    section.commit();
  }

  /** Counts a lease of this thread in or out. A removed row whose last lease is in is empty. */
  private count(at: number, thread: number, by: 1 | -1): void {
    const { section } = this.tools;
    const inFlight = this.word(at + ROW.inFlight) + by;
    const shadow = this.word(at + ROW.shadows + thread) + by;
    if (inFlight < 0 || shadow < 0) fail(`expected no count below zero, found ${inFlight} and ${shadow}`);
    section.set(at + ROW.inFlight, inFlight);
    section.set(at + ROW.shadows + thread, shadow);
    if (inFlight === 0 && (this.word(at + ROW.closed) & CLOSED.removed) !== 0)
      section.set(at + ROW.closed, CLOSED.empty);
  }

  private withdraw(node: number, nowMs: number): Lease | Wait {
    const { section, recorder } = this.tools;
    const state = this.word(node + NODE.state);
    if (state === NODE_STATE.waiting) {
      this.field.forNode(node);
      const wait = waitOf(this.field.found());
      unlink(section, this.block, node, NODE_STATE.free);
      const ticket = recorder.ticket(this.block);
      recorder.pool(
        OP.leave,
        this.block,
        ticket,
        nowMs,
        section.doubles[(node + NODE.ticket) >> 1]!,
        WAIT[wait],
      );
      section.commit();
      return wait;
    }
    // The client may leave in the very moment it is granted a slot: then the slot is the caller's to give back.
    const lease = state === NODE_STATE.granted ? leaseOf(section, node) : undefined;
    section.set(node + NODE.state, NODE_STATE.free);
    section.commit();
    return lease ?? 'no_backends';
  }

  private expireDue(nowMs: number): void {
    const { section, recorder } = this.tools;
    const due = this.nextExpiryMs();
    if (due === 0 || due > nowMs) return;
    let next = 0;
    for (let row = 0; row < this.field.rows; row++) {
      const at = this.field.placeOf(row);
      const closed = this.word(at + ROW.closed);
      if ((closed & CLOSED.quarantined) === 0) continue;
      const untilMs = section.doubles[(at + ROW.untilMs) >> 1]!;
      if (untilMs > nowMs) {
        if (next === 0 || untilMs < next) next = untilMs;
        continue;
      }
      section.set(at + ROW.closed, closed & ~CLOSED.quarantined);
      recorder.row(OP.expire, this.block, recorder.ticket(this.block), nowMs, at, 0, 0);
      section.commit();
    }
    // Last, so that a thread that dies before leaves the others something to look for.
    section.setDouble(this.block + POOL.nextExpiryMs, next);
    section.commit();
    this.serve(nowMs, Number.POSITIVE_INFINITY);
  }

  private pick(): Row {
    const code = this.word(this.block + POOL.policy);
    if (code !== this.policyCode) {
      this.policy = policyOf(code);
      this.policyCode = code;
    }
    return this.policy(this.field);
  }

  private isOpenAt(at: number): boolean {
    return this.word(at + ROW.closed) === 0 && this.word(at + ROW.inFlight) < this.word(at + ROW.limit);
  }

  private look(): void {
    const { words } = this.tools.section;
    this.field.words = words;
    this.field.rows = words[this.block + POOL.rows]!;
  }

  private isHere(): boolean {
    const { words, doubles } = this.tools.section;
    return (
      words[this.block + POOL.phase] !== PHASE.free && doubles[(this.block + POOL.key) >> 1] === this.key
    );
  }

  private rowStats(at: number): RowStats {
    const { doubles } = this.tools.section;
    const closed = this.word(at + ROW.closed);
    const limit = this.word(at + ROW.limit);
    return {
      backendKey: doubles[(at + ROW.key) >> 1]!,
      inFlight: this.word(at + ROW.inFlight),
      limit: limit === NO_LIMIT ? 0 : limit,
      weight: this.word(at + ROW.weight),
      state: stateOf(closed),
      untilMs: (closed & CLOSED.quarantined) !== 0 ? doubles[(at + ROW.untilMs) >> 1]! : 0,
      epoch: this.word(at + ROW.epoch),
    };
  }

  private word(at: number): number {
    return this.tools.section.words[at]!;
  }
}

function waitOf(found: number): Wait {
  if ((found & FOUND.busy) !== 0) return 'busy';
  if ((found & (FOUND.quarantined | FOUND.draining)) !== 0) return 'unavailable';
  if ((found & FOUND.starting) !== 0) return 'starting';
  return found === 0 ? 'no_backends' : 'exhausted';
}

function stateOf(closed: number): RowState {
  if ((closed & CLOSED.removed) !== 0) return 'removed';
  if ((closed & CLOSED.draining) !== 0) return 'draining';
  if ((closed & CLOSED.starting) !== 0) return 'starting';
  return (closed & CLOSED.quarantined) !== 0 ? 'quarantined' : 'up';
}
