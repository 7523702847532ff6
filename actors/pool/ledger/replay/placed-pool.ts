/** What the main thread did to a pool, repeated: rows and settings are placed, a pool is dropped, a dead thread is reaped. */
import { renew, repeatTrial } from '../../health/course.ts';
import { CLOSED, NO_LIMIT, NODE, NODE_STATE, POOL, ROW } from '../memory/layout.ts';
import { unlink } from '../memory/queue.ts';
import { closedOf } from './restore-state.ts';
import { ROW_SHIFT } from './restored-pool.ts';
import { TransparentPool } from './transparent-pool.ts';
import { Differs, type Of, verdictOf } from './verdict.ts';

export class PlacedPool extends TransparentPool {
  /** Makes a row as the main thread made it. */
  protected place(record: Of<'row'>): void {
    const at = this.roomFor(record.row);
    const { words, doubles } = this.memory.section;
    const wasEmpty = (words[at + ROW.closed]! & CLOSED.empty) !== 0;
    const recorded = verdictOf(record);
    if (!wasEmpty && doubles[(at + ROW.key) >> 1] !== record.backendKey)
      throw new Differs('its row is in use', { word: 'nothing' }, recorded);
    if (record.empty && words[at + ROW.inFlight] !== 0)
      throw new Differs('leases on it are out', { word: 'removed' }, recorded);
    const isRevived = (words[at + ROW.closed]! & CLOSED.removed) !== 0 && !record.removed && !record.empty;
    if (wasEmpty) words.fill(0, at + ROW.openedAtMs, at + ROW.shadows);
    if (wasEmpty || isRevived) this.#forget(at);
    doubles[(at + ROW.key) >> 1] = record.backendKey;
    doubles[(at + ROW.untilMs) >> 1] = record.untilMs;
    words[at + ROW.epoch] = record.epoch;
    words[at + ROW.index] = record.row;
    words[at + ROW.limit] = record.limit === 0 ? NO_LIMIT : record.limit;
    words[at + ROW.weight] = record.weight;
    const closed = closedOf(record);
    if (closed === 0 && words[at + ROW.closed] !== 0) doubles[(at + ROW.openedAtMs) >> 1] = record.nowMs;
    words[at + ROW.closed] = closed;
    this.ward.nowMs = record.nowMs;
    if (isRevived) renew(this.ward, record.row, record.ticket);
    if (record.quarantined) this.expireBy(record.untilMs);
    this.mayHaveOpened = true;
  }

  #forget(at: number): void {
    const { doubles } = this.memory.section;
    doubles[(at + ROW.openedAtMs) >> 1] = 0;
    doubles[(at + ROW.score) >> 1] = -1;
    doubles[(at + ROW.latencyMs) >> 1] = -1;
    doubles[(at + ROW.failing) >> 1] = 0;
    doubles[(at + ROW.learntAtMs) >> 1] = 0;
  }

  protected drop(): void {
    const { section } = this.memory;
    section.words[this.block + POOL.widening] = 0;
    for (let row = 0; row < this.field.rows; row++) {
      const at = this.field.placeOf(row);
      const closed = this.word(at + ROW.closed);
      if ((closed & CLOSED.empty) !== 0) continue;
      const isIdle = this.word(at + ROW.inFlight) === 0;
      section.words[at + ROW.closed] = isIdle ? CLOSED.empty : closed | CLOSED.removed;
    }
    this.dropWaiters();
  }

  protected reap(dead: number): void {
    const { section } = this.memory;
    for (let row = 0; row < this.field.rows; row++) {
      const at = this.field.placeOf(row);
      const share = this.word(at + ROW.shadows + dead);
      if (share === 0) continue;
      const left = this.word(at + ROW.inFlight) - share;
      section.set(at + ROW.inFlight, left);
      section.set(at + ROW.shadows + dead, 0);
      if (left === 0 && (this.word(at + ROW.closed) & CLOSED.removed) !== 0)
        section.set(at + ROW.closed, CLOSED.empty);
      else repeatTrial(this.ward, row, dead);
      section.commit();
    }
    for (const [ticket, held] of this.leases) if (held % ROW_SHIFT === dead) this.leases.delete(ticket);
    for (const [ticket, node] of this.waiters) {
      if (this.word(node + NODE.thread) !== dead) continue;
      unlink(section, this.block, node, NODE_STATE.free);
      section.commit();
      this.dropWaiter(ticket, node);
    }
    this.mayHaveOpened = true;
  }
}
