/** The door of the wire: strict HTTP/1.1 readers and writers. Pure: bytes in, a message, a refusal or "not yet" out. */
export { BODY, type BodyReader, CloseBody, LengthBody } from './body/body.ts';
export { type ChunkedAs, ChunkedBody } from './body/chunked-body.ts';
export { lastChunk } from './body/last-chunk.ts';
export { type Networks, parseNetworks, plainAddress } from './cidr.ts';
export { fieldKey } from './field-name.ts';
export { flat } from './flat.ts';
export { GrowingBytes } from './growing-bytes.ts';
export { HeadScan } from './head-scan.ts';
export { NOWHERE } from './known-heads.ts';
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
export type { ProxyHeader } from './proxy-protocol/proxy-header.ts';
export { readProxyHeader } from './proxy-protocol/proxy-protocol.ts';
export type {
  BodyRefusal,
  Incomplete,
  RequestRefusal,
  RequestRefusalReason,
  ResponseRefusal,
  ResponseRefusalReason,
} from './refusal.ts';
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
} from './request/forward-fields.ts';
export { domainOf } from './request/host.ts';
export { readRequestHead } from './request/request-head.ts';
export { type RequestWriting, writeFields, writeRequestHead } from './request/write-request.ts';
export { readResponseHead } from './response/response-head.ts';
export { type ResponseWriting, writeInterimHead, writeResponseHead } from './response/write-response.ts';
