/** A backend's health machine as its supervisor runs it. */
import {
  type ChildContext,
  type Clock,
  type Running,
  type StopReason,
  startXstate,
  type XstateRunning,
} from '../supervision/index.ts';
import { type BackendEvent, type BackendInput, backendMachine } from './backend.machine.ts';

export class BackendChild implements Running {
  readonly #running: XstateRunning<typeof backendMachine>;

  constructor(input: BackendInput, context: ChildContext, clock: Clock) {
    this.#running = startXstate(backendMachine, context, { input, clock });
  }

  tell(event: BackendEvent): void {
    this.#running.actor.send(event);
  }

  crash(error: Error): void {
    this.#running.crash?.(error);
  }

  stop(reason: StopReason): void | Promise<void> {
    return this.#running.stop(reason);
  }
}
