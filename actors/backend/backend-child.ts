/**
 * A backend's health machine as its supervisor runs it. The machine is only made when there is something to tell it or to
 * wait for: with very many backends few ever need one, and a machine takes five kilobytes.
 */
import {
  type ChildContext,
  type Clock,
  crashed,
  type Running,
  type StopReason,
} from '../supervision/index.ts';
import { startXstate, type XstateRunning } from '../supervision/xstate-child.ts';
import { type BackendEvent, type BackendInput, backendMachine } from './backend.machine.ts';

export class BackendChild implements Running {
  readonly #input: BackendInput;
  readonly #context: ChildContext;
  readonly #clock: Clock;
  #running: XstateRunning<typeof backendMachine> | undefined;
  #isOver = false;

  constructor(input: BackendInput, context: ChildContext, clock: Clock) {
    this.#input = input;
    this.#context = context;
    this.#clock = clock;
    if (input.quarantine.untilMs > input.now()) this.#machine();
  }

  tell(event: BackendEvent): void {
    if (!this.#isOver) this.#machine().actor.send(event);
  }

  crash(error: Error): void {
    if (this.#running !== undefined) this.#running.crash?.(error);
    else {
      this.#isOver = true;
      this.#context.exited(crashed(error));
    }
  }

  stop(reason: StopReason): void | Promise<void> {
    this.#isOver = true;
    return this.#running?.stop(reason);
  }

  #machine(): XstateRunning<typeof backendMachine> {
    this.#running ??= startXstate(backendMachine, this.#context, {
      input: this.#input,
      clock: this.#clock,
    });
    return this.#running;
  }
}
