/** The strict reader of request heads: bytes in, one meaning out, or a refusal, or "not yet". */
import { FieldLines, PassingLines } from '../field-lines.ts';
import { FIELD, fieldKindAt } from '../field-name.ts';
import { type HeadScan, SCANNED } from '../head-scan.ts';
import { KnownHeads } from '../known-heads.ts';
import type { RequestHead, RequestLimits } from '../message.ts';
import { REQUEST_LINE } from '../octets.ts';
import {
  byteAt,
  INCOMPLETE,
  type Incomplete,
  type RequestRefusal,
  type RequestRefusalReason,
  shown,
} from '../refusal.ts';
import { type ScanBounds, type ScanProblem, UNBOUNDED } from '../scan-bounds.ts';
import { domainOf } from './host.ts';
import { ReadRequest, RememberedFields } from './remembered-request.ts';
import { RequestFields } from './request-fields.ts';
import { readRequestLine } from './request-line.ts';
import { isTargetProblem, reduceTarget } from './request-target.ts';
import { alwaysPasses } from './write-request.ts';

/** RFC 9112 §2.2 asks for at least one empty line to be ignored; Heroku takes five. */
const EMPTY_LINES = 5;

/**
 * Reads the head that begins at `start`. If the result is `incomplete`, call again with the whole message so far, at
 * any place in memory, and the same scan; examined bytes are not examined again. After any other result the scan is
 * ready for the next head.
 */
export function readRequestHead(
  buffer: Buffer,
  start: number,
  end: number,
  limits: RequestLimits,
  scan: HeadScan,
): RequestHead | RequestRefusal | Incomplete {
  const bounds = boundsOf(limits);
  let scanned = scan.scan(buffer, start, end, bounds);
  if (scanned === SCANNED.startLine) {
    const problem = readRequestLine(buffer, start + scan.base, scan);
    if (problem !== undefined) return refuseScan(buffer, start, scan, problem);
    const again = readAgain(buffer, start + scan.base, end, bounds, scan);
    if (again !== undefined) return again;
    scanned = scan.scan(buffer, start, end, bounds);
  }
  if (scanned === SCANNED.more) return INCOMPLETE;
  if (scanned === SCANNED.refused) return refuseScan(buffer, start, scan, asReason(scan.problem));
  const from = start + scan.base;
  const to = from + scan.headBytes;
  // The only decode: every part below is a slice of this text.
  const head = understand(buffer.toString('latin1', from, to), scan, to, bounds);
  if (head.type === 'request') scan.place = known.learn(buffer, fieldsAt(from, scan), to, head.said);
  scan.reset();
  return head;
}

const known = new KnownHeads<RememberedFields>();

/** The request line is complete: if the fields equal those of a known head, the rest is known. */
function readAgain(
  buffer: Buffer,
  from: number,
  end: number,
  bounds: ScanBounds,
  scan: HeadScan,
): RequestHead | undefined {
  const at = fieldsAt(from, scan);
  const found = known.find(scan.place, buffer, at, end);
  if (found === undefined) return undefined;
  const { meaning: said, length } = found;
  const text = buffer.toString('latin1', from, at);
  const method = text.slice(0, scan.first);
  const isIt = said.method === method && said.version === scan.third && said.bounds === bounds;
  if (!isIt || at + length - from > bounds.headBytes) return undefined;
  const asked = text.slice(scan.first + 1, scan.second);
  const target = reduceTarget(method, asked, said.host);
  if (isTargetProblem(target)) return undefined;
  scan.reset();
  return new ReadRequest(said, requestLine(text, said, asked, target), target, at + length);
}

/** The index of the first field line. */
function fieldsAt(from: number, scan: HeadScan): number {
  return from + scan.startLineEnd + 2;
}

/** The scan has verified method, one space, target, one space, version: if none of them changes, the line is reused. */
function requestLine(
  line: string,
  { method, version }: RememberedFields,
  asked: string,
  target: string,
): string {
  return version === 1 && target === asked ? line : `${method} ${target} HTTP/1.1\r\n`;
}

// One per thread is enough, since a head is parsed without interruption.
const meaning = new RequestFields();
const passing = new PassingLines();

