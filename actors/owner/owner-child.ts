/**
 * An owner as its supervisor runs it: rebuilt from the log, then asked and told until it fails or is stopped. Its actor is
 * only made when it is first asked or told something: a pool that was woken by requests needs none, and an actor takes four
 * kilobytes.
 */
import type { Recorded, StreamName, SwitchyardEvent, Version } from '../../eventlog/index.ts';
import type { Chaos } from '../chaos.ts';
import type { Command } from '../desk/command.ts';
import { type ChildContext, crashed, type Running, type StopReason } from '../supervision/index.ts';
import { startXstate, type XstateRunning } from '../supervision/xstate-child.ts';
import type { Decider, Decision, Recording } from './decider.ts';
import { type OwnerContext, type OwnerLogic, ownerLogic } from './owner.ts';

// Deciders differ by kind; what is asked of one always comes from the stream it owns.
// biome-ignore lint/suspicious/noExplicitAny: the three type parameters are erased where kinds meet.
export type AnyDecider = Decider<any, any, any>;

export type OwnerParts = {
  readonly id: string;
  readonly stream: StreamName;
  readonly decider: AnyDecider;
  readonly chaos: Chaos;
  readonly fold: { readonly state: unknown; readonly version: Version };
  /** Brings what lies outside in line with a state; if it rejects, the owner fails. */
  readonly align: (state: unknown, version: Version) => Promise<void>;
};

const ALIGNED = Promise.resolve();

type Logic = OwnerLogic<unknown, Command, SwitchyardEvent & Recording>;

export class OwnerChild implements Running {
  readonly #parts: OwnerParts;
  readonly #context: ChildContext;
  #running: XstateRunning<Logic> | undefined;
  #aligned: Promise<void> = ALIGNED;
  #stopped = false;

  constructor(parts: OwnerParts, context: ChildContext) {
    this.#parts = parts;
    this.#context = context;
  }

  /** It failed or was stopped: nothing it knows counts any more. */
  get isOver(): boolean {
    // XState calls a stopped transition actor active.
    return this.#stopped || (this.#running?.actor.getSnapshot().status ?? 'active') !== 'active';
  }

  /** Undefined once it is over. */
  get known(): OwnerContext<unknown> | undefined {
    if (this.isOver) return undefined;
    return this.#running?.actor.getSnapshot().context ?? this.#parts.fold;
  }

  /** Resolves when what lies outside follows the current state, or the owner is over. */
  get aligned(): Promise<void> {
    return this.#aligned;
  }

  /** Undefined: the owner failed over this command. */
  decide(command: Command): Decision<SwitchyardEvent> | undefined {
    if (this.isOver) return undefined;
    let decision: Decision<SwitchyardEvent> | undefined;
    this.#actor().send({
      type: 'decide',
      command,
      answer: (given) => {
        decision = given;
      },
    });
    return decision;
  }

  /**
   * Resolves when the owner has evolved and what lies outside follows. If that fails, the owner fails, and this still
   * resolves.
   */
  async record(events: readonly Recorded[]): Promise<void> {
    if (!this.isOver) this.#actor().send({ type: 'recorded', events });
    await this.#aligned;
  }

  crash(error: Error): void {
    if (this.#running !== undefined) this.#running.crash?.(error);
    else {
      this.#stopped = true;
      this.#context.exited(crashed(error));
    }
  }

  stop(reason: StopReason): void | Promise<void> {
    this.#stopped = true;
    return this.#running?.stop(reason);
  }

  #actor(): XstateRunning<Logic>['actor'] {
    this.#running ??= startXstate(this.#logic(), this.#context);
    return this.#running.actor;
  }

  #logic(): Logic {
    const { id, decider, fold, chaos } = this.#parts;
    return ownerLogic<unknown, Command, SwitchyardEvent & Recording>({
      id,
      decider,
      initial: fold,
      chaos,
      evolved: (state, version) => this.#align(state, version),
    });
  }

  #align(state: unknown, version: Version): void {
    this.#aligned = this.#parts.align(state, version).catch((error: unknown) => {
      this.#context.exited(crashed(error));
      void this.stop('kill');
    });
  }
}
