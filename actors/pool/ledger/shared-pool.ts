/** The operations of a pool that any thread may ask for: checkout, check-in, leave, quarantine. */
// `fail` under an `if`: an assertion would build its message for every request.
import { fail } from 'node:assert/strict';
import { UNIT } from '../health/ward.ts';
import { NONE } from '../policy/policy.ts';
import { PoolClaims } from './claims.ts';
import { FOUND, waitOf } from './found.ts';
import { JudgedPool } from './judged-pool.ts';
import { OpenLease } from './lease.ts';
import type {
  Checkout,
  ConnectionClaims,
  HealthChange,
  Lease,
  LeaseEnd,
  PoolLedger,
  PoolStats,
  Refusal,
  Wait,
  Waiter,
} from './ledger.ts';
import { CLOSED, NODE, NODE_STATE, POOL, ROW, TRIED_MAX } from './memory/layout.ts';
import { leaseOf } from './memory/mailbox.ts';
import { link, unlink } from './memory/queue.ts';
import { statsOf } from './pool-stats.ts';
import { NO_HASH, NO_LATENCY, NOT_WANTED } from './record/record-fields.ts';
import { END, OP, REFUSAL, WAIT } from './record/record-layout.ts';

export class SharedPool extends JudgedPool implements PoolLedger {
  /** Made when a thread first connects to a backend with a limit. */
  private connectionClaims: PoolClaims | undefined;

  get claims(): ConnectionClaims {
    this.connectionClaims ??= new PoolClaims(this, this.tools);
    return this.connectionClaims;
  }

  checkout(
    nowMs: number,
    tried: readonly number[],
    waiter: Waiter,
    hash = NO_HASH,
    route = 0,
    wanted = NOT_WANTED,
  ): Checkout {
    if (waiter.place !== 0) fail('expected a waiter that does not wait');
    if (tried.length > TRIED_MAX) fail(`expected at most ${TRIED_MAX} tried backends, found ${tried.length}`);
    this.tools.nodes.reserve();
    if (!this.enter()) return 'no_backends';
    let answer: Checkout;
    try {
      this.expireDue(nowMs);
      answer = this.give(nowMs, tried, hash, route, wanted) ?? this.turnAway(nowMs, waiter);
    } catch (error) {
      this.tools.section.rollback();
      throw error;
    } finally {
      this.exit();
    }
    this.tools.mailbox.deliverIfRung(waiter.place);
    return answer;
  }

