/** The door of the room: who owns what. */

export type { HealthNews } from './backend/backend.machine.ts';
export { ArmedChaos, CRASH_POINTS, type CrashPoint, Sabotage } from './chaos.ts';
export type {
  Answer,
  Borrower,
  By,
  Command,
  Desk,
  LendingDesk,
  Now,
  Plan,
  Planned,
  Present,
} from './desk/command.ts';
export { CommandHandler } from './desk/command-handler.ts';
export { newCommandId } from './desk/command-id.ts';
export { RoutingDesk } from './desk/desk.ts';
export { type Owners, OwnerUnavailable } from './desk/desk-owners.ts';
export { digestOf } from './desk/digest.ts';
export { type Draft, draftOf, sealed } from './desk/draft.ts';
export { refusalFor } from './desk/refusals.ts';
export type { Rejection, RejectionType } from './desk/rejection.ts';
export { type DomainCommand, type DomainState, domainDecider } from './domain/domain.ts';
export { fieldOf } from './domain/field-of.ts';
export * from './domain/route-matcher.ts';
export { DRAWS, Split } from './domain/split.ts';
export type { HealthCounts, HealthReport } from './health.ts';
export { asleepOver } from './owner/asleep.ts';
export { decideFrom, evolveOwner, streamOf } from './owner/owned.ts';
export type { Drained } from './pool/drains.ts';
export * from './pool/ledger/index.ts';
export { definitionOf, ejectionsOf, healthOf, quarantineEndOf, rowsOf } from './pool/ledger-keeper.ts';
export type { PolicyName } from './pool/policy/policies.ts';
export { poolDecider, WELL } from './pool/pool.ts';
export { type BackendState, backendOf, type PoolState } from './pool/pool-state.ts';
export * from './request/outcome.ts';
export { RequestActor, type RequestObserver, type RequestStop } from './request/request.ts';
export * from './supervision/index.ts';
export { System } from './system.ts';
