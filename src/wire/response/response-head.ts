/** The strict reader of response heads: what is doubtful is refused, never repaired. */
import { NO_FIELDS } from '../connection-field.ts';
import { FieldLines, PassingLines } from '../field-lines.ts';
import { FIELD, fieldKindAt } from '../field-name.ts';
import { type HeadScan, SCANNED } from '../head-scan.ts';
import { KnownHeads, type Remembered } from '../known-heads.ts';
import type { Fields, Framing, ResponseHead, ResponseLimits } from '../message.ts';
import { FIELD_VALUE } from '../octets.ts';
import {
  byteAt,
  INCOMPLETE,
  type Incomplete,
  type ResponseRefusal,
  type ResponseRefusalReason,
  shown,
} from '../refusal.ts';
import { type ScanBounds, type ScanProblem, UNBOUNDED } from '../scan-bounds.ts';
import { ResponseFields } from './response-fields.ts';
import { mayBeHttp, readStatusLine } from './status-line.ts';
import { passesToClient } from './write-response.ts';

/**
 * Reads the response head that begins at `start`, like readRequestHead. The request's method matters because a response
 * to HEAD never has a body (RFC 9112 §6.3).
 */
export function readResponseHead(
  buffer: Buffer,
  start: number,
  end: number,
  limits: ResponseLimits,
  requestMethod: string,
  scan: HeadScan,
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

const meaning = new ResponseFields();
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
    const problem = meaning.note(kind, text, marks[i]!, marks[i + 2]!, marks[i + 3]!, version);
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

/** A copy of `meaning`. */
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
    const framing = meaning.framingOf(status, requestMethod);
    this.version = version;
    this.status = status;
    this.phrase = phrase;
    this.lines = lines;
    this.passing = passing;
    this.seen = seen;
    this.framing = framing;
    this.contentLength = meaning.lengthBytes;
    this.chunked = meaning.chunked;
    // RFC 9112 §9.3. After a body that ends with the connection, there is none to keep.
    this.keepAlive = framing !== 'close' && !meaning.close && (version === 1 || meaning.keepAlive);
    this.nominated = meaning.nominated ?? NO_FIELDS;
    this.upgrade = meaning.protocols;
    this.end = end;
  }

  get fields(): Fields {
    return this.lines.fields;
  }

  /** Whether equal bytes mean this head under these conditions, including its index in the buffer. */
  isOf(requestMethod: string, bounds: ScanBounds, start: number): boolean {
    return this.#requestMethod === requestMethod && this.#bounds === bounds && this.#start === start;
  }

  isAs(other: ReadResponse): boolean {
    return this.isOf(other.#requestMethod, other.#bounds, other.#start);
  }
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
      // A control byte in the status line, or an empty line before it: there is no status.
      return scan.isInStartLine ? 'invalid_status' : 'bad_header';
  }
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

// A megabyte of `a:` lines would be 260 000 fields and 20 MB of strings; no backend sends that on purpose.
const MAX_FIELDS = 10_000;

function refuseScan(
  buffer: Buffer,
  start: number,
  scan: HeadScan,
  reason: ResponseRefusalReason,
): ResponseRefusal {
  const detail = byteAt(buffer, start, start + scan.base + scan.scanned);
  scan.reset();
  return refuse(reason, detail);
}

function refuse(reason: ResponseRefusalReason, detail: string): ResponseRefusal {
  return { type: 'refused', status: reason === 'invalid_status' ? 503 : 502, reason, detail };
}
