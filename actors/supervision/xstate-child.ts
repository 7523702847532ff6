/**
 * An XState actor as a supervised child. XState restarts nothing, throws an unobserved error of a root at the whole
 * process, and leaves the children of an actor that threw running. Here a root is always observed, its end is reported
 * once, and what it left behind is stopped.
 */
import {
  type Actor,
  type AnyActorLogic,
  createActor,
  type EventObject,
  type InputFrom,
  type InspectionEvent,
  type Snapshot,
} from 'xstate';
import { type ChildContext, crashed, NORMAL, type Running } from './child-spec.ts';
import type { Clock } from './clock.ts';
import { LiveActors } from './xstate-live-actors.ts';

export type XstateOptions<Logic extends AnyActorLogic> = {
  readonly input?: InputFrom<Logic>;
  /** A persisted snapshot to continue from. */
  readonly snapshot?: Snapshot<unknown>;
  /** For delayed transitions; absent: the process's own timers. */
  readonly clock?: Clock;
  readonly inspect?: (event: InspectionEvent) => void;
};

export type XstateRunning<Logic extends AnyActorLogic> = Running & { readonly actor: Actor<Logic> };

/**
 * Call it in a `start`. An error thrown in a transition, an action or an invoked actor is a crash; a final state is a
 * normal end. An error that a callback actor throws from a timer of its own reaches neither XState nor us.
 */
export function startXstate<Logic extends AnyActorLogic>(
  logic: Logic,
  context: ChildContext,
  options: XstateOptions<Logic> = {},
): XstateRunning<Logic> {
  const live = new LiveActors();
  const { clock, inspect, ...rest } = options;
  const actor = createActor<AnyActorLogic>(crashable(logic), {
    ...rest,
    ...(clock && { clock: xstateClock(clock) }),
    // Constant: a machine memoises every event type it has seen, and those contain the ids of actors.
    id: context.kind,
    inspect: (event) => {
      live.inspect(event);
      inspect?.(event);
    },
  });
  const over = Promise.withResolvers<void>();
  let isOver = false;
  const end = (tell: () => void) => {
    isOver = true;
    over.resolve();
    tell();
  };
  // Observed before it starts, since it may fail in its very first action.
  actor.subscribe({
    error: (error) => {
      live.stopChildrenOf(actor);
      end(() => context.exited(crashed(error)));
    },
    complete: () => end(() => context.exited(NORMAL)),
  });
  actor.start();
  return {
    actor: actor as Actor<Logic>,
    stop: () => {
      actor.stop();
      // In the middle of an event, it stops after it.
      return isOver ? undefined : over.promise;
    },
    crash: (error) => actor.send({ type: CRASH, error } satisfies Crash),
  };
}

const CRASH = 'switchyard.crash';
type Crash = EventObject & { readonly type: typeof CRASH; readonly error: Error };

/** The same logic, except that one event makes its transition throw, as a bug would. */
function crashable<Logic extends AnyActorLogic>(logic: Logic): Logic {
  const transition: Logic['transition'] = (snapshot, event, scope) => {
    if (event.type === CRASH) throw (event as Crash).error;
    return logic.transition(snapshot, event, scope);
  };
  return Object.create(logic, { transition: { value: transition } }) as Logic;
}

function xstateClock(clock: Clock) {
  return {
    setTimeout: (run: () => void, delayMs: number) => clock.setTimer(run, delayMs),
    clearTimeout: (cancel: () => void) => cancel(),
  };
}
