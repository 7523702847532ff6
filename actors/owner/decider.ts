/**
 * How an owner thinks: what it knows (`State`), what it may be asked (`Command`), what then happens (`Event`), or
 * why not (`Rejection`). Pure: the same history and the same command give the same answer, here, in a test and in
 * a replay. `evolve` is total; `decide` never changes anything.
 */
import type { Rejection } from '../desk/rejection.ts';

export interface Decider<State, Command, Event> {
  readonly initialState: State;
  decide(command: Command, state: State): Decision<Event>;
  /** With a `scratch` a state that this fold made may be changed for the next: for who shows nobody what lies between. */
  evolve(state: State, event: Event & Recording, scratch?: Scratch): State;
}

/** Of one fold, of one owner or of many: what it made itself, and so need not make again for each event. New for each fold. */
export type Scratch = WeakSet<object>;

export type Decision<Event> =
  /** No events: what was asked for is so already. */
  | { readonly type: 'events'; readonly events: readonly Event[] }
  | { readonly type: 'rejected'; readonly rejection: Rejection };

/** What an owner may know of the recording of an event: its place in the owner's own history. */
export type Recording = { readonly version: number };

export function events<Event>(...happened: readonly Event[]): Decision<Event> {
  return { type: 'events', events: happened };
}

export function rejected(rejection: Rejection): { readonly type: 'rejected'; readonly rejection: Rejection } {
  return { type: 'rejected', rejection };
}
