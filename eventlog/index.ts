/** The door of the room: what happened. */

export { prepare } from './append/append.ts';
export type * from './append/append-wish.ts';
export { type Happened, happenedOf, type Packed, unpacked } from './append/happened.ts';
export { type PackedAppend, packAppend } from './append/packed-append.ts';
export { type PackedNames, packNames, streamsOf } from './append/packed-names.ts';
export * from './errors.ts';
export type * from './event-log.ts';
export { EVENT_TYPES } from './events/event-owners.ts';
export type * from './events/events.ts';
export { feed } from './feed.ts';
export { InternedNames } from './interned-names.ts';
export * from './journal/index.ts';
export type * from './json.ts';
export { keyOf, seededKeyOf } from './key.ts';
export { LocalLog } from './local-log.ts';
export type { LogInspection, LogReader } from './log-reader.ts';
export { type Moment, parseMoment, parseTime, renderTime } from './moment.ts';
export * from './names.ts';
export type * from './position.ts';
export * from './query.ts';
export type * from './readings.ts';
export { baseOf, openPoints, POINT_EVERY, type Points, type Whole } from './replay/points.ts';
export * from './replay/replay.ts';
export { isAddress } from './settings/address.ts';
export { type LocationPart, parseLocation } from './settings/location-template.ts';
export { poolsOf } from './settings/pool-of.ts';
export type { RouteMatch, RouteSettings, RouteWish } from './settings/route-settings.ts';
export { DOMAIN_DEFAULTS, POOL_DEFAULTS } from './settings/setting-defaults.ts';
export type { BackendSettings, DomainSettings, PoolSettings } from './settings/settings.ts';
export * from './settings/sparse-settings.ts';
export { statusRange } from './settings/status-range.ts';
export {
  type Copying,
  type CopyOptions,
  copying,
  inTheWayOf,
  removeCopy,
} from './sqlite/copy-log.ts';
export { requireUnheld } from './sqlite/data-lock.ts';
export { makeDirectory } from './sqlite/make-directory.ts';
export { lastSound } from './sqlite/sound-events.ts';
export {
  type BesideLog,
  createMemoryLog,
  type MemoryLogOptions,
  openSqliteLog,
  openSqliteLogBeside,
  replaceLog,
  type SqliteLogOptions,
  swapLog,
} from './sqlite/sqlite-log.ts';
export {
  isFile,
  type LogFile,
  openLogFile,
  openSqliteReader,
  requireOwnFormat,
} from './sqlite/sqlite-reader.ts';
export { leftBehind } from './sqlite/swap.ts';
export {
  makeTemporaryDirectory,
  type TemporaryDirectory,
  temporaryDirectoryUnwritable,
} from './sqlite/temporary-directory.ts';
export { WriteBack, type WriteBackOptions } from './sqlite/write-back.ts';
export type { Finding } from './verify/finding.ts';
export { type Verified, type VerifyOptions, verify, verifying } from './verify/verify.ts';
