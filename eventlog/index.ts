/** The door of the room: what happened. */
export { isAddress } from './address.ts';
export { prepare } from './append.ts';
export type * from './append-wish.ts';
export { type Copying, type CopyOptions, copying, lastSound } from './copy-log.ts';
export { requireUnheld } from './data-lock.ts';
export * from './errors.ts';
export type * from './event-log.ts';
export type * from './events.ts';
export { feed } from './feed.ts';
export type { Finding } from './finding.ts';
export { type Happened, happenedOf, type Packed, unpacked } from './happened.ts';
export * from './journal/index.ts';
export type * from './json.ts';
export { LocalLog } from './local-log.ts';
export { type LocationPart, parseLocation } from './location-template.ts';
export type { LogInspection, LogReader } from './log-reader.ts';
export { makeDirectory } from './make-directory.ts';
export { createMemoryLog, type MemoryLogOptions } from './memory-log.ts';
export { type Moment, parseMoment, parseTime } from './moment.ts';
export * from './names.ts';
export { type PackedAppend, packAppend } from './packed-append.ts';
export { type PackedNames, packNames, streamsOf } from './packed-names.ts';
export { Places } from './places.ts';
export { baseOf, openPoints, POINT_EVERY, type Points, type Whole } from './points.ts';
export { poolsOf } from './pool-of.ts';
export type * from './position.ts';
export * from './query.ts';
export type * from './readings.ts';
export * from './replay.ts';
export type { RouteMatch, RouteSettings, RouteWish } from './route-settings.ts';
export { makeScratch, type Scratch } from './scratch.ts';
export { DOMAIN_DEFAULTS, POOL_DEFAULTS } from './setting-defaults.ts';
export type { BackendSettings, DomainSettings, PoolSettings } from './settings.ts';
export * from './sparse-settings.ts';
export {
  type BesideLog,
  openSqliteLog,
  openSqliteLogBeside,
  replaceLog,
  type SqliteLogOptions,
  swapLog,
} from './sqlite-log.ts';
export { isFile, type LogFile, openLogFile, openSqliteReader, requireOwnFormat } from './sqlite-reader.ts';
export { type Verified, type VerifyOptions, verify, verifying } from './verify.ts';
export { WriteBack, type WriteBackOptions } from './write-back.ts';
