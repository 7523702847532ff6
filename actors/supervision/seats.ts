/** The places of a static supervisor, in start order, as listings and chaos see them. */
import type { ActorInfo, Branch, CrashAnswer, Placed } from './actor-info.ts';
import { type Census, type Counts, noCounts } from './census.ts';
import type { Clock } from './clock.ts';
import type { Seat } from './seat.ts';

export class Seats implements Branch {
  readonly #all: readonly Seat[];
  readonly #clock: Clock;

  constructor(all: readonly Seat[], clock: Clock) {
    this.#all = all;
    this.#clock = clock;
  }

  childFrom(place: number): Placed | undefined {
    const seat = this.#all[place];
    if (seat === undefined) return undefined;
    const { branch } = seat;
    return branch ? { place, info: seat.info(), branch } : { place, info: seat.info() };
  }

  find(id: string): ActorInfo | undefined {
    for (const seat of this.#all) {
      const found = seat.id === id ? seat.info() : seat.branch?.find(id);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  crashChild(id: string, error: Error): CrashAnswer {
    for (const seat of this.#all) {
      const answer = seat.id === id ? this.#crash(seat, error) : seat.branch?.crashChild(id, error);
      if (answer !== undefined && answer !== 'unknown') return answer;
    }
    return 'unknown';
  }

  counts(): Counts {
    const counts = noCounts();
    for (const seat of this.#all) counts[seat.state] += 1;
    return counts;
  }

  countIn(census: Census): void {
    for (const seat of this.#all) {
      census.count(seat.kind, seat.state, seat.restarts);
      seat.branch?.countIn(census);
    }
  }

  #crash({ life }: Seat, error: Error): CrashAnswer {
    if (life === undefined || life.isOver) return 'not_running';
    life.crash(this.#clock, error);
    return 'crashed';
  }
}
