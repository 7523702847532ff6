/** One pool as a thread sees it, and the health of its backends: how check-ins and the passing of time change it. */
import {
  type Consequence,
  eject,
  leaseEnded,
  makeReady,
  release,
  speaksFor,
  withhold,
} from '../health/course.ts';
import { NO_UNIT, STATE, UNIT, UNITS } from '../health/ward.ts';
import type { Row } from '../policy/policy.ts';
import { type HealthChange, type Lease, type LeaseEnd, NO_CHANGES } from './ledger.ts';
import { CLOSED, POOL, ROW } from './memory/layout.ts';
import { PoolView } from './pool-view.ts';
import { OP } from './record/record-layout.ts';

export class JudgedPool extends PoolView {
  /** The last check-in changed the health of no backend. */
  protected isQuiet = true;

  /** What the end of a lease says about its backend's health, and what follows from that. */
  protected judged(lease: Lease, nowMs: number, end: LeaseEnd): readonly HealthChange[] {
    this.isQuiet = true;
    const at = lease.row;
    if (this.word(this.block + POOL.failures) === 0 || (this.word(at + ROW.closed) & CLOSED.empty) !== 0)
      return NO_CHANGES;
    const { ward } = this;
    ward.nowMs = nowMs;
    const row = this.word(at + ROW.index);
    const own = speaksFor(ward, row, lease.route, end);
    let changes = NO_CHANGES;
    if (own !== 0) changes = this.judgedUnit(row, 0, lease, end, false, changes);
    if (own !== NO_UNIT) changes = this.judgedUnit(row, own, lease, end, true, changes);
    return changes;
  }

  private judgedUnit(
    row: Row,
    unit: number,
    lease: Lease,
    end: LeaseEnd,
    isOwn: boolean,
    changes: readonly HealthChange[],
  ): readonly HealthChange[] {
    const wasTrying = this.ward.get(row, unit, UNIT.state) === STATE.trying;
    const consequence = leaseEnded(this.ward, row, unit, lease.ticket, end, isOwn);
    if (wasTrying && this.ward.get(row, unit, UNIT.state) === STATE.ready) this.isQuiet = false;
    if (consequence === 'none') return changes;
    this.isQuiet = false;
    return [...changes, this.follow(consequence, row, unit, lease.row)];
  }

  private follow(what: Exclude<Consequence, 'none'>, row: Row, unit: number, at: number): HealthChange {
    const { section, recorder } = this.tools;
    const { ward, block } = this;
    const backendKey = section.doubles[(at + ROW.key) >> 1]!;
    const route = ward.get(row, unit, UNIT.key);
    const ticket = recorder.ticket(block);
    if (what === 'eject') {
      const untilMs = eject(ward, row, unit);
      this.expireBy(untilMs);
      recorder.unit(OP.eject, block, ticket, ward.nowMs, at, route, untilMs, 0);
      return { type: 'ejected', backendKey, route, untilMs, level: ward.get(row, unit, UNIT.level) };
    }
    if (what === 'withhold') {
      withhold(ward, row, unit);
      recorder.unit(OP.withhold, block, ticket, ward.nowMs, at, route, 0, 0);
      return { type: 'withheld', backendKey, route };
    }
    release(ward, row, unit, ticket);
    if (unit === 0) section.setDouble(at + ROW.openedAtMs, ward.nowMs);
    recorder.unit(OP.release, block, ticket, ward.nowMs, at, route, 0, 0);
    return { type: 'returned', backendKey, route };
  }

  protected expireDue(nowMs: number): void {
    const { section } = this.tools;
    const due = this.nextExpiryMs();
    if (due === 0 || due > nowMs) return;
    let next = 0;
    for (let row = 0; row < this.field.rows; row++) {
      const at = this.field.placeOf(row);
      next = sooner(next, this.expireQuarantine(at, nowMs));
      const closed = this.word(at + ROW.closed);
      if ((closed & CLOSED.empty) !== 0) continue;
      if ((closed & CLOSED.ejected) !== 0 || this.word(at + ROW.routesOut) > 0)
        next = sooner(next, this.expireEjections(row, at, nowMs));
    }
    // Last: if the thread dies before, the expiry is still due, and others do it.
    section.setDouble(this.block + POOL.nextExpiryMs, next);
    section.commit();
    this.serve(nowMs, Number.POSITIVE_INFINITY);
  }

  /** When the quarantine ends; 0: there is none, or it has ended. */
  private expireQuarantine(at: number, nowMs: number): number {
    const { section, recorder } = this.tools;
    const closed = this.word(at + ROW.closed);
    if ((closed & CLOSED.quarantined) === 0) return 0;
    const untilMs = section.doubles[(at + ROW.untilMs) >> 1]!;
    if (untilMs > nowMs) return untilMs;
    section.set(at + ROW.closed, closed & ~CLOSED.quarantined);
    section.setDouble(at + ROW.openedAtMs, nowMs);
    recorder.row(OP.expire, this.block, recorder.ticket(this.block), nowMs, at, 0, 0);
    section.commit();
    return 0;
  }

  /** When the next ejection of this row ends; 0: all have ended. */
  private expireEjections(row: Row, at: number, nowMs: number): number {
    const { section, recorder } = this.tools;
    const { ward } = this;
    let next = 0;
    for (let unit = 0; unit < UNITS; unit++) {
      if (ward.get(row, unit, UNIT.state) !== STATE.ejected) continue;
      const untilMs = ward.get(row, unit, UNIT.untilMs);
      if (untilMs > nowMs) {
        next = sooner(next, untilMs);
        continue;
      }
      makeReady(ward, row, unit);
      const ticket = recorder.ticket(this.block);
      recorder.unit(OP.trial, this.block, ticket, nowMs, at, ward.get(row, unit, UNIT.key), 0, 0);
      section.commit();
    }
    return next;
  }

  protected probedAt(at: number, nowMs: number, isFailing: boolean): void {
    const { section, recorder } = this.tools;
    const closed = this.word(at + ROW.closed);
    if (((closed & CLOSED.failing) !== 0) === isFailing) return;
    section.set(at + ROW.closed, isFailing ? closed | CLOSED.failing : closed & ~CLOSED.failing);
    if (!isFailing) section.setDouble(at + ROW.openedAtMs, nowMs);
    recorder.row(OP.probe, this.block, recorder.ticket(this.block), nowMs, at, 0, isFailing ? 1 : 0);
    section.commit();
    // The backend has room again, or waiters whose home it is may now have any other.
    this.serve(nowMs, Number.POSITIVE_INFINITY);
  }
}

/** The earlier of two moments, where 0 means none. */
function sooner(one: number, other: number): number {
  if (one === 0 || other === 0) return one + other;
  return Math.min(one, other);
}
