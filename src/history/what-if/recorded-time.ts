/** Virtual time in which recorded operations happen when they were recorded, to the ticket, or a given time later. */
import { VirtualTime } from '../../simulation/index.ts';
import type { Place } from './ask.ts';

export class RecordedTime {
  /** When the simulation first differed from the record; undefined: it never did. */
  differsFromMs: number | undefined;
  /** The time passed to the ledger. */
  toldMs = 0;
  readonly #time = new VirtualTime();

  get nowMs(): number {
    return this.#time.nowMs;
  }

  /** When the next thing happens; Infinity: nothing will. */
  get nextMs(): number {
    return this.#time.nextMs;
  }

  begin(atMs: number): void {
    this.#time.nowMs = atMs;
    this.toldMs = atMs;
  }

  /** Makes the next thing happen; there must be one. */
  pass(): void {
    this.#time.pass();
  }

  /** Of things at the same moment, the one planned first happens first. */
  plan(atMs: number, happen: () => void): void {
    this.#time.at(atMs, happen);
  }

  /** At its recorded time, or this much later. */
  at(place: Place, shiftMs: number, happen: () => void): void {
    const atMs = place.atMs + shiftMs;
    this.#tell(atMs, shiftMs === 0 ? place.nowMs : atMs, place.ticket, happen);
  }

  /** After everything recorded at that moment. */
  after(ms: number, happen: () => void): void {
    const atMs = this.#time.nowMs + ms;
    this.#tell(atMs, atMs, Number.MAX_SAFE_INTEGER, happen);
  }

  differs(): void {
    this.differsFromMs ??= this.#time.nowMs;
  }

  #tell(atMs: number, toldMs: number, order: number, happen: () => void): void {
    const told = () => {
      this.toldMs = toldMs;
      happen();
    };
    this.#time.at(atMs, told, order);
  }
}
