/** The whole tree: its root, and what operators may see of it and do to it. */
import {
  type ActorInfo,
  type ActorPage,
  type CrashAnswer,
  listActors,
  type PageOptions,
} from './actor-info.ts';
import { Census } from './census.ts';
import { type ChildEnd, type ChildSpec, NORMAL } from './child-spec.ts';
import type { Incarnation } from './incarnation.ts';
import { Seat, type SeatOwner } from './seat.ts';
import { Seats } from './seats.ts';
import type { SupervisionListener } from './supervision-event.ts';
import type { World } from './world.ts';

export class Tree implements SeatOwner {
  /** How the root ended by itself; then the process has nothing left to do. Never rejects. */
  readonly ended: Promise<ChildEnd>;
  readonly #world: World;
  readonly #root: Seat;
  readonly #seats: Seats;
  readonly #started = Promise.withResolvers<void>();
  readonly #ended = Promise.withResolvers<ChildEnd>();

  constructor(root: ChildSpec, world: World) {
    this.#world = world;
    this.#root = new Seat({ ...root, restart: 'temporary' }, 0, this, world);
    this.#seats = new Seats([this.#root], world.clock);
    this.ended = this.#ended.promise;
    this.#started.promise.catch(() => {});
  }

  /** Resolves when everything runs; rejects, with nothing left, if something does not come up. */
  start(): Promise<void> {
    this.#root.begin();
    return this.#started.promise;
  }

  /** Stops everything, in reverse order of start. */
  async stop(): Promise<void> {
    await this.#root.stop(false);
    this.#ended.resolve(NORMAL);
    this.#started.reject(new Error(`${this.#root.id} was stopped before it ran`));
  }

  observe(listener: SupervisionListener): () => void {
    return this.#world.observers.observe(listener);
  }

  list(options: PageOptions): ActorPage {
    return listActors(this.#seats, options);
  }

  census(): Census {
    const census = new Census();
    this.#seats.countIn(census);
    return census;
  }

  find(id: string): ActorInfo | undefined {
    return this.#seats.find(id);
  }

  /** Makes an actor fail as a bug would. */
  crash(id: string, error: Error): CrashAnswer {
    return this.#seats.crashChild(id, error);
  }

  settled(): void {
    this.#started.resolve();
  }

  endedIn(seat: Seat, _: Incarnation, end: ChildEnd): void {
    seat.leave();
    if (end.type === 'crashed') this.#started.reject(end.error);
    else this.#started.resolve();
    this.#ended.resolve(end);
  }
}
