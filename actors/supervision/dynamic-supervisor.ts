/**
 * Many children of one kind, started when somebody needs them (OTP's simple_one_for_one). No child can hurt another: one
 * that crashes too often, or that fails for a reason that time may repair, is parked and tried again later, and nothing
 * ever escalates.
 *
 *   absent ─ ensure ─▶ starting ─▶ running ─ crash ─▶ restarting ─▶ running
 *                                                 ╲─ window spent ─▶ parked ─ back-off ─▶ restarting
 */
import assert from 'node:assert/strict';
import type { Branch } from './actor-info.ts';
import {
  type ChildContext,
  type ChildEnd,
  type ChildSpec,
  crashed,
  isRestarted,
  type Restart,
  type Running,
  type ShutdownTime,
  type Start,
  type StopReason,
} from './child-spec.ts';
import type { CancelTimer } from './clock.ts';
import { type DynamicChild, shownId } from './dynamic-child.ts';
import { DynamicChildren } from './dynamic-children.ts';
import { Incarnation, type Stopped } from './incarnation.ts';
import { afterCrash, afterPassingFailure } from './parking.ts';
import type { RestartWindow } from './restart-intensity.ts';
import { RestartQueue } from './restart-queue.ts';
import { RetryAgenda } from './retry-agenda.ts';
import { type Settled, type Status, statusOf } from './status.ts';
import type { Happening } from './supervision-event.ts';
import type { World } from './world.ts';

/** Intensity and period apply to each child, not to all together. */
export type DynamicSpec<R extends Running> = RestartWindow & {
  readonly id: string;
  readonly kind: string;
  readonly restart: Restart;
  readonly shutdownMs: ShutdownTime;
  readonly startLimitMs?: number;
  readonly start: Start<R>;
};

const UNTIMED = Number.POSITIVE_INFINITY;

type Closing = { readonly gone: PromiseWithResolvers<void>; cancel?: CancelTimer };

export class DynamicSupervisor<R extends Running> {
  readonly kind: string;
  readonly #spec: DynamicSpec<R>;
  readonly #world: World;
  readonly #children: DynamicChildren;
  readonly #parked: RetryAgenda<DynamicChild>;
  readonly #restarts: RestartQueue<DynamicChild>;
  #state: 'open' | 'closing' | 'closed' = 'closed';
  #closing: Closing | undefined;

  constructor(spec: DynamicSpec<R>, world: World) {
    this.kind = spec.kind;
    this.#spec = spec;
    this.#world = world;
    this.#children = new DynamicChildren(this, world.clock);
    this.#restarts = new RestartQueue(world.clock, (child) => this.#restart(child));
    this.#parked = new RetryAgenda(world.clock, (child) => this.#retry(child));
  }

  /** Its place in the static tree. This object outlives restarts of that place; its children do not. */
  childSpec(restart: Restart = 'permanent'): ChildSpec {
    return {
      id: this.#spec.id,
      kind: 'supervisor',
      restart,
      shutdownMs: UNTIMED,
      start: (context) => this.#open(context),
    };
  }

  get size(): number {
    return this.#children.size;
  }

  get branch(): Branch {
    return this.#children;
  }

