/** The door of the wire: strict HTTP/1.1 readers and writers. Pure: bytes in, a message, a refusal or "not yet" out. */
export { HeadScan } from './head-scan.ts';
export { domainOf } from './host.ts';
export type {
  Fields,
  Framing,
  RequestHead,
  RequestLimits,
  ResponseHead,
  ResponseLimits,
  TrailerLimits,
} from './message.ts';
export * from './refusal.ts';
export { readRequestHead } from './request-head.ts';
