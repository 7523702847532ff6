/** Supervision's door. */
export type {
  ActorInfo,
  ActorPage,
  Branch,
  CrashAnswer,
  PageOptions,
  Placed,
} from './actor-info.ts';
export { type Census, type Counts, noCounts } from './census.ts';
export {
  type ChildContext,
  type ChildEnd,
  type ChildSpec,
  crashed,
  type Running,
  type StopReason,
} from './child-spec.ts';
export { type CancelTimer, type Clock, systemClock } from './clock.ts';
export { type DynamicSpec, DynamicSupervisor } from './dynamic-supervisor.ts';
export type { Settled } from './status.ts';
export type { SupervisionEvent, SupervisionListener } from './supervision-event.ts';
export type { SupervisorSpec } from './supervisor.ts';
export { supervisorChild } from './supervisor-child.ts';
export { StartFailed } from './supervisor-errors.ts';
export { Tree } from './tree.ts';
export { createWorld, type World } from './world.ts';