  /** Ids of all children, whatever their state. */
  *names(): Generator<string> {
    for (const { id } of this.#children.values()) yield id;
  }

  /** The running child with this id. */
  lookup(id: string): R | undefined {
    return this.#children.get(id)?.life?.running as R | undefined;
  }

  /** Starts the child unless it exists already. Absent is only returned while this supervisor is down. */
  ensure(id: string): Status<R> {
    const child = this.#children.get(id);
    if (this.#state !== 'open') return this.status(id);
    if (child === undefined) this.#begin(this.#children.add(id));
    else if (child.state === 'stopping') child.awaited().wanted = true;
    return this.status(id);
  }

  /** Tries a parked child again now: what it lacked is available. */
  hasten(id: string): void {
    const child = this.#children.get(id);
    if (child !== undefined) this.#retry(child);
  }

  status(id: string): Status<R> {
    return statusOf(this.#children.get(id));
  }

  /** Waits for a start or restart to settle; never rejects. A parked child is not waited for. */
  whenRunning(id: string): Promise<Settled<R>> {
    const status = this.status(id);
    if (status.type !== 'starting' && status.type !== 'restarting') return Promise.resolve(status);
    return new Promise((resolve) => {
      this.#children
        .get(id)
        ?.awaited()
        .settled.push(() => resolve(this.whenRunning(id)));
    });
  }

  /** Resolves once the child is gone. */
  stop(id: string): Promise<void> {
    const child = this.#children.get(id);
    if (child === undefined) return Promise.resolve();
    return new Promise((resolve) => {
      const interest = child.awaited();
      interest.wanted = false;
      interest.stopped.push(resolve);
      if (child.state !== 'stopping') this.#stop(child, this.#spec.shutdownMs);
      else this.#wake(child);
    });
  }

  startedIn(child: DynamicChild): void {
    const wasStarting = child.state === 'starting';
    this.#children.become(child, 'running');
    // Its message is kept; the error itself may keep much of what was around it alive.
    if (child.ailment !== undefined) child.ailment.error = undefined;
    this.#tell(child, wasStarting ? { type: 'started' } : { type: 'restarted', restarts: child.restarts });
    this.#wake(child);
  }

  endedIn(child: DynamicChild, end: ChildEnd): void {
    const ranForMs = child.state === 'running' ? this.#world.clock.now() - child.sinceMs : 0;
    child.life = undefined;
    if (end.type === 'crashed') this.#tell(child, { type: 'crashed', error: end.error });
    else this.#tell(child, { type: 'stopped', how: 'ended' });
    if (isRestarted(this.#spec.restart, end)) this.#recover(child, ranForMs, end);
    else this.#remove(child);
  }

  #recover(child: DynamicChild, ranForMs: number, end: ChildEnd): void {
    const now = this.#world.clock.now();
    const error = end.type === 'crashed' ? end.error : new Error(`${shownId(this.kind, child.id)} ended`);
    const ailment = child.sicken(error, now);
    const { mayPass, random } = this.#world;
    const next = mayPass(error)
      ? afterPassingFailure(ailment.spell, ranForMs, this.#spec.periodMs, random)
      : afterCrash(ailment.spell, { now, ranForMs }, this.#spec, random);
    ailment.spell = next.spell;
    if (next.type === 'park') {
      this.#park(child, error, now + next.delayMs, next.spell.parkings);
      return;
    }
    this.#children.become(child, 'restarting');
    this.#restarts.add(child);
  }

  #park(child: DynamicChild, error: unknown, retryAtMs: number, parkings: number): void {
    if (child.ailment !== undefined) child.ailment.retryAtMs = retryAtMs;
    this.#children.become(child, 'parked');
    this.#parked.add(child, retryAtMs);
    this.#tell(child, { type: 'parked', error, retryAtMs, parkings });
    this.#wake(child);
  }

  /** The agenda never drops a child: one that was stopped may come up here too. */
  #retry(child: DynamicChild): void {
    if (child.state !== 'parked') return;
    this.#children.become(child, 'restarting');
    this.#restarts.add(child);
  }

  #restart(child: DynamicChild): void {
    if (child.state !== 'restarting' || child.life !== undefined) return;
    child.restarts += 1;
    this.#begin(child);
  }

  #begin(child: DynamicChild): void {
    child.life = new Incarnation(child);
    child.life.begin(this.#spec.start, this.#world.clock, this.#spec.startLimitMs);
  }

  #stop(child: DynamicChild, shutdownMs: ShutdownTime): void {
    const { life } = child;
    if (life === undefined) {
      this.#stopped(child, { how: 'stopped' });
      return;
    }
    this.#children.become(child, 'stopping');
    this.#wake(child);
    life.stop(this.#world.clock, shutdownMs, (_, stopped) => this.#stopped(child, stopped));
  }

  #stopped(child: DynamicChild, stopped: Stopped): void {
    child.life = undefined;
    this.#tell(child, { type: 'stopped', ...stopped });
    this.#remove(child);
  }

  #remove(child: DynamicChild): void {
    const { interest } = child;
    this.#children.remove(child);
    if (interest?.wanted) this.ensure(child.id);
    this.#wake(child);
    for (const gone of interest?.stopped ?? []) gone();
    if (this.#state === 'closing' && this.size === 0) this.#closed();
  }

  /** Makes those who wait look again. */
  #wake({ interest }: DynamicChild): void {
    if (interest === undefined) return;
    for (const look of interest.settled.splice(0)) look();
  }

  #open(context: ChildContext): Running {
    assert(this.#state === 'closed', `expected ${this.#spec.id} to be down when it is started`);
    this.#state = 'open';
    return {
      branch: this.#children,
      stop: (reason) => this.#close(reason),
      crash: (error) => {
        void this.#close('kill').then(() => context.exited(crashed(error)));
      },
    };
  }

  #close(reason: StopReason): Promise<void> {
    if (this.#state === 'closed') return Promise.resolve();
    const closing = this.#closing ?? this.#beginClosing(reason === 'kill' ? 'brutal' : this.#spec.shutdownMs);
    if (reason === 'kill') this.#killAll();
    return closing.gone.promise;
  }

  /** Stops all children at the same time, under one shutdown time (as in OTP). */
  #beginClosing(shutdownMs: ShutdownTime): Closing {
    const closing: Closing = { gone: Promise.withResolvers() };
    this.#state = 'closing';
    this.#closing = closing;
    this.#parked.clear();
    for (const child of this.#children.values()) {
      if (child.state !== 'stopping') this.#stop(child, shutdownMs === 'brutal' ? 'brutal' : UNTIMED);
    }
    if (this.size === 0) this.#closed();
    else if (shutdownMs !== 'brutal' && shutdownMs !== UNTIMED) {
      closing.cancel = this.#world.clock.setTimer(() => this.#killAll(), shutdownMs);
    }
    return closing;
  }

  #killAll(): void {
    for (const child of this.#children.values()) child.life?.kill();
  }

  #closed(): void {
    if (this.#closing === undefined) return;
    this.#state = 'closed';
    this.#closing.cancel?.();
    this.#closing.gone.resolve();
    this.#closing = undefined;
  }

  #tell(child: DynamicChild, happened: Happening): void {
    const id = shownId(this.kind, child.id);
    this.#world.observers.tell({ id, kind: this.kind, atMs: this.#world.clock.now(), ...happened });
  }
}
