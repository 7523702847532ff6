/** The door of the library. */
export { createSwitchyard } from './create-switchyard.ts';
export type {
  Backend,
  CheckinPhase,
  Decisions,
  Direction,
  ErrorPage,
  Feature,
  Figures,
  Found,
  Headers,
  HeaderValues,
  Later,
  Outcome,
  Reason,
  Redirect,
} from './decisions.ts';
export type { DelegatedOptions, Switchyard } from './delegated-switchyard.ts';
export type { ClientFacts, IncomingRequest } from './incoming-request.ts';
export {
  type CommonOptions,
  InvalidOptions,
  type ListenerOptions,
  type PoolOptions,
  type ReportedProblem,
} from './options.ts';
export { CommandRefused, type Condition, type Done, type ProgramDesk } from './program-desk.ts';
export { type Refusal, refuse } from './refusals.ts';
export type { RoutedOptions, RoutedSwitchyard } from './routed-switchyard.ts';
export type { DomainWish, PoolWish } from './wishes.ts';
