/** Time that advances as fast as its planned events are done. */
import { Agenda } from './agenda.ts';

export class VirtualTime {
  nowMs = 0;
  readonly #agenda = new Agenda<() => void>();

  get isOver(): boolean {
    return this.#agenda.size === 0;
  }

  /** When the next thing happens; Infinity: nothing will. */
  get nextMs(): number {
    return this.#agenda.nextMs;
  }

  /** `order`: of things at the same moment, the lowest happens first; without it, the one planned first. */
  at(atMs: number, happen: () => void, order?: number): void {
    this.#agenda.plan(Math.max(atMs, this.nowMs), happen, order);
  }

  after(ms: number, happen: () => void): void {
    this.#agenda.plan(this.nowMs + ms, happen);
  }

  /** Makes the next thing happen; there must be one. */
  pass(): void {
    this.nowMs = this.#agenda.nextMs;
    this.#agenda.take()();
  }
}
