/**
 * When points of the past are made: a few seconds after enough events were recorded, including those before the start.
 */
import { POINT_EVERY } from '../../eventlog/index.ts';

// By then a start is over and the first requests have woken their owners; a burst of changes is over too, or has become
// large.
const LEISURE_MS = 5000;
// The whole state of more owners takes more memory than the router itself, so it is made only when somebody asks about
// the past.
const MOST_OWNERS = 20_000;

export class PointsDue {
  readonly #owners: () => number | undefined;
  readonly #make: (events: number) => void;
  /** Events since the last point. */
  #events = 0;
  #leisure: NodeJS.Timeout | undefined;

  /** `owners`: undefined if they have not been counted. */
  constructor(owners: () => number | undefined, make: (events: number) => void) {
    this.#owners = owners;
    this.#make = make;
  }

  recorded(events: number): void {
    this.#events += events;
    if (this.#events < POINT_EVERY || this.#leisure !== undefined) return;
    this.#leisure = setTimeout(() => {
      if ((this.#owners() ?? Number.POSITIVE_INFINITY) <= MOST_OWNERS) this.#make(this.#events);
      this.#events = 0;
      this.#leisure = undefined;
    }, LEISURE_MS);
    this.#leisure.unref();
  }
}
