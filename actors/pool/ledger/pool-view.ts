/**
 * One pool as one thread sees it: entering and leaving its lock, and handing out slots. The operations are built on it:
 * those of any thread in shared-pool.ts, those of the main thread in membership.ts and reaper.ts.
 *
 * Whenever the lock is free, no open slot could be given to a waiter: whoever opens a slot serves the queue before
 * leaving. So an open slot is one that no waiter may have, and a newcomer who takes it overtakes nobody.
 */
import { fail } from 'node:assert/strict';
import { isAnyReady, isReady, leaseGranted } from '../health/course.ts';
import { learnOf, policyOf } from '../policy/policies.ts';
import { type Learn, NONE, type Policy, type Row } from '../policy/policy.ts';
import type { LedgerTools } from './ledger-tools.ts';
import { CLOSED, NODE, NODE_STATE, PHASE, POOL, ROW } from './memory/layout.ts';
import { unlink } from './memory/queue.ts';
import { SharedField } from './memory/shared-field.ts';
import { SharedWard } from './memory/shared-ward.ts';
import { OP } from './record/record-layout.ts';

export class PoolView {
  readonly key: number;
  /** Where the pool lies in the arena. A pool that was removed and defined again may lie elsewhere: `enter` finds it. */
  block: number;
  readonly field: SharedField;
  readonly ward: SharedWard;
  protected readonly tools: LedgerTools;
  private layout = -1;
  private policyCode = -1;
  private policy: Policy = () => NONE;
  private learn: Learn | undefined;
  /** Whether the lease granted last may have been a trial. */
  protected mayHaveClosed = false;

  constructor(tools: LedgerTools, key: number, block: number) {
    this.tools = tools;
    this.key = key;
    this.block = block;
    this.field = new SharedField(tools.section, tools.tried);
    this.ward = new SharedWard(tools.section, this.field);
  }

  nextExpiryMs(): number {
    return this.tools.section.doubles[(this.block + POOL.nextExpiryMs) >> 1]!;
  }

  /** Enters the lock of the pool, wherever the pool lies now. False, and the lock is not held: there is no such pool. */
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

  /** Leaves the lock, then rings the threads that were given something. */
  exit(): void {
    this.tools.section.exit(this.block);
    this.tools.mailbox.ringBells();
  }

  /** Learns anew where the rows lie, after the layout changed. */
  refresh(): void {
    const { section } = this.tools;
    this.layout = section.words[this.block + POOL.layout]!;
    this.field.layOut(this.block);
    this.look();
  }

  /** Gives open slots to waiters, first come, first served; `slots` at most. */
  serve(nowMs: number, slots: number): void {
    const { section } = this.tools;
    let node = section.words[this.block + POOL.firstWaiter]!;
    let isHomeOnly = false;
    for (let left = slots; node !== 0 && left > 0; ) {
      const next = section.words[node + NODE.next]!;
      if (isHomeOnly && section.doubles[(node + NODE.wanted) >> 1] === 0) {
        node = next;
        continue;
      }
      this.field.forNode(nowMs, node);
      const row = this.pick();
      if (row !== NONE) {
        this.grant(node, row, nowMs);
        // A trial closes its backend to all others, so waiters whose home it is may now have any backend.
        left = this.mayHaveClosed ? Number.POSITIVE_INFINITY : left - 1;
      } else if (this.field.isForAny) {
        // This waiter would take any backend and gets none, so no slot is open, except to waiters whose home is
        // draining: only they may still be given one there.
        if (!this.field.isAnyDrained) return;
        isHomeOnly = true;
      }
      node = next;
    }
  }

  /** NONE: the pool has no such backend. */
  rowOf(backendKey: number): Row {
    const { doubles } = this.tools.section;
    for (let row = 0; row < this.field.rows; row++) {
      const at = this.field.placeOf(row);
      if (doubles[(at + ROW.key) >> 1] === backendKey && (this.word(at + ROW.closed) & CLOSED.empty) === 0)
        return row;
    }
    return NONE;
  }

  quarantineAt(at: number, nowMs: number, untilMs: number): boolean {
    const { section, recorder } = this.tools;
    const closed = this.word(at + ROW.closed);
    const before = (closed & CLOSED.quarantined) === 0 ? 0 : section.doubles[(at + ROW.untilMs) >> 1]!;
    if (untilMs <= nowMs || untilMs <= before) return false;
    section.set(at + ROW.closed, closed | CLOSED.quarantined);
    section.setDouble(at + ROW.untilMs, untilMs);
    this.expireBy(untilMs);
    recorder.row(OP.quarantine, this.block, recorder.ticket(this.block), nowMs, at, 0, 0);
    section.commit();
    return before <= nowMs;
  }

