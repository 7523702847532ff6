/** The door of the data plane. */

export type { PlaneOptions, PlaneReport } from './context.ts';
export type { Answer, Delegate, Delegated } from './delegate.ts';
export { Route as CompiledRoute, routesOf } from './domain-routes.ts';
export { createHeadcount, type Headcount, type HeadcountMemory, SharedHeadcount } from './headcount.ts';
export { statusRange } from './listed-status.ts';
export { type OutcomeRow, rowOf } from './outcome-table.ts';
export { createPlane, type Farewell, type RoutingPlane } from './plane.ts';
export { parseRequestId } from './request-id.ts';
export { pathOf } from './request-part.ts';
export { RetryBudget } from './retry-budget.ts';
export {
  type BackendAddress,
  type BackendRoute,
  type DomainFeatures,
  type DomainRoute,
  PLAIN,
  type PoolRoute,
  type RoutingTable,
} from './routing-table.ts';