  checkin(lease: Lease, nowMs: number, end: LeaseEnd, latencyMs = NO_LATENCY): readonly HealthChange[] {
    if (!lease.open || lease.poolKey !== this.key) fail('expected an open lease of this pool');
    if (!this.enter()) fail('expected the pool of a lease, found none');
    let changes: readonly HealthChange[];
    try {
      lease.open = false;
      changes = this.giveBack(lease, nowMs, end, latencyMs);
      // A backend that is back, or due for a trial, may have room for many; an ejected one releases the waiters whose
      // home it is.
      if (!this.isQuiet) this.serve(nowMs, Number.POSITIVE_INFINITY);
      else if (this.mayServeAt(lease.row)) this.serve(nowMs, 1);
    } catch (error) {
      this.tools.section.rollback();
      throw error;
    } finally {
      this.exit();
    }
    this.tools.mailbox.deliverIfRung();
    return changes;
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
      // The pool is gone, and all its waiters were refused.
      this.tools.section.words[node + NODE.state] = NODE_STATE.free;
    }
    this.tools.nodes.release(node);
    this.tools.mailbox.deliverIfRung();
    return answer;
  }

  /** Without the lock: the lease keeps the row, and no decision of the ledger reads the count. */
  connectFailed({ row }: Lease): number {
    return Atomics.add(this.tools.section.words, row + ROW.failedConnects, 1) + 1;
  }

  connectMade({ row }: Lease): void {
    const { words } = this.tools.section;
    if (words[row + ROW.failedConnects] !== 0) Atomics.store(words, row + ROW.failedConnects, 0);
  }

  quarantine(backendKey: number, nowMs: number, untilMs: number): boolean {
    let isNew = false;
    this.within(() => {
      const row = this.rowOf(backendKey);
      if (row === NONE) return;
      isNew = this.quarantineAt(this.field.placeOf(row), nowMs, untilMs);
      // Waiters whose home it is may now have any other backend.
      this.serve(nowMs, Number.POSITIVE_INFINITY);
    });
    return isNew;
  }

  probed(backendKey: number, nowMs: number, isFailing: boolean): void {
    this.within(() => {
      const row = this.rowOf(backendKey);
      if (row !== NONE) this.probedAt(this.field.placeOf(row), nowMs, isFailing);
    });
  }

  expire(nowMs: number): void {
    this.within(() => this.expireDue(nowMs));
  }

  /**
   * Without the lock, so that counting disturbs nobody: each number was true a moment ago, but not all at the same
   * moment.
   */
  stats(): PoolStats {
    if (!this.isLaidOut()) {
      if (!this.enter()) return { waiting: 0, refused: 0, rows: [] };
      this.exit();
    }
    return statsOf(this.tools.section, this.block, this.field);
  }

  /** One operation, if the pool exists. It takes a closure, so it is not for the request path. */
  private within(operate: () => void): void {
    if (!this.enter()) return;
    try {
      operate();
    } catch (error) {
      this.tools.section.rollback();
      throw error;
    } finally {
      this.exit();
    }
    this.tools.mailbox.deliverIfRung();
  }

  private give(
    nowMs: number,
    tried: readonly number[],
    hash: number,
    route: number,
    wanted: number,
  ): Lease | undefined {
    const { section, recorder } = this.tools;
    this.field.forRequest(nowMs, tried, hash, route, wanted);
    const row = this.pick();
    if (row === NONE) return undefined;
    const at = this.field.placeOf(row);
    this.count(at, section.thread, 1);
    const ticket = recorder.ticket(this.block);
    this.begun(row, ticket, section.thread);
    recorder.checkout(this.block, ticket, nowMs, at, this.field);
    section.commit();
    return new OpenLease(
      this.key,
      section.doubles[(at + ROW.key) >> 1]!,
      this.word(at + ROW.epoch),
      ticket,
      at,
      route,
    );
  }

  private turnAway(nowMs: number, waiter: Waiter): 'queued' | Refusal {
    const { section, recorder } = this.tools;
    const refusal = this.refusal();
    const ticket = recorder.ticket(this.block);
    if (refusal === undefined) {
      this.queue(ticket);
      recorder.turnedAway(OP.enqueue, this.block, ticket, nowMs, 0, this.field);
      section.commit();
      this.tools.nodes.take(waiter);
      return 'queued';
    }
    recorder.turnedAway(OP.refuse, this.block, ticket, nowMs, REFUSAL[refusal], this.field);
    // A request that has tried them all needs a better backend, not one more, so it does not count as refused.
    if (refusal !== 'exhausted')
      section.set(this.block + POOL.refused, (this.word(this.block + POOL.refused) + 1) | 0);
    section.commit();
    return refusal;
  }

  protected refusal(): Refusal | undefined {
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
    section.doubles[(node + NODE.hash) >> 1] = this.field.hash;
    section.doubles[(node + NODE.wanted) >> 1] = this.field.wanted;
    section.doubles[(node + NODE.route) >> 1] = this.field.route;
    section.words[node + NODE.triedCount] = this.field.triedCount;
    for (let i = 0; i < this.field.triedCount; i++) {
      section.doubles[((node + NODE.tried) >> 1) + i] = this.field.tried[i]!;
    }
    link(section, this.block, node);
  }

  private giveBack(lease: Lease, nowMs: number, end: LeaseEnd, latencyMs: number): readonly HealthChange[] {
    const { section, recorder } = this.tools;
    const at = lease.row;
    if (this.word(at + ROW.epoch) !== lease.epoch) fail(`expected epoch ${lease.epoch} of a leased row`);
    // Before the lease is counted out: whoever sees the last lease gone also sees how it ended.
    if (end === 'cut') section.set(at + ROW.cut, (this.word(at + ROW.cut) + 1) | 0);
    else if (this.word(at + ROW.closed) !== 0)
      section.set(at + ROW.finished, (this.word(at + ROW.finished) + 1) | 0);
    this.count(at, section.thread, -1);
    const learnt = this.learnFrom(at, nowMs, lease.ticket, end, latencyMs);
    const ticket = recorder.ticket(this.block);
    recorder.checkin(this.block, ticket, nowMs, at, lease.ticket, END[end], learnt, lease.route);
    const changes = this.judged(lease, nowMs, end);
    // In one step with its consequences: a trial that is over must not be left under way.
    section.commit();
    return changes;
  }

  /** Returns the latency that the policy used. `ticket`: the lease's. */
  protected learnFrom(at: number, nowMs: number, ticket: number, end: LeaseEnd, latencyMs: number): number {
    const learn = this.learning();
    const hasFailed = isFailure(end);
    const known = latencyMs >= 0 ? latencyMs : NO_LATENCY;
    if (learn === undefined || (known === NO_LATENCY && !hasFailed)) return NO_LATENCY;
    const row = this.word(at + ROW.index);
    // The lease began before the backend moved or was tried again, so it says nothing about how quick it is now.
    if (ticket < this.ward.get(row, 0, UNIT.ticket)) return NO_LATENCY;
    this.field.nowMs = nowMs;
    learn(this.field, row, known, hasFailed);
    return known;
  }

  private withdraw(node: number, nowMs: number): Lease | Wait {
    const { section, recorder } = this.tools;
    const state = this.word(node + NODE.state);
    if (state === NODE_STATE.waiting) {
      this.field.forNode(nowMs, node);
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

  /** Whether this row's slot may go to a waiter. A draining backend still serves those whose home it is. */
  private mayServeAt(at: number): boolean {
    return (
      (this.word(at + ROW.closed) & ~CLOSED.draining) === 0 &&
      this.word(at + ROW.inFlight) < this.word(at + ROW.limit)
    );
  }
}

/** Ends that the backend is to blame for. A client that left and an unused slot say nothing about it. */
function isFailure(end: LeaseEnd): boolean {
  return (
    end === 'connect_failed' ||
    end === 'backend_failed' ||
    end === 'timed_out' ||
    end === 'server_error' ||
    end === 'listed_status'
  );
}
