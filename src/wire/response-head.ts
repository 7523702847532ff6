/** The strict reader of response heads: what a backend says, refused rather than repaired when it is in doubt. */
import { type ConnectionOptions, NO_FIELDS, readConnection } from './connection-field.ts';
import { FieldLines, PassingLines } from './field-lines.ts';
import { FIELD, type FieldKind, fieldKindAt } from './field-name.ts';
import { HeadScan, SCANNED } from './head-scan.ts';
import { KnownHeads, type Remembered } from './known-heads.ts';
import type { Fields, Framing, ResponseHead, ResponseLimits } from './message.ts';
import { FIELD_VALUE, hasTabBehind, isBlank, numberOf, SPACE, sameText } from './octets.ts';
import {
  INCOMPLETE,
  type Incomplete,
  type ResponseRefusal,
  type ResponseRefusalReason,
  shown,
} from './refusal.ts';
import { isDigit, isVersion } from './request-line.ts';
import { type ScanBounds, type ScanProblem, UNBOUNDED } from './scan-bounds.ts';
import { passesToClient } from './write-response.ts';

/**
 * Reads the response head that begins at `start`, as readRequestHead reads requests. The request's method is
 * needed because a response to HEAD has no body whatever its fields say (RFC 9112 §6.3).
 */
export function readResponseHead(
  buffer: Buffer,
  start: number,
  end: number,
  limits: ResponseLimits,
  requestMethod: string,
  scan: HeadScan = freshScan(),
): ResponseHead | ResponseRefusal | Incomplete {
  const bounds = boundsOf(limits);
  if (scan.scanned === 0) {
    const found = known.find(scan.place, buffer, start, end);
    if (found?.meaning.isOf(requestMethod, bounds, start) === true) return found.meaning;
  }
  if (scan.isInStartLine && !mayBeHttp(buffer, start, end)) {
    return refuseScan(buffer, start, scan, 'invalid_status');
  }
  let scanned = scan.scan(buffer, start, end, bounds);
  if (scanned === SCANNED.startLine) {
    if (!readStatusLine(buffer, start, scan)) return refuseScan(buffer, start, scan, 'invalid_status');
    scanned = scan.scan(buffer, start, end, bounds);
  }
  if (scanned === SCANNED.more) return INCOMPLETE;
  if (scanned === SCANNED.refused) return refuseScan(buffer, start, scan, asReason(scan));
  const to = start + scan.headBytes;
  const text = buffer.toString('latin1', start, to);
  const head = understand(text, scan, requestMethod, to, bounds);
  if (head.type === 'response') scan.place = known.learn(buffer, start, to, head);
  scan.reset();
  return head;
}

const known = new KnownHeads<ReadResponse>();

class Meaning implements ConnectionOptions {
  length = '';
  /** What the length says; -1: there is none. */
  lengthBytes = -1;
  chunked = false;
  close = false;
  keepAlive = false;
  upgrade = false;
  nominated: string[] | undefined;
  protocols = '';

  clear(): void {
    this.length = '';
    this.lengthBytes = -1;
    this.chunked = false;
    this.close = false;
    this.keepAlive = false;
    this.upgrade = false;
    this.nominated = undefined;
    this.protocols = '';
  }
}

const meaning = new Meaning();
const passing = new PassingLines();

function understand(
  text: string,
  scan: HeadScan,
  requestMethod: string,
  end: number,
  bounds: ScanBounds,
): ReadResponse | ResponseRefusal {
  const version = scan.third === 0 ? 0 : 1;
  const { marks, markCount } = scan;
  let seen = 0;
  meaning.clear();
  passing.clear();
  for (let i = 0; i < markCount; i += 4) {
    const kind = fieldKindAt(text, marks[i]!, marks[i + 1]!);
    if (passesToClient(kind)) passing.add(text, marks, i);
    if (kind === FIELD.ordinary) continue;
    seen |= 1 << kind;
    const problem = note(kind, text, marks[i]!, marks[i + 2]!, marks[i + 3]!, version);
    if (problem === undefined) continue;
    const value = shown(text.slice(marks[i + 2], marks[i + 3]));
    return refuse(problem, `${text.slice(marks[i], marks[i + 1])}: ${value}`);
  }
  const lines = new FieldLines(text, scan.startLineEnd + 2);
  const phrase = text.slice(scan.second, scan.startLineEnd);
  const taken = passing.taken(text);
  return new ReadResponse(
    lines,
    taken,
    seen,
    version,
    scan.first,
    phrase,
    requestMethod,
    end - text.length,
    end,
    bounds,
  );
}

