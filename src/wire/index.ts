/** The door of the wire: strict HTTP/1.1 readers and writers. Pure: bytes in, a message, a refusal or "not yet" out. */
export { BODY, type BodyReader, CloseBody, LengthBody } from './body.ts';
export { type ChunkedAs, ChunkedBody } from './chunked-body.ts';
export { type Networks, parseNetworks, plainAddress } from './cidr.ts';
export { flat } from './flat.ts';
export {
  asked,
  clientLines,
  forwardFields,
  forwardLines,
  type Hop,
  hasPassedHere,
  isLoop,
  isRequestId,
  keptRequestId,
  viaLine,
  viaValue,
} from './forward-fields.ts';
export { HeadScan } from './head-scan.ts';
export { domainOf } from './host.ts';
export { NOWHERE } from './known-heads.ts';
export { lastChunk } from './last-chunk.ts';
export type {
  Fields,
  Framing,
  RequestHead,
  RequestLimits,
  ResponseHead,
  ResponseLimits,
  TrailerLimits,
} from './message.ts';
export { isFieldName, isFieldValue } from './octets.ts';
export type { ProxyHeader } from './proxy-header.ts';
export { readProxyHeader } from './proxy-protocol.ts';
export type {
  BodyRefusal,
  Incomplete,
  RequestRefusal,
  RequestRefusalReason,
  ResponseRefusal,
  ResponseRefusalReason,
} from './refusal.ts';
export { readRequestHead } from './request-head.ts';
export { readResponseHead } from './response-head.ts';
export { type RequestWriting, writeFields, writeRequestHead } from './write-request.ts';
export { type ResponseWriting, writeInterimHead, writeResponseHead } from './write-response.ts';
