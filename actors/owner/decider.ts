/**
 * How an owner thinks: what it knows (`State`), what it may be asked (`Command`), what then happens (`Event`), or why not
 * (`Rejection`). Pure: the same history and the same command give the same answer, here, in a test and in a replay.
 * `evolve` is total; `decide` never changes anything.
 */
import type { Rejection } from '../desk/rejection.ts';

export interface Decider<State, Command, Event> {
  readonly initialState: State;
  decide(command: Command, state: State): Decision<Event>;
  /**
   * With a `scratch`, a state that this fold made may be changed in place; only for a fold that shows nobody the states in
   * between.
   */
  evolve(state: State, event: Event & Recording, scratch?: Scratch): State;
}

/**
 * What one fold made itself, and so need not copy again for each event. A new one for each fold, which may be over many
 * owners.
 */
export type Scratch = WeakSet<object>;

export type Decision<Event> =
  /** No events: what was asked for is already so. */
  | { readonly type: 'events'; readonly events: readonly Event[] }
  | { readonly type: 'rejected'; readonly rejection: Rejection };

/** What an owner may know of how an event was recorded: its place in the owner's own history. */
export type Recording = { readonly version: number };

export function events<Event>(...happened: readonly Event[]): Decision<Event> {
  return { type: 'events', events: happened };
}

export function rejected(rejection: Rejection): { readonly type: 'rejected'; readonly rejection: Rejection } {
  return { type: 'rejected', rejection };
}
