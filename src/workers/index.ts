/** The threads that route, and how they are told of changes. */
export { Journal } from './journal.ts';
export { MainPlane } from './main-plane.ts';
export { addressOf } from './pool-view.ts';
export { Publisher } from './publisher.ts';
export { type ReplaceAnswer, replaceWorkers } from './replace-workers.ts';
export { Table } from './table.ts';
export type { TableSource } from './table-source.ts';
export { Workers, type WorkersOptions } from './workers.ts';