/** What `meaning` says now, kept. */
class ReadResponse implements ResponseHead, Remembered {
  readonly type = 'response';
  readonly #requestMethod: string;
  readonly #start: number;
  readonly #bounds: ScanBounds;
  readonly version: 0 | 1;
  readonly status: number;
  readonly phrase: string;
  readonly lines: FieldLines;
  readonly passing: string;
  readonly seen: number;
  readonly framing: Framing;
  readonly contentLength: number;
  readonly chunked: boolean;
  readonly keepAlive: boolean;
  readonly nominated: Fields;
  readonly upgrade: string;
  readonly end: number;

  constructor(
    lines: FieldLines,
    passing: string,
    seen: number,
    version: 0 | 1,
    status: number,
    phrase: string,
    requestMethod: string,
    start: number,
    end: number,
    bounds: ScanBounds,
  ) {
    this.#requestMethod = requestMethod;
    this.#start = start;
    this.#bounds = bounds;
    const framing = framingOf(status, requestMethod);
    this.version = version;
    this.status = status;
    this.phrase = phrase;
    this.lines = lines;
    this.passing = passing;
    this.seen = seen;
    this.framing = framing;
    this.contentLength = meaning.lengthBytes;
    this.chunked = meaning.chunked;
    // RFC 9112 §9.3. A body that ends with the connection leaves none to keep.
    this.keepAlive = framing !== 'close' && !meaning.close && (version === 1 || meaning.keepAlive);
    this.nominated = meaning.nominated ?? NO_FIELDS;
    this.upgrade = meaning.protocols;
    this.end = end;
  }

  get fields(): Fields {
    return this.lines.fields;
  }

  /** The circumstances in which the same bytes are this head, to the last index. */
  isOf(requestMethod: string, bounds: ScanBounds, start: number): boolean {
    return this.#requestMethod === requestMethod && this.#bounds === bounds && this.#start === start;
  }

