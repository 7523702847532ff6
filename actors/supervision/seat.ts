/** One child's place in a static supervisor: it stays while the child's lives come and go. */
import { type ActorInfo, type Branch, type LastError, messageOf } from './actor-info.ts';
import type { ActorState } from './census.ts';
import { type ChildEnd, type ChildSpec, isRestarted } from './child-spec.ts';
import { Incarnation, type Keeper, type Stopped } from './incarnation.ts';
import { afterPassingFailure, HEALTHY, type Spell } from './parking.ts';
import type { Happening } from './supervision-event.ts';
import type { World } from './world.ts';

/** What the supervisor is told by its children. */
export interface SeatOwner {
  settled(seat: Seat): void;
  endedIn(seat: Seat, life: Incarnation, end: ChildEnd): void;
}

export class Seat implements Keeper {
  readonly spec: ChildSpec;
  readonly place: number;
  life: Incarnation | undefined;
  /** Whether any of its lives came as far as running. */
  hasRun = false;
  readonly #owner: SeatOwner;
  readonly #world: World;
  #starts = 0;
  #state: ActorState = 'stopped';
  #sinceMs: number;
  #lastError: LastError | undefined;
  #spell: Spell = HEALTHY;
  #ranForMs = 0;
  #retryAtMs = 0;

  constructor(spec: ChildSpec, place: number, owner: SeatOwner, world: World) {
    this.spec = spec;
    this.place = place;
    this.#owner = owner;
    this.#world = world;
    this.#sinceMs = world.clock.now();
  }

  get id(): string {
    return this.spec.id;
  }

  get kind(): string {
    return this.spec.kind;
  }

  get state(): ActorState {
    return this.#state;
  }

  get restarts(): number {
    return Math.max(0, this.#starts - 1);
  }

  get branch(): Branch | undefined {
    return this.life?.running?.branch;
  }

  begin(): void {
    this.#become(this.#starts === 0 ? 'starting' : 'restarting');
    this.#starts += 1;
    this.life = new Incarnation(this);
    this.life.begin(this.spec.start, this.#world.clock, this.spec.startLimitMs);
  }

  /** Resolves once nothing of it is left. */
  stop(brutal: boolean): Promise<void> {
    const { life } = this;
    if (life === undefined || life.isOver) return this.#rest();
    this.#become('stopping');
    return new Promise((resolve) => {
      life.stop(this.#world.clock, brutal ? 'brutal' : this.spec.shutdownMs, (_, stopped) => {
        this.#gone(stopped);
        resolve();
      });
    });
  }

  started(): void {
    this.hasRun = true;
    this.#become('running');
    const restarts = this.#starts - 1;
    this.#tell(restarts === 0 ? { type: 'started' } : { type: 'restarted', restarts });
    this.#owner.settled(this);
  }

  ended(life: Incarnation, end: ChildEnd): void {
    this.#ranForMs = this.#state === 'running' ? this.#world.clock.now() - this.#sinceMs : 0;
    const atMs = this.#become(isRestarted(this.spec.restart, end) ? 'restarting' : 'stopped');
    if (end.type === 'crashed') {
      this.#lastError = { message: messageOf(end.error), atMs };
      this.#tell({ type: 'crashed', error: end.error });
    } else {
      this.#tell({ type: 'stopped', how: 'ended' });
    }
    this.#owner.endedIn(this, life, end);
  }

  /** It ended and is not started again. */
  leave(): void {
    this.life = undefined;
    this.#become('stopped');
  }

  /** It ended and will be started again. */
  vacate(): void {
    this.life = undefined;
    this.#spell = HEALTHY;
    if (this.#state !== 'restarting') this.#become('restarting');
  }

  /** It ended for a reason that time may repair. Returns in how many milliseconds it is tried again. */
  park(error: unknown, periodMs: number): number {
    const { spell, delayMs } = afterPassingFailure(this.#spell, this.#ranForMs, periodMs, this.#world.random);
    this.life = undefined;
    this.#spell = spell;
    this.#retryAtMs = this.#become('parked') + delayMs;
    this.#tell({ type: 'parked', error, retryAtMs: this.#retryAtMs, parkings: spell.parkings });
    return delayMs;
  }

  info(): ActorInfo {
    const counts = this.branch?.counts();
    return {
      id: this.id,
      kind: this.kind,
      state: this.#state,
      restarts: this.restarts,
      sinceMs: this.#sinceMs,
      ...(this.#lastError && { lastError: this.#lastError }),
      ...(this.#state === 'parked' && { retryAtMs: this.#retryAtMs }),
      ...(counts && { children: counts }),
    };
  }

  async #rest(): Promise<void> {
    if (this.#state !== 'stopped') this.leave();
  }

  #gone(stopped: Stopped): void {
    this.leave();
    this.#tell({ type: 'stopped', ...stopped });
  }

  #become(state: ActorState): number {
    this.#state = state;
    this.#sinceMs = this.#world.clock.now();
    return this.#sinceMs;
  }

  #tell(happened: Happening): void {
    this.#world.observers.tell({ id: this.id, kind: this.kind, atMs: this.#sinceMs, ...happened });
  }
}
