/** What any thread may ask of a pool: checkout, check-in, leave, quarantine. */
// `fail` under an `if`: an assertion would build its message for every request.
import { fail } from 'node:assert/strict';
import { NONE } from '../policy/policy.ts';
import { CLOSED, NODE, NODE_STATE, POOL, ROW, TRIED_MAX } from './layout.ts';
import { HeldLease } from './lease.ts';
import type { Checkout, Lease, LeaseEnd, PoolLedger, PoolStats, Refusal, Wait, Waiter } from './ledger.ts';
import { leaseOf } from './mailbox.ts';
import { statsOf } from './pool-stats.ts';
import { PoolView } from './pool-view.ts';
import { link, unlink } from './queue.ts';
import { NO_HASH, NO_LATENCY } from './record-fields.ts';
import { END, OP, REFUSAL, WAIT } from './record-layout.ts';
import { FOUND } from './shared-field.ts';

export class SharedPool extends PoolView implements PoolLedger {
  checkout(nowMs: number, tried: readonly number[], waiter: Waiter, hash = NO_HASH): Checkout {
    if (waiter.place !== 0) fail('expected a waiter that does not wait');
    if (tried.length > TRIED_MAX) fail(`expected at most ${TRIED_MAX} tried backends, found ${tried.length}`);
    this.tools.nodes.reserve();
    if (!this.enter()) return 'no_backends';
    let answer: Checkout;
    try {
      this.expireDue(nowMs);
      answer = this.give(nowMs, tried, hash) ?? this.turnAway(nowMs, waiter);
    } catch (error) {
      this.tools.section.rollback();
      throw error;
    } finally {
      this.exit();
    }
    this.tools.mailbox.settle();
    return answer;
  }

  checkin(lease: Lease, nowMs: number, end: LeaseEnd, latencyMs = NO_LATENCY): void {
    if (!lease.open || lease.poolKey !== this.key) fail('expected an open lease of this pool');
    if (!this.enter()) fail('expected the pool of a lease, found none');
    try {
      lease.open = false;
      this.giveBack(lease, nowMs, end, latencyMs);
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

  /** Without the lock, so that counting disturbs nobody: each number was true a moment ago, not all at the same. */
  stats(): PoolStats {
    if (!this.isLaidOut()) {
      if (!this.enter()) return { waiting: 0, rows: [] };
      this.exit();
    }
    return statsOf(this.tools.section, this.block, this.field);
  }

  private give(nowMs: number, tried: readonly number[], hash: number): Lease | undefined {
    const { section, recorder } = this.tools;
    this.field.forRequest(nowMs, tried, hash);
    const row = this.pick();
    if (row === NONE) return undefined;
    const at = this.field.placeOf(row);
    this.count(at, section.thread, 1);
    const ticket = recorder.ticket(this.block);
    recorder.checkout(this.block, ticket, nowMs, at, this.field.tried, this.field.triedCount, hash);
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
    const { tried, triedCount, hash } = this.field;
    const refusal = this.refusal();
    const ticket = recorder.ticket(this.block);
    if (refusal === undefined) {
      this.queue(ticket);
      recorder.turnedAway(OP.enqueue, this.block, ticket, nowMs, 0, tried, triedCount, hash);
      section.commit();
      this.tools.nodes.take(waiter);
      return 'queued';
    }
    recorder.turnedAway(OP.refuse, this.block, ticket, nowMs, REFUSAL[refusal], tried, triedCount, hash);
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
    section.doubles[(node + NODE.hash) >> 1] = this.field.hash;
    section.words[node + NODE.triedCount] = this.field.triedCount;
    for (let i = 0; i < this.field.triedCount; i++) {
      section.doubles[((node + NODE.tried) >> 1) + i] = this.field.tried[i]!;
    }
    link(section, this.block, node);
  }

  private giveBack(lease: Lease, nowMs: number, end: LeaseEnd, latencyMs: number): void {
    const { section, recorder } = this.tools;
    const at = lease.row;
    if (this.word(at + ROW.epoch) !== lease.epoch) fail(`expected epoch ${lease.epoch} of a leased row`);
    this.count(at, section.thread, -1);
    const learnt = this.learnFrom(at, nowMs, end, latencyMs);
    const ticket = recorder.ticket(this.block);
    recorder.checkin(this.block, ticket, nowMs, at, lease.ticket, END[end], learnt);
    section.commit();
  }

  /** The latency that was made use of. */
  private learnFrom(at: number, nowMs: number, end: LeaseEnd, latencyMs: number): number {
    const learn = this.learning();
    const hasFailed = isFailure(end);
    const known = latencyMs >= 0 ? latencyMs : NO_LATENCY;
    if (learn === undefined || (known === NO_LATENCY && !hasFailed)) return NO_LATENCY;
    this.field.nowMs = nowMs;
    learn(this.field, this.word(at + ROW.index), known, hasFailed);
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

  private isOpenAt(at: number): boolean {
    return this.word(at + ROW.closed) === 0 && this.word(at + ROW.inFlight) < this.word(at + ROW.limit);
  }
}

/** What a backend is to be blamed for. A client that left, or a slot nobody used, says nothing of it. */
export function isFailure(end: LeaseEnd): boolean {
  return (
    end === 'connect_failed' || end === 'backend_failed' || end === 'timed_out' || end === 'server_error'
  );
}

function waitOf(found: number): Wait {
  if ((found & FOUND.busy) !== 0) return 'busy';
  if ((found & (FOUND.quarantined | FOUND.draining)) !== 0) return 'unavailable';
  if ((found & FOUND.starting) !== 0) return 'starting';
  return found === 0 ? 'no_backends' : 'exhausted';
}
