/**
 * What a ledger decided about its backends' health, decided again: quarantines, ejections, and the consequences of
 * check-ins.
 */
import { inExcess, makeReady, release, restore } from '../../health/course.ts';
import { NO_UNIT, STATE, UNIT, UNITS, unitOf } from '../../health/ward.ts';
import { CLOSED, ROW } from '../memory/layout.ts';
import type { LedgerRecord } from '../record/record.ts';
import { OP } from '../record/record-layout.ts';
import { PlacedPool } from './placed-pool.ts';
import type { Followed } from './replay-memory.ts';
import { CONSEQUENCES, Differs, type Of, verdictOf } from './verdict.ts';

const NOTHING_DUE: readonly Followed[] = [];

export class ReplayedHealth extends PlacedPool {
  /** Consequences of the last check-in that have not been recorded yet. */
  protected due: readonly Followed[] = NOTHING_DUE;

  protected override empty(): void {
    super.empty();
    this.due = NOTHING_DUE;
  }

  protected requarantine(record: Of<'quarantine'>): void {
    const at = this.placeOf(record);
    const { section } = this.memory;
    const closed = this.word(at + ROW.closed);
    const isShorter =
      (closed & CLOSED.quarantined) !== 0 && record.untilMs <= section.doubles[(at + ROW.untilMs) >> 1]!;
    if (record.untilMs <= record.nowMs || isShorter)
      throw new Differs('a quarantine is only lengthened', { word: 'nothing' }, verdictOf(record));
    section.set(at + ROW.closed, closed | CLOSED.quarantined);
    section.setDouble(at + ROW.untilMs, record.untilMs);
    this.expireBy(record.untilMs);
    // Waiters whose home it is may now have any other backend.
    this.mayHaveOpened = true;
  }

  protected reexpire(record: Of<'expire'>): void {
    const at = this.placeOf(record);
    const { section } = this.memory;
    const closed = this.word(at + ROW.closed);
    const isDue =
      (closed & CLOSED.quarantined) !== 0 && section.doubles[(at + ROW.untilMs) >> 1]! <= record.nowMs;
    if (!isDue) throw new Differs('no quarantine of it is over', { word: 'nothing' }, verdictOf(record));
    section.set(at + ROW.closed, closed & ~CLOSED.quarantined);
    section.setDouble(at + ROW.openedAtMs, record.nowMs);
    this.mayHaveOpened = true;
  }

  /** When the first quarantine or ejection of this row ends. */
  protected isOutUntil(row: number): number {
    const at = this.field.placeOf(row);
    const closed = this.word(at + ROW.closed);
    let untilMs = Number.POSITIVE_INFINITY;
    if ((closed & CLOSED.quarantined) !== 0) untilMs = this.memory.section.doubles[(at + ROW.untilMs) >> 1]!;
    if ((closed & CLOSED.empty) !== 0) return untilMs;
    if ((closed & CLOSED.ejected) === 0 && this.word(at + ROW.routesOut) === 0) return untilMs;
    for (let unit = 0; unit < UNITS; unit++)
      if (this.ward.get(row, unit, UNIT.state) === STATE.ejected)
        untilMs = Math.min(untilMs, this.ward.get(row, unit, UNIT.untilMs));
    return untilMs;
  }

  /** In one step with the check-in, as in the ledger: the records that follow say what came of it. */
  protected judgeEnd(
    { backendKey, epoch, lease: ticket, route, nowMs, end }: Of<'checkin'>,
    at: number,
  ): void {
    const { followed } = this.memory;
    followed.length = 0;
    this.judged({ poolKey: this.key, backendKey, epoch, ticket, row: at, route, open: false }, nowMs, end);
    if (followed.length > 0) this.due = followed.splice(0);
  }

  protected isConsequence(record: LedgerRecord): boolean {
    return record.op === 'eject' || record.op === 'withhold' || record.op === 'release';
  }

  protected consequence(record: Of<'eject'> | Of<'withhold'> | Of<'release'>): void {
    const [due, ...rest] = this.due;
    if (due === undefined && record.op === 'release') this.#relieve(record);
    else if (due === undefined && record.op === 'eject' && record.known > 0) this.#recall(record);
    else {
      const at = this.placeOf(record);
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
      this.due = rest;
    }
    this.mayHaveOpened = true;
  }

  /** More backends were out than may be, so one was let back. */
  #relieve(record: Of<'release'>): void {
    const at = this.placeOf(record);
    this.ward.nowMs = record.nowMs;
    const found = inExcess(this.ward);
    const unit = unitOf(this.ward, record.row, record.route);
    if (found === NO_UNIT || found !== record.row * UNITS + unit) {
      const row = Math.floor(found / UNITS);
      const decided = found === NO_UNIT ? {} : { backendKey: this.field.key(row) };
      throw new Differs('another is let back', { word: 'nothing', ...decided }, verdictOf(record));
    }
    release(this.ward, record.row, unit, record.ticket);
    if (unit === 0) this.memory.section.setDouble(at + ROW.openedAtMs, record.nowMs);
  }

  /** An ejection known from before the backend had its row. */
  #recall(record: Of<'eject'>): void {
    this.placeOf(record);
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

  protected retry(record: Of<'trial'>): void {
    this.placeOf(record);
    const unit = unitOf(this.ward, record.row, record.route);
    const isDue =
      unit !== NO_UNIT &&
      this.ward.get(record.row, unit, UNIT.state) === STATE.ejected &&
      this.ward.get(record.row, unit, UNIT.untilMs) <= record.nowMs;
    if (!isDue) throw new Differs('no ejection of it is over', { word: 'nothing' }, verdictOf(record));
    makeReady(this.ward, record.row, unit);
    this.mayHaveOpened = true;
  }

  protected reprobe(record: Of<'probe'>): void {
    const at = this.placeOf(record);
    const { section } = this.memory;
    const closed = this.word(at + ROW.closed);
    if (((closed & CLOSED.failing) !== 0) === record.failing)
      throw new Differs('its probes said so before', { word: 'nothing' }, verdictOf(record));
    section.set(at + ROW.closed, record.failing ? closed | CLOSED.failing : closed & ~CLOSED.failing);
    if (!record.failing) section.setDouble(at + ROW.openedAtMs, record.nowMs);
    this.mayHaveOpened = true;
  }
}