  isAs(other: ReadResponse): boolean {
    return this.isOf(other.#requestMethod, other.#bounds, other.#start);
  }
}

/** RFC 9112 §6.3, in its order. */
function framingOf(status: number, requestMethod: string): Framing {
  if (requestMethod === 'HEAD' || status < 200 || status === 204 || status === 304) return 'none';
  if (meaning.chunked) return 'chunked';
  if (meaning.lengthBytes < 0) return 'close';
  return meaning.lengthBytes > 0 ? 'length' : 'none';
}

function note(
  kind: FieldKind,
  head: string,
  nameStart: number,
  valueStart: number,
  valueEnd: number,
  version: 0 | 1,
): ResponseRefusalReason | undefined {
  switch (kind) {
    case FIELD.contentLength:
      if (!isReal(head, nameStart + 'content'.length)) return 'bad_header';
      // Behaviour 103: a length ends at its last digit; even blanks behind it are an invalid content length.
      return isBlank(head.charCodeAt(valueEnd))
        ? 'invalid_content_length'
        : noteLength(head.slice(valueStart, valueEnd));
    case FIELD.transferEncoding:
      if (!isReal(head, nameStart + 'transfer'.length)) return 'bad_header';
      return hasTabBehind(head, valueEnd)
        ? 'invalid_transfer_encoding'
        : noteTransferEncoding(head.slice(valueStart, valueEnd), version);
    case FIELD.connection:
      return readConnection(head.slice(valueStart, valueEnd), meaning) ? undefined : 'invalid_connection';
    case FIELD.upgrade: {
      const value = head.slice(valueStart, valueEnd);
      meaning.protocols = meaning.protocols === '' ? value : `${meaning.protocols}, ${value}`;
      return undefined;
    }
    default:
      return undefined;
  }
}

function noteLength(value: string): ResponseRefusalReason | undefined {
  const bytes = numberOf(value);
  if (bytes < 0) return 'invalid_content_length';
  if (meaning.chunked) return 'length_and_transfer_encoding';
  if (meaning.length !== '' && value !== meaning.length) return 'invalid_content_length';
  meaning.length = value;
  meaning.lengthBytes = bytes;
  return undefined;
}

/**
 * RFC 9112 §6.1: a transfer coding in an HTTP/1.0 response is faulty framing, and so is chunked twice. Chunked
 * beside a Content-Length is refused though chunked would win: it is what response splitting looks like.
 */
function noteTransferEncoding(value: string, version: 0 | 1): ResponseRefusalReason | undefined {
  if (version === 0 || meaning.chunked || !sameText(value, 'chunked')) return 'invalid_transfer_encoding';
  if (meaning.length !== '') return 'length_and_transfer_encoding';
  meaning.chunked = true;
  return undefined;
}

const PROTOCOL = 'HTTP/1.';

/** Whether what has come so far begins as a status line does: a backend of another protocol may never send a line end. */
function mayBeHttp(buffer: Buffer, start: number, end: number): boolean {
  const known = Math.min(end - start, PROTOCOL.length);
  for (let i = 0; i < known; i++) if (buffer[start + i] !== PROTOCOL.charCodeAt(i)) return false;
  return true;
}

// `HTTP/1.1 200`: a version, one space, three digits.
const STATUS_AT = 9;
const PHRASE_AT = 13;

/**
 * Leaves the status (`first`), where the phrase begins (`second`) and the minor version (`third`). RFC 9112 §4
 * wants a space after the status even when no phrase follows; backends leave it out and nobody is misled.
 */
function readStatusLine(buffer: Buffer, start: number, scan: HeadScan): boolean {
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

function asReason(scan: HeadScan): ResponseRefusalReason {
  const problem: ScanProblem = scan.problem;
  switch (problem) {
    case 'start_line_too_long':
      return 'status_line_too_long';
    case 'set_cookie_too_long':
      return problem;
    case 'header_line_too_long':
    case 'header_name_too_long':
    case 'header_value_too_long':
      return 'header_line_too_long';
    case 'head_too_large':
    case 'too_many_headers':
      return 'response_head_too_large';
    default:
      // A control byte in the status line, or an empty line before it: no status was said.
      return scan.isInStartLine ? 'invalid_status' : 'bad_header';
  }
}

/** A response's spelling of a framing field with an underscore is as confusable as a request's. */
function isReal(head: string, dash: number): boolean {
  return head.charCodeAt(dash) === 0x2d;
}

const shared = new HeadScan();
function freshScan(): HeadScan {
  shared.reset();
  return shared;
}

let lastLimits: ResponseLimits | undefined;
let lastBounds: ScanBounds;

function boundsOf(limits: ResponseLimits): ScanBounds {
  if (limits === lastLimits) return lastBounds;
  lastBounds = {
    emptyLines: 0,
    startLineBytes: limits.statusLineBytes,
    startLine: FIELD_VALUE,
    nameBytes: UNBOUNDED,
    valueBytes: UNBOUNDED,
    lineBytes: limits.headerLineBytes,
    setCookieLineBytes: Math.min(limits.setCookieLineBytes, limits.headerLineBytes),
    fields: MAX_FIELDS,
    headBytes: limits.responseHeadBytes,
  };
  lastLimits = limits;
  return lastBounds;
}

// A megabyte of `a:` lines would be 260 000 fields and 20 MB of strings; no backend means that.
const MAX_FIELDS = 10_000;

function refuseScan(
  buffer: Buffer,
  start: number,
  scan: HeadScan,
  reason: ResponseRefusalReason,
): ResponseRefusal {
  const at = start + scan.base + scan.scanned;
  // The byte and its place only: what stands before it may be somebody's cookie.
  const found = buffer.toString('latin1', at, Math.min(buffer.length, at + 1));
  scan.reset();
  return refuse(reason, `at byte ${at - start} of the response, found ${shown(found)}`);
}

function refuse(reason: ResponseRefusalReason, detail: string): ResponseRefusal {
  return { type: 'refused', status: reason === 'invalid_status' ? 503 : 502, reason, detail };
}
