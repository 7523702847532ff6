/**
 * Limits how many run at once, of each group and in all. Groups whose members wait take turns, so that one with very
 * many of them holds up no other; within a group, first come is first served.
 */
export type Places = {
  readonly inAll: number;
  readonly ofGroup: number;
};

/** Two stacks make a queue: `came` has the latest at its end, `next` the first; shifting a long array would move it all. */
type Group = { inside: number; came: (() => void)[]; next: (() => void)[] };

export class Turnstile {
  readonly #places: Places;
  readonly #groups = new Map<string, Group>();
  /** Groups that wait and may have another place, in the order of their turns. */
  readonly #turns = new Set<Group>();
  #inside = 0;

  constructor(places: Places) {
    this.#places = places;
  }

  async through<T>(name: string, act: () => Promise<T>): Promise<T> {
    const group = this.#groupOf(name);
    if (this.#inside < this.#places.inAll && group.inside < this.#places.ofGroup) this.#enter(group);
    else {
      await new Promise<void>((resolve) => {
        group.came.push(resolve);
        this.#takeTurn(group);
      });
    }
    try {
      return await act();
    } finally {
      this.#leave(name, group);
    }
  }

  #groupOf(name: string): Group {
    const known = this.#groups.get(name);
    if (known !== undefined) return known;
    const group = { inside: 0, came: [], next: [] };
    this.#groups.set(name, group);
    return group;
  }

  #enter(group: Group): void {
    group.inside++;
    this.#inside++;
  }

  #leave(name: string, group: Group): void {
    group.inside--;
    this.#inside--;
    this.#takeTurn(group);
    if (group.inside === 0 && !this.#turns.has(group)) this.#groups.delete(name);
    // Places that are still free are so because every group that waits has all of its own.
    const [first] = this.#turns;
    if (first === undefined) return;
    this.#turns.delete(first);
    this.#enter(first);
    if (first.next.length === 0) [first.next, first.came] = [first.came.reverse(), first.next];
    const go = first.next.pop() as () => void;
    this.#takeTurn(first);
    go();
  }

  /** Behind the others, unless it has its turn already. */
  #takeTurn(group: Group): void {
    const waits = group.next.length > 0 || group.came.length > 0;
    if (waits && group.inside < this.#places.ofGroup) this.#turns.add(group);
  }
}
