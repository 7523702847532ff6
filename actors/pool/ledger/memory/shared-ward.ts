/** The health of a pool's backends in shared memory, as the rules in health/ see it. */
import { isClosing, STATE, UNIT, type UnitField, type UnitState, type Ward } from '../../health/ward.ts';
import type { Row } from '../../policy/policy.ts';
import { CLOSED, POOL, ROW } from './layout.ts';
import type { Section } from './section.ts';
import type { SharedField } from './shared-field.ts';

const NOT_MEMBER = CLOSED.empty | CLOSED.removed | CLOSED.draining | CLOSED.starting;
// Fields below this one take two words.
const FIRST_WORD = UNIT.failed;

export class SharedWard implements Ward {
  nowMs = 0;
  /** Where the pool lies. */
  pool = 0;
  private readonly section: Section;
  private readonly field: SharedField;

  constructor(section: Section, field: SharedField) {
    this.section = section;
    this.field = field;
  }

  get rows(): number {
    return this.field.rows;
  }

  get failures(): number {
    return this.section.words[this.pool + POOL.failures]!;
  }

  get maxEjectedPercent(): number {
    return this.section.words[this.pool + POOL.maxEjectedPercent]!;
  }

  get windowMs(): number {
    return this.section.doubles[(this.pool + POOL.windowMs) >> 1]!;
  }

  get quarantineMs(): number {
    return this.section.doubles[(this.pool + POOL.quarantineMs) >> 1]!;
  }

  isThere(row: Row): boolean {
    return (this.section.words[this.field.placeOf(row) + ROW.closed]! & CLOSED.empty) === 0;
  }

  isMember(row: Row): boolean {
    return (this.section.words[this.field.placeOf(row) + ROW.closed]! & NOT_MEMBER) === 0;
  }

  get(row: Row, unit: number, field: UnitField): number {
    const at = this.placeOf(row, unit) + field;
    return field < FIRST_WORD ? this.section.doubles[at >> 1]! : this.section.words[at]!;
  }

  set(row: Row, unit: number, field: UnitField, value: number): void {
    const at = this.placeOf(row, unit) + field;
    if (field < FIRST_WORD) this.section.setDouble(at, value);
    else this.section.set(at, value);
  }

  /** A unit that is out closes the whole row, or the row for one route. */
  setState(row: Row, unit: number, state: UnitState): void {
    const { section } = this;
    const at = this.field.placeOf(row);
    const before = this.get(row, unit, UNIT.state);
    this.set(row, unit, UNIT.state, state);
    if (state === STATE.ready) section.set(this.pool + POOL.trials, 1);
    const wasClosed = isClosing(before);
    if (wasClosed === isClosing(state)) return;
    if (unit !== 0)
      section.set(at + ROW.routesOut, section.words[at + ROW.routesOut]! + (wasClosed ? -1 : 1));
    else if (wasClosed) section.set(at + ROW.closed, section.words[at + ROW.closed]! & ~CLOSED.ejected);
    else section.set(at + ROW.closed, section.words[at + ROW.closed]! | CLOSED.ejected);
  }

  private placeOf(row: Row, unit: number): number {
    return this.field.placeOf(row) + ROW.units + unit * UNIT.words;
  }
}
