/** The door of the library, with a name for the type of everything that it gives: programs emit declarations too. */
export type { Rejection } from '../../actors/index.ts';
export type {
  BackendHealth,
  BackendId,
  CapacityWant,
  DomainName,
  EventType,
  Metadata,
  PoolName,
  QuarantineCause,
  Recorded,
  Sparse,
  SparseBackend,
  SparseDomain,
  SparsePool,
  StreamName,
  SwitchyardEvent,
} from '../../eventlog/index.ts';
export type { Problem, RoutingJson } from '../config/index.ts';
export {
  DURATION_BOUNDS_MS,
  type Histogram,
  type PoolMetricsSnapshot,
  type RequestMetricsSnapshot,
} from '../telemetry/request-metrics.ts';
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
