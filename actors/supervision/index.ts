/** Supervision's door. */
export {
  type ActorInfo,
  type ActorPage,
  type ActorState,
  type Branch,
  type Counts,
  type CrashAnswer,
  type LastError,
  listActors,
  noCounts,
  type PageOptions,
  type Placed,
} from './actor-info.ts';
export {
  type ChildContext,
  type ChildEnd,
  type ChildSpec,
  crashed,
  NORMAL,
  type Restart,
  type Running,
  type ShutdownTime,
  type Start,
  StartTimedOut,
  type StopReason,
} from './child-spec.ts';
export { type CancelTimer, type Clock, systemClock } from './clock.ts';
export { type DynamicSpec, DynamicSupervisor } from './dynamic-supervisor.ts';
export type { RestartWindow } from './restart-intensity.ts';
export type { Settled, Status } from './status.ts';
export type { Strategy } from './strategy.ts';
export type { SupervisionEvent, SupervisionListener } from './supervision-event.ts';
export { Supervisor, type SupervisorSpec } from './supervisor.ts';
export { supervisorChild } from './supervisor-child.ts';
export { RestartsExceeded, StartAbandoned, StartFailed } from './supervisor-errors.ts';
export { Tree } from './tree.ts';
export { createWorld, type World } from './world.ts';
export { startXstate, type XstateOptions, type XstateRunning } from './xstate-child.ts';
