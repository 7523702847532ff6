/** The door of the data plane. */
export type { PlaneCounters, PlaneOptions, PlaneReport, PlaneSettings } from './context.ts';
export { createPlane, type RoutingPlane } from './plane.ts';
export { parseRequestId, type RequestIdParts } from './request-id.ts';
export {
  type BackendAddress,
  type BackendRoute,
  type DomainFeatures,
  type DomainRoute,
  PLAIN,
  type PoolRoute,
  type RoutingTable,
} from './routing-table.ts';
