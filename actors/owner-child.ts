/** An owner as its supervisor runs it: rebuilt from the log, then asked and told until it fails or is stopped. */
import type { Recorded, StreamName, SwitchyardEvent, Version } from '../eventlog/index.ts';
import type { Chaos } from './chaos.ts';
import type { Command } from './command.ts';
import type { Decider, Decision, Recording } from './decider.ts';
import { type OwnerContext, type OwnerLogic, ownerLogic } from './owner.ts';
import {
  type ChildContext,
  crashed,
  type Running,
  type StopReason,
  startXstate,
  type XstateRunning,
} from './supervision/index.ts';

// Deciders differ by kind; what is asked of one always comes from the stream it owns.
// biome-ignore lint/suspicious/noExplicitAny: the three type parameters are erased where kinds meet.
export type AnyDecider = Decider<any, any, any>;

export type OwnerParts = {
  readonly id: string;
  readonly stream: StreamName;
  readonly decider: AnyDecider;
  readonly chaos: Chaos;
  readonly fold: { readonly state: unknown; readonly version: Version };
  /** Brings the outside in line with a state; what it rejects with fails the owner. */
  readonly align: (state: unknown, version: Version) => Promise<void>;
};

type Logic = OwnerLogic<unknown, Command, SwitchyardEvent & Recording>;

export class OwnerChild implements Running {
  readonly #running: XstateRunning<Logic>;
  readonly #context: ChildContext;
  #aligned: Promise<void>;
  #stopped = false;

  constructor(parts: OwnerParts, context: ChildContext) {
    this.#context = context;
    this.#aligned = Promise.resolve();
    const logic = ownerLogic<unknown, Command, SwitchyardEvent & Recording>({
      id: parts.id,
      decider: parts.decider,
      initial: parts.fold,
      chaos: parts.chaos,
      settled: (state, version) => this.#align(parts, state, version),
    });
    this.#running = startXstate(logic, context);
  }

  /** It failed or was stopped: nothing it knows counts any more. */
  get isOver(): boolean {
    // XState calls a stopped transition actor active.
    return this.#stopped || this.#running.actor.getSnapshot().status !== 'active';
  }

  /** Undefined once it is over. */
  get known(): OwnerContext<unknown> | undefined {
    return this.isOver ? undefined : this.#running.actor.getSnapshot().context;
  }

  /** Resolves when its outside follows what it knows now, or it is over. */
  get aligned(): Promise<void> {
    return this.#aligned;
  }

  /** Undefined: it failed over it. */
  decide(command: Command): Decision<SwitchyardEvent> | undefined {
    let decision: Decision<SwitchyardEvent> | undefined;
    this.#running.actor.send({
      type: 'decide',
      command,
      answer: (given) => {
        decision = given;
      },
    });
    return decision;
  }

  /** Resolves when the owner has evolved and its outside follows. It fails, not this, if that fails. */
  async record(events: readonly Recorded[]): Promise<void> {
    if (!this.isOver) this.#running.actor.send({ type: 'recorded', events });
    await this.#aligned;
  }

  crash(error: Error): void {
    this.#running.crash?.(error);
  }

  stop(reason: StopReason): void | Promise<void> {
    this.#stopped = true;
    return this.#running.stop(reason);
  }

  #align(parts: OwnerParts, state: unknown, version: Version): void {
    this.#aligned = parts.align(state, version).catch((error: unknown) => {
      this.#context.exited(crashed(error));
      void this.stop('kill');
    });
  }
}
