/**
 * A static part of the tree, as in OTP: children are started in order and stopped in reverse. A child that crashed is
 * restarted by the strategy; one that crashes too often takes the supervisor down, and the supervisor above decides. It
 * does one thing at a time, and is told of ends meanwhile.
 *
 * A child that fails for a reason that time may repair is parked and tried again with back-off, however often. Children
 * that start after it wait with it, and nothing of that is counted. A dispensable child is parked whatever its failure.
 *
 * It differs from OTP in one thing: ends it was already told of are handled before any child is started again, and a start
 * that they undo is not waited for. OTP starts those children and then stops them; the restarts counted are the same.
 */
import assert from 'node:assert/strict';
import { type ChildEnd, type ChildSpec, crashed, type Running, type StopReason } from './child-spec.ts';
import type { CancelTimer } from './clock.ts';
import type { Incarnation } from './incarnation.ts';
import { countRestart, type RestartWindow } from './restart-intensity.ts';
import { Seat, type SeatOwner } from './seat.ts';
import { Seats } from './seats.ts';
import { planAfter, type Strategy } from './strategy.ts';
import { RestartsExceeded, StartAbandoned, StartFailed } from './supervisor-errors.ts';
import type { World } from './world.ts';

export type SupervisorSpec = RestartWindow & {
  readonly id: string;
  readonly strategy: Strategy;
  /** In start order. */
  readonly children: readonly ChildSpec[];
};

type Ended = { readonly seat: Seat; readonly life: Incarnation; readonly end: ChildEnd };

export class Supervisor implements Running, SeatOwner {
  readonly branch: Seats;
  readonly #spec: SupervisorSpec;
  readonly #world: World;
  readonly #exited: (end: ChildEnd) => void;
  readonly #seats: readonly Seat[];
  readonly #started = Promise.withResolvers<void>();
  #phase: 'starting' | 'running' | 'over' = 'starting';
  /** Ends that have not been handled yet, in order. */
  readonly #ends: Ended[] = [];
  /** Children still to be started, in order. */
  #toStart: Seat[] = [];
  /** Parked children, with the timers of their next tries. */
  readonly #parked = new Map<Seat, CancelTimer>();
  #restarts: readonly number[] = [];
  #working: Promise<void> | undefined;
  #starting: { readonly seat: Seat; readonly proceed: () => void } | undefined;
  #stopping: Promise<void> | undefined;
  #brutal = false;

