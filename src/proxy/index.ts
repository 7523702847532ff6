/**
 * The door of the data plane. A request passes through the folders in this order, led by `exchange.ts`:
 *
 *   client ─▶ route ─▶ lease ─▶ forward ─▶ upstream
 *      ▲        │        │         │
 *      └────────┴─────── answer ◀──┘      every answer of the router itself
 */

export { type OutcomeRow, rowOf } from './answer/outcome-table.ts';
export type { Answer } from './answer/reply.ts';
export type { PlaneOptions, PlaneReport } from './context.ts';
export type { Delegate, Delegated } from './delegate.ts';
export { connectFailure } from './forward/connect-failure.ts';
export { RetryBudget } from './forward/retry-budget.ts';
export { createHeadcount, type Headcount, type HeadcountMemory, SharedHeadcount } from './headcount.ts';
export { createPlane, type Farewell, type RoutingPlane } from './plane.ts';
export { parseRequestId } from './request-id.ts';
export { Route as CompiledRoute, routesOf } from './route/domain-routes.ts';
export { pathOf } from './route/request-part.ts';
export {
  type BackendAddress,
  type BackendRoute,
  type DomainFeatures,
  type DomainRoute,
  PLAIN,
  type PoolRoute,
  type RoutingTable,
} from './routing-table.ts';
export { NAMES } from './upstream/names.ts';
