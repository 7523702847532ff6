/** The first line of a response, on its bytes (RFC 9112 §4). */
import type { HeadScan } from '../head-scan.ts';
import { SPACE } from '../octets.ts';
import { isDigit, isVersion } from '../request/request-line.ts';

const PROTOCOL = 'HTTP/1.';

/** Whether the bytes so far can begin a status line: a backend with another protocol may never send a line end. */
export function mayBeHttp(buffer: Buffer, start: number, end: number): boolean {
  const known = Math.min(end - start, PROTOCOL.length);
  for (let i = 0; i < known; i++) if (buffer[start + i] !== PROTOCOL.charCodeAt(i)) return false;
  return true;
}

// `HTTP/1.1 200`: a version, one space, three digits.
const STATUS_AT = 9;
const PHRASE_AT = 13;

/**
 * Stores the status (`first`), the start of the phrase (`second`) and the minor version (`third`) in the scan. RFC 9112
 * §4 requires a space after the status even without a phrase; backends omit it, and nobody is misled.
 */
export function readStatusLine(buffer: Buffer, start: number, scan: HeadScan): boolean {
  const length = scan.startLineEnd;
  if (length < PHRASE_AT - 1 || !isVersion(buffer, start) || buffer[start + 8] !== SPACE) return false;
  const major = buffer[start + 5]! - 0x30;
  const minor = buffer[start + 7]! - 0x30;
  if (major !== 1 || minor > 1) return false;
  let status = 0;
  for (let at = start + STATUS_AT; at < start + STATUS_AT + 3; at++) {
    if (!isDigit(buffer[at]!)) return false;
    status = status * 10 + buffer[at]! - 0x30;
  }
  if (status < 100 || (length >= PHRASE_AT && buffer[start + PHRASE_AT - 1] !== SPACE)) return false;
  scan.first = status;
  scan.second = Math.min(PHRASE_AT, length);
  scan.third = minor;
  return true;
}
