/** The threads that route, and how they learn of changes. */
export { Journal } from './journal/journal.ts';
export { MainPlane } from './main-plane.ts';
export { addressOf } from './table/pool-view.ts';
export { Publisher } from './table/publisher.ts';
export { Table } from './table/table.ts';
export type { TableSource } from './table/table-source.ts';
export { type ReplaceAnswer, replaceWorkers } from './worker/replace-workers.ts';
export { Workers } from './worker/workers.ts';
