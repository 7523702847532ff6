/** Children that do what a test says, and a diary of what was done to them. */
import {
  type ChildContext,
  type ChildSpec,
  crashed,
  NORMAL,
  type Restart,
  type Running,
  type ShutdownTime,
} from '../../actors/supervision/child-spec.ts';
import type { Clock } from '../../actors/supervision/clock.ts';

export type Behaviour = {
  restart?: Restart;
  isDispensable?: boolean;
  shutdownMs?: ShutdownTime;
  startLimitMs?: number;
  /** Starts that throw before one succeeds. */
  failures?: number;
  /** How long a start takes; Infinity: it never settles. None: it is done at once. */
  startMs?: number;
  /** Likewise for a stop. */
  stopMs?: number;
  /** Whether a kill works. */
  immortal?: boolean;
};

/** What happened, in order: `start a`, `up a`, `stop a`, `down a`, `kill a`, `fail a`, `crash a`, `end a`. */
export class Diary {
  readonly lines: string[] = [];
  readonly #clock: Clock;
  readonly #contexts = new Map<string, ChildContext>();
  readonly #alive = new Map<string, number>();
  readonly #failures = new Map<string, number>();
  /** The most lives one child ever had at the same time. */
  mostAlive = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** What was written since it was last asked. */
  take(): string[] {
    return this.lines.splice(0);
  }

  child(id: string, behaviour: Behaviour = {}): ChildSpec {
    const {
      restart = 'permanent',
      isDispensable = false,
      shutdownMs = 100,
      startLimitMs,
      failures = 0,
    } = behaviour;
    this.failNext(id, failures);
    return {
      id,
      kind: 'scripted',
      restart,
      isDispensable,
      shutdownMs,
      ...(startLimitMs !== undefined && { startLimitMs }),
      start: (context) => this.start(context, behaviour),
    };
  }

  failNext(id: string, times: number): void {
    this.#failures.set(id, times);
  }

  isAlive(id: string): boolean {
    return (this.#alive.get(id) ?? 0) > 0;
  }

  crash(id: string, error: unknown = new Error(`${id} has a bug`)): void {
    this.#end(id, 'crash', crashed(error));
  }

  end(id: string): void {
    this.#end(id, 'end', NORMAL);
  }

  start(context: ChildContext, behaviour: Behaviour = {}): Running | Promise<Running> {
    const { id } = context;
    this.lines.push(`start ${id}`);
    const failures = this.#failures.get(id) ?? 0;
    if (failures > 0) {
      this.#failures.set(id, failures - 1);
      this.lines.push(`fail ${id}`);
      throw new Error(`${id} cannot start`);
    }
    this.#contexts.set(id, context);
    if (behaviour.startMs === undefined) return this.#up(context, behaviour);
    return this.#after(behaviour.startMs, () => this.#up(context, behaviour));
  }

  #up(context: ChildContext, behaviour: Behaviour): Running {
    const { id } = context;
    this.#count(id, 1);
    this.lines.push(`up ${id}`);
    let up = true;
    const down = (how: string) => {
      if (!up) return;
      up = false;
      this.#count(id, -1);
      this.lines.push(`${how} ${id}`);
    };
    this.#downs.set(context, down);
    return {
      stop: (reason) => {
        this.lines.push(`${reason === 'kill' ? 'kill' : 'stop'} ${id}`);
        if (reason === 'kill') return behaviour.immortal ? new Promise(() => {}) : down('down');
        if (behaviour.stopMs === undefined) return down('down');
        return this.#after(behaviour.stopMs, () => down('down'));
      },
    };
  }

  readonly #downs = new Map<ChildContext, (how: string) => void>();

  #end(id: string, how: string, end: Parameters<ChildContext['exited']>[0]): void {
    const context = this.#contexts.get(id);
    if (context === undefined) return;
    const down = this.#downs.get(context);
    if (down === undefined) this.lines.push(`${how} ${id}`);
    else down(how);
    context.exited(end);
  }

  #count(id: string, by: number): void {
    const alive = (this.#alive.get(id) ?? 0) + by;
    this.#alive.set(id, alive);
    this.mostAlive = Math.max(this.mostAlive, alive);
  }

  #after<T>(ms: number, then: () => T): Promise<T> {
    return new Promise((resolve) => {
      if (ms !== Number.POSITIVE_INFINITY) this.#clock.setTimer(() => resolve(then()), ms);
    });
  }
}