  /** Makes sure that the pool is looked at when this quarantine or ejection ends. */
  expireBy(untilMs: number): void {
    const next = this.nextExpiryMs();
    if (next === 0 || untilMs < next) this.tools.section.setDouble(this.block + POOL.nextExpiryMs, untilMs);
  }

  protected grant(node: number, row: Row, nowMs: number): void {
    const { section, recorder, mailbox } = this.tools;
    const at = this.field.placeOf(row);
    const ticket = recorder.ticket(this.block);
    const thread = this.word(node + NODE.thread);
    this.count(at, thread, 1);
    this.begun(row, ticket, thread);
    // These are only read of a granted node, so they need no undo entry.
    section.words[node + NODE.row] = at;
    section.words[node + NODE.epoch] = this.word(at + ROW.epoch);
    section.doubles[(node + NODE.lease) >> 1] = ticket;
    unlink(section, this.block, node, NODE_STATE.granted);
    recorder.row(OP.grant, this.block, ticket, nowMs, at, section.doubles[(node + NODE.ticket) >> 1]!, 0);
    section.commit();
    mailbox.post(node);
  }

  /** Counts a lease of `thread` in or out. A removed row becomes empty with its last lease. */
  protected count(at: number, thread: number, by: 1 | -1): void {
    const { section } = this.tools;
    const inFlight = this.word(at + ROW.inFlight) + by;
    const shadow = this.word(at + ROW.shadows + thread) + by;
    if (inFlight < 0 || shadow < 0) fail(`expected no count below zero, found ${inFlight} and ${shadow}`);
    section.set(at + ROW.inFlight, inFlight);
    section.set(at + ROW.shadows + thread, shadow);
    if (inFlight === 0 && (this.word(at + ROW.closed) & CLOSED.removed) !== 0)
      section.set(at + ROW.closed, CLOSED.empty);
  }

  protected pick(): Row {
    if (this.field.wanted !== 0) {
      const home = this.field.home();
      if (home !== NONE) return this.field.hasRoom(home) ? home : NONE;
    }
    if (this.word(this.block + POOL.policy) !== this.policyCode) this.adopt();
    if (this.word(this.block + POOL.trials) !== 0) {
      const row = this.trial();
      if (row !== NONE) return row;
    }
    return this.policy(this.field);
  }

  /** A backend whose ejection is over is tried before all others, or some would never be tried. */
  private trial(): Row {
    let isAny = false;
    for (let row = 0; row < this.field.rows; row++) {
      if (!isAnyReady(this.ward, row)) continue;
      isAny = true;
      if (this.field.isOpen(row) && isReady(this.ward, row, this.field.route)) return row;
    }
    // Not noted for undo: it is a hint, and stays true even if this operation is rolled back.
    if (!isAny) this.tools.section.words[this.block + POOL.trials] = 0;
    return NONE;
  }

  /** A lease on this row was given to whomever `field` looks on behalf of. */
  protected begun(row: Row, ticket: number, thread: number): void {
    this.mayHaveClosed = this.word(this.block + POOL.trials) !== 0;
    if (!this.mayHaveClosed) return;
    this.ward.nowMs = this.field.nowMs;
    leaseGranted(this.ward, row, this.field.route, ticket, thread);
  }

  /** How the policy learns from a check-in; undefined: it does not. */
  protected learning(): Learn | undefined {
    if (this.word(this.block + POOL.policy) !== this.policyCode) this.adopt();
    return this.learn;
  }

  private adopt(): void {
    const code = this.word(this.block + POOL.policy);
    this.policy = policyOf(code);
    this.learn = learnOf(code);
    this.policyCode = code;
  }

  /** Whether this view knows where the rows lie. */
  protected isLaidOut(): boolean {
    return this.word(this.block + POOL.layout) === this.layout;
  }

  private look(): void {
    const { words, doubles } = this.tools.section;
    this.field.words = words;
    this.field.doubles = doubles;
    this.field.rows = words[this.block + POOL.rows]!;
    this.field.slowStartMs = doubles[(this.block + POOL.slowStartMs) >> 1]!;
    this.ward.pool = this.block;
  }

  private isHere(): boolean {
    const { words, doubles } = this.tools.section;
    return (
      words[this.block + POOL.phase] !== PHASE.free && doubles[(this.block + POOL.key) >> 1] === this.key
    );
  }

  protected word(at: number): number {
    return this.tools.section.words[at]!;
  }
}
