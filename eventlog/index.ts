/** The door of the room: what happened. */
export { canonicalJson } from './canonical.ts';
export * from './errors.ts';
export type * from './event-log.ts';
export type * from './events.ts';
export { type FeedSource, feed, follow } from './feed.ts';
export type { Finding } from './finding.ts';
export * from './journal/index.ts';
export { LocalLog } from './local-log.ts';
export type { CurrentsPage, LogInspection, LogReader } from './log-reader.ts';
export { createMemoryLog, type MemoryLogOptions } from './memory-log.ts';
export * from './names.ts';
export type { Rebuilt } from './rebuild.ts';
export * from './replay.ts';
export * from './settings.ts';
export { openSqliteLog, type SqliteLogOptions } from './sqlite-log.ts';
export { openSqliteReader } from './sqlite-reader.ts';
export { type Verification, type VerifyOptions, verify } from './verify.ts';
