/**
 * How many actors there are, by kind and state, and how often they were restarted: only counts, where a listing describes
 * each actor.
 */
export type ActorState = 'starting' | 'running' | 'restarting' | 'parked' | 'stopping' | 'stopped';
export type Counts = Readonly<Record<ActorState, number>>;

export function noCounts(): Record<ActorState, number> {
  return { starting: 0, running: 0, restarting: 0, parked: 0, stopping: 0, stopped: 0 };
}

export type Kind = { readonly states: Record<ActorState, number>; restarts: number };

export class Census {
  readonly #kinds = new Map<string, Kind>();

  count(kind: string, state: ActorState, restarts: number): void {
    let counted = this.#kinds.get(kind);
    if (counted === undefined) {
      counted = { states: noCounts(), restarts: 0 };
      this.#kinds.set(kind, counted);
    }
    counted.states[state] += 1;
    counted.restarts += restarts;
  }

  /** In the order in which they were first counted. */
  get kinds(): ReadonlyMap<string, Readonly<Kind>> {
    return this.#kinds;
  }
}