function understand(
  text: string,
  scan: HeadScan,
  end: number,
  bounds: ScanBounds,
): ReadRequest | RequestRefusal {
  const method = text.slice(0, scan.first);
  const asked = text.slice(scan.first + 1, scan.second);
  const version = scan.third === 0 ? 0 : 1;
  const { marks, markCount } = scan;
  let seen = 0;
  meaning.clear();
  passing.clear();
  for (let i = 0; i < markCount; i += 4) {
    const kind = fieldKindAt(text, marks[i]!, marks[i + 1]!);
    if (alwaysPasses(kind)) passing.add(text, marks, i);
    if (kind === FIELD.ordinary) continue;
    seen |= 1 << kind;
    const problem = meaning.note(kind, text, marks[i]!, marks[i + 2]!, marks[i + 3]!, version);
    if (problem === undefined) continue;
    const line = `${text.slice(marks[i], marks[i + 1])}: ${shown(text.slice(marks[i + 2], marks[i + 3]))}`;
    return refuse(problem, line, method, asked, domainOf(meaning.host));
  }

  const domain = domainOf(meaning.host);
  if (domain === '') {
    return meaning.hosts === 0
      ? refuse('missing_host', 'expected a Host field, found none', method, asked, '')
      : refuse('invalid_host', `expected a host name, found ${shown(meaning.host)}`, method, asked, '');
  }
  const target = reduceTarget(method, asked, meaning.host);
  if (isTargetProblem(target)) return refuse(target, shown(asked), method, asked, domain);
  const problem = meaning.contradiction(method, version);
  if (problem !== undefined) return refuse(problem, meaning.described(), method, target, domain);

  const lines = new FieldLines(text, scan.startLineEnd + 2);
  const said = new RememberedFields(
    meaning,
    lines,
    passing.taken(text),
    seen,
    method,
    version,
    domain,
    bounds,
  );
  const line = requestLine(text.slice(0, scan.startLineEnd + 2), said, asked, target);
  return new ReadRequest(said, line, target, end);
}

// Cached for the limits used last, which belong to a listener and mostly stay the same.
let lastLimits: RequestLimits | undefined;
let lastBounds: ScanBounds;

function boundsOf(limits: RequestLimits): ScanBounds {
  if (limits === lastLimits) return lastBounds;
  lastBounds = {
    emptyLines: EMPTY_LINES,
    startLineBytes: limits.requestLineBytes,
    startLine: REQUEST_LINE,
    nameBytes: limits.headerNameBytes,
    valueBytes: limits.headerValueBytes,
    lineBytes: UNBOUNDED,
    setCookieLineBytes: UNBOUNDED,
    fields: limits.headers,
    headBytes: limits.headBytes,
  };
  lastLimits = limits;
  return lastBounds;
}

function asReason(problem: ScanProblem): RequestRefusalReason {
  switch (problem) {
    case 'start_line_too_long':
      return 'request_line_too_long';
    // For requests only the parts of a line are limited, not the whole.
    case 'header_line_too_long':
    case 'set_cookie_too_long':
      return 'header_value_too_long';
    default:
      return problem;
  }
}

/** A refusal before the fields were interpreted. */
function refuseScan(
  buffer: Buffer,
  start: number,
  scan: HeadScan,
  reason: RequestRefusalReason,
): RequestRefusal {
  const detail = byteAt(buffer, start, start + scan.base + scan.scanned);
  scan.reset();
  return refuse(reason, detail, '', '', '');
}

function refuse(
  reason: RequestRefusalReason,
  detail: string,
  method: string,
  target: string,
  domain: string,
): RequestRefusal {
  return { type: 'refused', status: STATUS[reason] ?? 400, reason, detail, method, target, domain };
}

/** Size limits are 414 and 431, malformed input is 400; the others are as in RFC 9110 §15. */
const STATUS: { readonly [Reason in RequestRefusalReason]?: RequestRefusal['status'] } = {
  request_line_too_long: 414,
  header_name_too_long: 431,
  header_value_too_long: 431,
  too_many_headers: 431,
  head_too_large: 431,
  unsupported_expectation: 417,
  misdirected_scheme: 421,
  unsupported_transfer_coding: 501,
  unsupported_version: 505,
};
