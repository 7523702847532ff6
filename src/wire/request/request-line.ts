/** A request line, split at its two spaces and checked part by part, on the bytes (RFC 9112 §3). */
import type { HeadScan } from '../head-scan.ts';
import { SPACE, TARGET, TOKEN } from '../octets.ts';
import type { RequestRefusalReason } from '../refusal.ts';

// A hundred more than any registered method; Heroku's limit.
const METHOD_BYTES = 127;

const VERSION_BYTES = 'HTTP/1.1'.length;
const ZERO = 0x30;

/**
 * Stores the ends of the method (`first`) and the target (`second`) and the minor version (`third`) in the scan.
 * Exactly one space separates the parts: readers that accept more, or a tab, may split the line differently.
 */
export function readRequestLine(
  buffer: Buffer,
  from: number,
  scan: HeadScan,
): RequestRefusalReason | undefined {
  const end = from + scan.startLineEnd;
  let at = from;
  while (at < end && TOKEN[buffer[at]!] === 1) at++;
  if (at === end || buffer[at] !== SPACE || at === from) return methodProblem(buffer, at, end);
  if (at - from > METHOD_BYTES) return 'invalid_method';
  scan.first = at - from;

  const targetStart = ++at;
  while (at < end && TARGET[buffer[at]!] === 1) at++;
  if (at === end || at === targetStart) return 'malformed_request_line';
  if (buffer[at] !== SPACE) return 'invalid_target';
  scan.second = at - from;

  at++;
  const version = versionProblem(buffer, at, end);
  if (version !== undefined) return version;
  scan.third = buffer[end - 1]! - ZERO;
  return isConnect(buffer, from, scan.first) ? 'connect_not_supported' : undefined;
}

function methodProblem(buffer: Buffer, at: number, end: number): RequestRefusalReason {
  return at < end && buffer[at] !== SPACE ? 'invalid_method' : 'malformed_request_line';
}

/** RFC 9112 §2.3: HTTP-version is `HTTP/` DIGIT `.` DIGIT, in capitals. */
function versionProblem(buffer: Buffer, at: number, end: number): RequestRefusalReason | undefined {
  if (end - at !== VERSION_BYTES || !isVersion(buffer, at)) return 'malformed_request_line';
  const major = buffer[at + 5]! - ZERO;
  const minor = buffer[at + 7]! - ZERO;
  return major === 1 && minor <= 1 ? undefined : 'unsupported_version';
}

/** Whether `HTTP/d.d` is at this place, where eight bytes are known to be available. */
export function isVersion(buffer: Buffer, at: number): boolean {
  return (
    buffer[at] === 0x48 &&
    buffer[at + 1] === 0x54 &&
    buffer[at + 2] === 0x54 &&
    buffer[at + 3] === 0x50 &&
    buffer[at + 4] === 0x2f &&
    isDigit(buffer[at + 5]!) &&
    buffer[at + 6] === 0x2e &&
    isDigit(buffer[at + 7]!)
  );
}

export function isDigit(byte: number): boolean {
  return byte >= ZERO && byte <= 0x39;
}

const CONNECT = 'CONNECT';

function isConnect(buffer: Buffer, from: number, bytes: number): boolean {
  if (bytes !== CONNECT.length) return false;
  for (let i = 0; i < bytes; i++) if (buffer[from + i] !== CONNECT.charCodeAt(i)) return false;
  return true;
}