  /** `exited` is called once, if the supervisor ends by itself. */
  constructor(spec: SupervisorSpec, world: World, exited: (end: ChildEnd) => void) {
    assertSpec(spec);
    this.#spec = spec;
    this.#world = world;
    this.#exited = exited;
    this.#seats = spec.children.map((child, place) => new Seat(child, place, this, world));
    this.branch = new Seats(this.#seats, world.clock);
    // The caller of `start` gets the rejection; a stop before any start has nobody to tell.
    this.#started.promise.catch(() => {});
  }

  /** Resolves when all children run. Rejects, with none left, if one of them fails its first start. */
  start(): Promise<void> {
    assert(this.#working === undefined && this.#toStart.length === 0, `${this.#spec.id} is started twice`);
    this.#toStart = [...this.#seats];
    this.#work();
    return this.#started.promise;
  }

  stop(reason: StopReason): Promise<void> {
    if (reason === 'kill') this.#killAll();
    this.#stopping ??= this.#end();
    this.#starting?.proceed();
    return this.#stopping;
  }

  crash(error: Error): void {
    if (this.#stopping !== undefined || this.#phase === 'over') return;
    void this.stop('kill').then(() => this.#exited(crashed(error)));
  }

  settled(seat: Seat): void {
    if (this.#starting?.seat === seat) this.#starting.proceed();
  }

  endedIn(seat: Seat, life: Incarnation, end: ChildEnd): void {
    this.#ends.push({ seat, life, end });
    // A start that this end will undo is not waited for: it may be waiting for the very sibling that ended.
    if (this.#starting !== undefined && this.#undoes(seat, end, this.#starting.seat))
      this.#starting.proceed();
    this.#work();
  }

  /** One loop at a time; it begins outside the stack of its caller. */
  #work(): void {
    this.#working ??= this.#loop().catch((error: unknown) => this.#break(error));
  }

  async #loop(): Promise<void> {
    await undefined;
    while (this.#stopping === undefined && this.#phase !== 'over') {
      const ended = this.#ends.shift();
      if (ended !== undefined) {
        await this.#recover(ended);
        continue;
      }
      const seat = this.#toStart.shift();
      if (seat === undefined) break;
      await this.#start(seat);
    }
    this.#working = undefined;
    const isUp = this.#stopping === undefined && this.#parked.size === 0;
    if (isUp && this.#phase === 'starting') this.#becomeRunning();
  }

  #becomeRunning(): void {
    this.#phase = 'running';
    this.#started.resolve();
  }

  /** Resolves when the child runs, has failed, or no longer needs to be waited for. */
  #start(seat: Seat): Promise<void> {
    return new Promise((resolve) => {
      const proceed = () => {
        this.#starting = undefined;
        resolve();
      };
      this.#starting = { seat, proceed };
      seat.begin();
    });
  }

  async #recover({ seat, life, end }: Ended): Promise<void> {
    // It was stopped meanwhile, together with a sibling, so this end was already handled.
    if (seat.life !== life) return;
    const { strategy } = this.#spec;
    const plan = planAfter(strategy, this.#restartTypes(), seat.place, end);
    if (this.#phase === 'starting' && !seat.hasRun && (plan.type === 'restart' || end.type === 'crashed')) {
      seat.leave();
      await this.#giveUp(new StartFailed(this.#spec.id, seat.id, end));
      return;
    }
    if (plan.type === 'leave') {
      seat.leave();
      return;
    }
    const isParked =
      seat.spec.isDispensable === true || (end.type === 'crashed' && this.#world.mayPass(end.error));
    const want = end.type === 'crashed' && isParked ? end.error : undefined;
    if (want === undefined && this.#isOneTooMany()) {
      seat.leave();
      await this.#escalate(seat, end);
      return;
    }
    await this.#stopSeats(plan.stop.map((place) => this.#seats[place]!));
    const again = plan.start.map((place) => this.#seats[place]!);
    for (const each of again) {
      this.#unpark(each);
      if (each !== seat || want === undefined) each.vacate();
    }
    if (want === undefined) this.#toStart = merged(this.#toStart, again, strategy);
    else this.#park(seat, again, want);
  }

  #isOneTooMany(): boolean {
    const counted = countRestart(this.#restarts, this.#spec, this.#world.clock.now());
    this.#restarts = counted.restarts;
    return counted.verdict === 'escalate';
  }

  /** `again`: the seat itself, and those that start after it. */
  #park(seat: Seat, again: readonly Seat[], want: unknown): void {
    const { strategy, periodMs } = this.#spec;
    const retry = () => {
      this.#parked.delete(seat);
      this.#toStart = merged(this.#toStart, again, strategy);
      this.#work();
    };
    this.#toStart = this.#toStart.filter((waiting) => !again.includes(waiting));
    this.#parked.set(seat, this.#world.clock.setTimer(retry, seat.park(want, periodMs)));
  }

  #unpark(seat: Seat): void {
    this.#parked.get(seat)?.();
    this.#parked.delete(seat);
  }

  async #escalate(seat: Seat, end: ChildEnd): Promise<void> {
    const error = new RestartsExceeded(this.#spec.id, seat.id, this.#spec, end);
    const { id } = this.#spec;
    this.#world.observers.tell({
      id,
      kind: 'supervisor',
      atMs: this.#world.clock.now(),
      type: 'escalated',
      error,
    });
    await this.#giveUp(error);
  }

  async #giveUp(error: Error): Promise<void> {
    const wasStarting = this.#phase === 'starting';
    this.#unparkAll();
    await this.#stopSeats(this.#seats.toReversed());
    if (this.#phase === 'over') return;
    this.#phase = 'over';
    if (wasStarting) this.#started.reject(error);
    else if (this.#stopping === undefined) this.#exited(crashed(error));
  }

  /** A mistake of our own: nothing here is trusted any more, and the supervisor above starts anew. */
  async #break(error: unknown): Promise<void> {
    this.#killAll();
    await this.#giveUp(error instanceof Error ? error : new Error(String(error)));
  }

  async #end(): Promise<void> {
    this.#unparkAll();
    // The loop stops after its current step; `stop` releases it from a start that it waits for.
    await undefined;
    await this.#working;
    await this.#stopSeats(this.#seats.toReversed());
    if (this.#phase === 'starting') this.#started.reject(new StartAbandoned(this.#spec.id));
    this.#phase = 'over';
  }

  #unparkAll(): void {
    for (const seat of this.#seats) this.#unpark(seat);
  }

  async #stopSeats(seats: readonly Seat[]): Promise<void> {
    for (const seat of seats) await seat.stop(this.#brutal);
  }

  #killAll(): void {
    this.#brutal = true;
    for (const seat of this.#seats.toReversed()) seat.life?.kill();
  }

  #undoes(ended: Seat, end: ChildEnd, starting: Seat): boolean {
    const plan = planAfter(this.#spec.strategy, this.#restartTypes(), ended.place, end);
    return ended === starting || (plan.type === 'restart' && plan.stop.includes(starting.place));
  }

  #restartTypes() {
    return this.#seats.map((seat) => seat.spec.restart);
  }
}

/** one_for_one keeps the order of the ends; a group is started in the order of the specification. */
function merged(waiting: readonly Seat[], again: readonly Seat[], strategy: Strategy): Seat[] {
  const all = [...new Set([...waiting, ...again])];
  return strategy === 'one_for_one' ? all : all.sort((a, b) => a.place - b.place);
}

function assertSpec({ id, children, intensity, periodMs }: SupervisorSpec): void {
  const ids = new Set(children.map((child) => child.id));
  assert(ids.size === children.length, `expected the children of ${id} to have different ids`);
  assert(
    Number.isInteger(intensity) && intensity >= 0,
    `expected an intensity of ${id} from 0 on, found ${intensity}`,
  );
  assert(periodMs >= 1, `expected a period of ${id} of at least 1 ms, found ${periodMs}`);
}
