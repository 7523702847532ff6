/** The threads that route, and how they are told of changes. */
export { Journal, type JournalShare } from './journal.ts';
export { MainPlane } from './main-plane.ts';
export { type IndexShared, NameIndex } from './name-index.ts';
export { addressOf } from './pool-view.ts';
export { type PublicationCount, Publisher, type Receiver, Subscription } from './publisher.ts';
export { type ReplaceAnswer, replaceWorkers } from './replace-workers.ts';
export { Table } from './table.ts';
export type { TableSource } from './table-source.ts';
export { Workers, type WorkersOptions } from './workers.ts';
