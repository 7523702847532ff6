/** All children of one dynamic supervisor: by id, by place, and counted by state, each in constant time. */
import type { ActorInfo, Branch, CrashAnswer, Placed } from './actor-info.ts';
import { type ActorState, type Census, type Counts, noCounts } from './census.ts';
import type { Clock } from './clock.ts';
import { DynamicChild, type DynamicChildOwner } from './dynamic-child.ts';

export class DynamicChildren implements Branch {
  readonly #byId = new Map<string, DynamicChild>();
  /** A child keeps its place as long as it exists, so that a listing can continue where it was. */
  readonly #places: (DynamicChild | undefined)[] = [];
  readonly #free: number[] = [];
  readonly #counts = noCounts();
  readonly #owner: DynamicChildOwner;
  readonly #clock: Clock;

  constructor(owner: DynamicChildOwner, clock: Clock) {
    this.#owner = owner;
    this.#clock = clock;
  }

  get size(): number {
    return this.#byId.size;
  }

  get(id: string): DynamicChild | undefined {
    return this.#byId.get(id);
  }

  values(): IterableIterator<DynamicChild> {
    return this.#byId.values();
  }

  add(id: string): DynamicChild {
    const place = this.#free.pop() ?? this.#places.length;
    const child = new DynamicChild(id, place, this.#owner);
    this.#byId.set(id, child);
    this.#places[place] = child;
    this.#counts[child.state] += 1;
    this.become(child, 'starting');
    return child;
  }

  remove(child: DynamicChild): void {
    this.become(child, 'stopped');
    this.#counts.stopped -= 1;
    this.#byId.delete(child.id);
    this.#places[child.place] = undefined;
    this.#free.push(child.place);
  }

  become(child: DynamicChild, state: ActorState): void {
    this.#counts[child.state] -= 1;
    this.#counts[state] += 1;
    child.state = state;
    child.sinceMs = this.#clock.now();
  }

  childFrom(from: number): Placed | undefined {
    for (let place = from; place < this.#places.length; place += 1) {
      const child = this.#places[place];
      if (child === undefined) continue;
      const branch = child.life?.running?.branch;
      return branch ? { place, info: child.info(), branch } : { place, info: child.info() };
    }
    return undefined;
  }

  find(shown: string): ActorInfo | undefined {
    return this.#shown(shown)?.info();
  }

  crashChild(shown: string, error: Error): CrashAnswer {
    const child = this.#shown(shown);
    if (child === undefined) return 'unknown';
    if (child.life === undefined || child.state === 'stopping') return 'not_running';
    child.life.crash(this.#clock, error);
    return 'crashed';
  }

  counts(): Counts {
    return { ...this.#counts };
  }

  countIn(census: Census): void {
    for (const { kind, state, restarts, life } of this.#byId.values()) {
      census.count(kind, state, restarts);
      life?.running?.branch?.countIn(census);
    }
  }

  #shown(shown: string): DynamicChild | undefined {
    const prefix = `${this.#owner.kind}:`;
    return shown.startsWith(prefix) ? this.#byId.get(shown.slice(prefix.length)) : undefined;
  }
}
