/**
 * An owner while it runs: an XState actor around a decider. It is asked to decide, and told what was recorded.
 *
 *            decide ──▶ answer (events or a rejection; nothing has changed yet)
 *   active ──┤
 *            recorded ──▶ evolve ──▶ evolved (the outside of this owner follows its state)
 *
 * A throw anywhere in it ends the actor; its supervisor makes a new one from the log.
 */
import { fromTransition } from 'xstate';
import type { Chaos } from '../chaos.ts';
import type { Decider, Decision, Recording, Scratch } from './decider.ts';

export type OwnerContext<State> = { readonly state: State; readonly version: number };

export type OwnerEvent<Command, Event> =
  | {
      readonly type: 'decide';
      readonly command: Command;
      readonly answer: (decision: Decision<Event>) => void;
    }
  | { readonly type: 'recorded'; readonly events: readonly (Event & Recording)[] };

export type OwnerOptions<State, Command, Event> = {
  /** As shown to operators: `pool:web`. */
  readonly id: string;
  readonly decider: Decider<State, Command, Event>;
  /** The fold of its stream so far. */
  readonly initial: OwnerContext<State>;
  readonly chaos: Chaos;
  /** Brings what lies outside, such as a pool's ledger, in line with the state. Called after events. */
  readonly evolved: (state: State, version: number) => void;
};

/** @internal */
export type OwnerLogic<State, Command, Event> = ReturnType<typeof ownerLogic<State, Command, Event>>;

/** @internal Our declarations must not name XState: its own do not compile for everybody who compiles against ours. */
export function ownerLogic<State, Command, Event>(options: OwnerOptions<State, Command, Event>) {
  const { id, decider, chaos, evolved } = options;
  return fromTransition(
    (context: OwnerContext<State>, event: OwnerEvent<Command, Event>): OwnerContext<State> => {
      switch (event.type) {
        case 'decide': {
          const decision = decider.decide(event.command, context.state);
          chaos.reach(id, 'before-append');
          event.answer(decision);
          return context;
        }
        case 'recorded': {
          chaos.reach(id, 'after-append');
          const scratch = new WeakSet();
          const next = event.events.reduce(
            (folded, happened) => evolve(decider, folded, happened, scratch),
            context,
          );
          chaos.reach(id, 'before-publish');
          evolved(next.state, next.version);
          return next;
        }
      }
    },
    options.initial,
  );
}

/** Skips events that the owner knows already, since it was rebuilt from the log meanwhile. */
function evolve<State, Command, Event>(
  decider: Decider<State, Command, Event>,
  known: OwnerContext<State>,
  event: Event & Recording,
  scratch: Scratch,
): OwnerContext<State> {
  if (event.version <= known.version) return known;
  return { state: decider.evolve(known.state, event, scratch), version: event.version };
}
