/**
 * One life of a child, from the call of its start to its one end.
 *
 *   starting ──▶ running ──▶ stopping ──▶ over
 *       │           ╰── exited ─────────▶ over   (its keeper is told: it ended by itself)
 *       ├── failed, timed out ──────────▶ over   (likewise)
 *       ╰── stopped ──▶ stopping                 (waits for the start to settle, then stops what was started)
 */
import {
  type ChildContext,
  type ChildEnd,
  crashed,
  type Running,
  type ShutdownTime,
  type Start,
  StartTimedOut,
} from './child-spec.ts';
import type { CancelTimer, Clock } from './clock.ts';

/** What keeps the child: a place in a supervisor. */
export interface Keeper {
  readonly id: string;
  readonly kind: string;
  started(life: Incarnation): void;
  /** The child ended by itself, while starting or running. */
  ended(life: Incarnation, end: ChildEnd): void;
}

/** ended: by itself, normally; abandoned: it did not react even to the kill, or its start never settled. */
export type StoppedHow = 'ended' | 'stopped' | 'killed' | 'abandoned';
export type Stopped = { readonly how: StoppedHow; readonly error?: unknown };
export type WhenStopped = (life: Incarnation, stopped: Stopped) => void;

// 1 s: ending a thread takes milliseconds; a child that takes longer to die is not waited for.
const KILL_MS = 1000;

type Ending = {
  done: WhenStopped;
  readonly clock: Clock;
  cancel?: CancelTimer;
  killing: boolean;
  error?: unknown;
};

export class Incarnation implements ChildContext {
  readonly keeper: Keeper;
  #phase: 'starting' | 'running' | 'stopping' | 'over' = 'starting';
  #running: Running | undefined;
  #ending: Ending | undefined;
  #abort: AbortController | undefined;

  constructor(keeper: Keeper) {
    this.keeper = keeper;
  }

  get id(): string {
    return this.keeper.id;
  }

  get kind(): string {
    return this.keeper.kind;
  }

  /** The running child; undefined before and after. */
  get running(): Running | undefined {
    return this.#phase === 'running' ? this.#running : undefined;
  }

  get isOver(): boolean {
    return this.#phase === 'over';
  }

  /** Made on demand: most starts are done before anybody could change their mind. */
  get signal(): AbortSignal {
    this.#abort ??= new AbortController();
    return this.#abort.signal;
  }

  begin(start: Start, clock: Clock, limitMs = Number.POSITIVE_INFINITY): void {
    let started: Running | Promise<Running>;
    try {
      started = start(this);
    } catch (error) {
      this.exited(crashed(error));
      return;
    }
    if (isPromise(started)) this.#await(started, clock, limitMs);
    else this.#arrived(started);
  }

  exited(end: ChildEnd): void {
    if (this.#phase === 'over') return;
    if (this.#phase === 'stopping') {
      this.#finish('stopped', end.type === 'crashed' ? end.error : undefined);
      return;
    }
    this.#over();
    this.keeper.ended(this, end);
  }

  /** Calls `done` once the child is gone, perhaps before this returns. The `done` of a second call replaces the first. */
  stop(clock: Clock, shutdownMs: ShutdownTime, done: WhenStopped): void {
    if (this.#ending === undefined) this.#beginEnding(clock, shutdownMs, done);
    else this.#ending.done = done;
  }

  /** Cuts an unfinished `stop` short. */
  kill(): void {
    const ending = this.#ending;
    if (ending === undefined || ending.killing) return;
    ending.killing = true;
    ending.cancel?.();
    if (this.#running === undefined) {
      this.#abort?.abort('kill');
      this.#finish('abandoned');
    } else {
      this.#killRunning(this.#running, ending);
    }
  }

  /** Makes the child fail as a bug would; kills it if it has no `crash`. */
  crash(clock: Clock, error: Error): void {
    if (this.#phase !== 'starting' && this.#phase !== 'running') return;
    if (this.#running?.crash === undefined) {
      this.stop(clock, 'brutal', () => this.keeper.ended(this, crashed(error)));
      return;
    }
    try {
      this.#running.crash(error);
    } catch (thrown) {
      this.exited(crashed(thrown));
    }
  }

  #await(starting: Promise<Running>, clock: Clock, limitMs: number): void {
    const timedOut = () => this.exited(crashed(new StartTimedOut(this.id, limitMs)));
    const cancel = limitMs === Number.POSITIVE_INFINITY ? undefined : clock.setTimer(timedOut, limitMs);
    starting.then(
      (running) => {
        cancel?.();
        this.#arrived(running);
      },
      (error) => {
        cancel?.();
        this.exited(crashed(error));
      },
    );
  }

  #arrived(running: Running): void {
    if (this.#phase === 'over') {
      killLate(running);
      return;
    }
    this.#running = running;
    if (this.#ending !== undefined) {
      this.#askToStop(running, this.#ending);
      return;
    }
    this.#phase = 'running';
    this.keeper.started(this);
  }

  #beginEnding(clock: Clock, shutdownMs: ShutdownTime, done: WhenStopped): void {
    const ending: Ending = { done, clock, killing: false };
    this.#ending = ending;
    this.#phase = 'stopping';
    if (shutdownMs === 'brutal') {
      this.kill();
      return;
    }
    this.#abort?.abort('shutdown');
    if (this.#running !== undefined) this.#askToStop(this.#running, ending);
    if (this.isOver || ending.killing || shutdownMs === Number.POSITIVE_INFINITY) return;
    ending.cancel = clock.setTimer(() => this.kill(), shutdownMs);
  }

  #askToStop(running: Running, ending: Ending): void {
    const refused = (error: unknown) => {
      ending.error = error;
      this.kill();
    };
    attempt(
      () => running.stop('shutdown'),
      () => this.#finish('stopped'),
      refused,
    );
  }

  #killRunning(running: Running, ending: Ending): void {
    const refused = (error: unknown) => {
      ending.error = error;
      this.#finish('abandoned');
    };
    attempt(
      () => running.stop('kill'),
      () => this.#finish('killed'),
      refused,
    );
    if (!this.isOver) ending.cancel = ending.clock.setTimer(() => this.#finish('abandoned'), KILL_MS);
  }

  #finish(how: StoppedHow, error = this.#ending?.error): void {
    const ending = this.#ending;
    if (ending === undefined || this.#phase === 'over') return;
    // A child that ends while it is being killed was killed.
    const seen = how === 'stopped' && ending.killing ? 'killed' : how;
    this.#over();
    ending.done(this, error === undefined ? { how: seen } : { how: seen, error });
  }

  #over(): void {
    this.#phase = 'over';
    this.#running = undefined;
    this.#ending?.cancel?.();
    this.#abort?.abort('ended');
  }
}

/** Runs work that may end now, later, or with an error, and reports which. */
function attempt(work: () => void | Promise<void>, done: () => void, failed: (error: unknown) => void): void {
  let working: void | Promise<void>;
  try {
    working = work();
  } catch (error) {
    failed(error);
    return;
  }
  if (isPromise(working)) working.then(done, failed);
  else done();
}

/** This life was over before its child arrived: nobody is left who could be told how the kill went. */
function killLate(running: Running): void {
  attempt(() => running.stop('kill'), ignore, ignore);
}

function ignore(): void {}

function isPromise<T>(value: T | Promise<T>): value is Promise<T> {
  return typeof (value as { then?: unknown } | undefined)?.then === 'function';
}
