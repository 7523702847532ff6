/** The strict reader of request heads: bytes in, one meaning out, or a refusal, or "not yet". */
import { type ConnectionOptions, isEmptyList, NO_FIELDS, readConnection } from './connection-field.ts';
import { readExpect } from './expect-field.ts';
import { FIELD, fieldKind } from './field-name.ts';
import { HeadScan, SCANNED, type ScanBounds, type ScanProblem } from './head-scan.ts';
import { domainOf } from './host.ts';
import type { RequestHead, RequestLimits } from './message.ts';
import { COMMA, isBlank, isDigits, REQUEST_LINE, sameText, TOKEN } from './octets.ts';
import { INCOMPLETE, type Incomplete, type RequestRefusal, type RequestRefusalReason } from './refusal.ts';
import { readRequestLine } from './request-line.ts';
import { isTargetProblem, reduceTarget } from './request-target.ts';

/** RFC 9112 §2.2 asks for at least one empty line to be ignored; Heroku takes five. */
const EMPTY_LINES = 5;

/**
 * Reads the head that begins at `start`. When the answer is `incomplete`, call again with the same start of the
 * message and more bytes; with a HeadScan of the connection's own the examined bytes are not examined again (the
 * bytes may have moved in the meantime). The scan is ready for the next head after any other answer.
 */
export function readRequestHead(
  buffer: Buffer,
  start: number,
  end: number,
  limits: RequestLimits,
  scan: HeadScan = freshScan(),
): RequestHead | RequestRefusal | Incomplete {
  const bounds = boundsOf(limits);
  let scanned = scan.scan(buffer, start, end, bounds);
  if (scanned === SCANNED.startLine) {
    const problem = readRequestLine(buffer, start + scan.base, scan);
    if (problem !== undefined) return refuseScan(buffer, start, scan, problem);
    scanned = scan.scan(buffer, start, end, bounds);
  }
  if (scanned === SCANNED.more) return INCOMPLETE;
  if (scanned === SCANNED.refused) return refuseScan(buffer, start, scan, asReason(scan.problem));
  const from = start + scan.base;
  const to = from + scan.headBytes;
  // The one decode: every part below is a slice of this text.
  const head = understand(buffer.toString('latin1', from, to), scan, to);
  scan.reset();
  return head;
}

/** What the fields have said so far; one per thread, since a head is read without interruption. */
class Meaning implements ConnectionOptions {
  host = '';
  hosts = 0;
  length = '';
  lengths = 0;
  chunked = false;
  close = false;
  keepAlive = false;
  upgrade = false;
  nominated: string[] | undefined;
  protocols = '';
  expect = '';
  maxForwards = '';

  clear(): void {
    this.host = '';
    this.hosts = 0;
    this.length = '';
    this.lengths = 0;
    this.chunked = false;
    this.close = false;
    this.keepAlive = false;
    this.upgrade = false;
    this.nominated = undefined;
    this.protocols = '';
    this.expect = '';
    this.maxForwards = '';
  }
}

const meaning = new Meaning();

function understand(text: string, scan: HeadScan, end: number): RequestHead | RequestRefusal {
  const method = text.slice(0, scan.first);
  const asked = text.slice(scan.first + 1, scan.second);
  const version = scan.third === 0 ? 0 : 1;
  const fields: string[] = [];
  const marks = scan.marks;
  meaning.clear();
  for (let i = 0; i < marks.length; i += 4) {
    const name = text.slice(marks[i], marks[i + 1]);
    const value = text.slice(marks[i + 2], marks[i + 3]);
    fields.push(name, value);
    const problem = note(name, value, version);
    if (problem !== undefined) {
      return refuse(problem, `${name}: ${shown(value)}`, method, asked, domainOf(meaning.host));
    }
  }

  const domain = domainOf(meaning.host);
  if (domain === '') {
    return meaning.hosts === 0
      ? refuse('missing_host', 'expected a Host field, found none', method, asked, '')
      : refuse('invalid_host', `expected a host name, found ${shown(meaning.host)}`, method, asked, '');
  }
  const target = reduceTarget(method, asked, meaning.host);
  if (isTargetProblem(target)) return refuse(target, shown(asked), method, asked, domain);
  const problem = contradiction(method, version);
  if (problem !== undefined) return refuse(problem, describeContradiction(), method, target, domain);

  const length = meaning.lengths === 0 ? -1 : Number(meaning.length);
  return {
    type: 'request',
    method,
    target,
    version,
    host: meaning.host,
    domain,
    fields,
    framing: meaning.chunked ? 'chunked' : length > 0 ? 'length' : 'none',
    contentLength: length,
    // RFC 9112 §9.3: close wins; 1.1 persists by default, 1.0 only when it says so.
    keepAlive: !meaning.close && (version === 1 || meaning.keepAlive),
    nominated: meaning.nominated ?? NO_FIELDS,
    // RFC 9110 §10.1.1: an expectation in an HTTP/1.0 request is ignored.
    expectContinue: version === 1 && meaning.expect !== '' && readExpect(meaning.expect) === 'continue',
    upgrade: version === 1 && meaning.upgrade ? spokenProtocols(meaning.protocols) : '',
    maxForwards: meaning.maxForwards === '' || !limitsForwards(method) ? -1 : Number(meaning.maxForwards),
    end,
  };
}

/** What one field adds, or why the head is refused for it. */
function note(name: string, value: string, version: 0 | 1): RequestRefusalReason | undefined {
  switch (fieldKind(name)) {
    case FIELD.host:
      // RFC 9112 §3.2: more than one Host line is a 400, equal or not.
      if (++meaning.hosts > 1) return 'repeated_host';
      meaning.host = value;
      return undefined;
    case FIELD.contentLength:
      return isConfusable(name, 7) ? 'confusable_header_name' : noteLength(value);
    case FIELD.transferEncoding:
      return isConfusable(name, 8) ? 'confusable_header_name' : noteTransferEncoding(value, version);
    case FIELD.connection:
      return readConnection(value, meaning) && !isEmptyList(value) ? undefined : 'invalid_connection';
    case FIELD.upgrade:
      meaning.protocols = joined(meaning.protocols, value);
      return undefined;
    case FIELD.expect:
      meaning.expect = joined(meaning.expect, value);
      return undefined;
    case FIELD.maxForwards:
      // Two values, or none that is a number: nobody can say how far this may go.
      if (meaning.maxForwards !== '' || !isDigits(value)) return 'invalid_max_forwards';
      meaning.maxForwards = value;
      return undefined;
    default:
      return undefined;
  }
}

/** RFC 9110 §8.6: digits only. Repeated equal lines are one; a list, even of equal values, is refused. */
function noteLength(value: string): RequestRefusalReason | undefined {
  if (!isDigits(value) || !Number.isSafeInteger(Number(value))) return 'invalid_content_length';
  if (meaning.chunked) return 'length_and_transfer_encoding';
  if (++meaning.lengths > 1 && value !== meaning.length) return 'conflicting_content_length';
  meaning.length = value;
  return undefined;
}

function noteTransferEncoding(value: string, version: 0 | 1): RequestRefusalReason | undefined {
  // RFC 9112 §6.1: HTTP/1.0 has no transfer codings; the framing of such a message is faulty.
  if (version === 0 || meaning.chunked) return 'invalid_transfer_encoding';
  if (!sameText(value, 'chunked')) return codingProblem(value);
  // RFC 9112 §6.3 lets a server reject a request with both, and it ought to be handled as an error.
  if (meaning.lengths > 0) return 'length_and_transfer_encoding';
  meaning.chunked = true;
  return undefined;
}

/**
 * RFC 9112 §6.1: 501 for a coding we do not understand, if the message could be framed at all, that is when the
 * last coding is chunked; otherwise §6.3: 400.
 */
function codingProblem(value: string): RequestRefusalReason {
  const codings = value.toLowerCase().split(',');
  for (let i = 0; i < codings.length; i++) {
    const coding = codings[i]!.trim();
    for (let at = 0; at < coding.length; at++) {
      if (TOKEN[coding.charCodeAt(at)] !== 1) return 'invalid_transfer_encoding';
    }
    const isLast = i === codings.length - 1;
    if (coding === '' || (coding === 'chunked') !== isLast) return 'invalid_transfer_encoding';
  }
  return 'unsupported_transfer_coding';
}

/** What no single field says wrong, but the whole. */
function contradiction(method: string, version: 0 | 1): RequestRefusalReason | undefined {
  // RFC 9110 §9.3.8: no content in TRACE; a backend that believes it would read it as the next request.
  if (method === 'TRACE' && (meaning.chunked || Number(meaning.length) > 0)) return 'content_in_trace';
  if (version === 0) return undefined;
  if (meaning.expect !== '') {
    const expectation = readExpect(meaning.expect);
    if (expectation === 'invalid') return 'invalid_expect';
    if (expectation === 'unsupported') return 'unsupported_expectation';
  }
  if (meaning.upgrade && !isProtocolList(meaning.protocols)) return 'invalid_upgrade';
  return undefined;
}

function describeContradiction(): string {
  return `Expect: ${shown(meaning.expect)}, Upgrade: ${shown(meaning.protocols)}, Content-Length: ${meaning.length}`;
}

/** RFC 9110 §7.8: protocol = token [ "/" token ], in a list with at least one. */
function isProtocolList(value: string): boolean {
  let found = false;
  for (let at = 0; at < value.length; at++) {
    const byte = value.charCodeAt(at);
    if (TOKEN[byte] === 1) found = true;
    else if (byte !== COMMA && byte !== SLASH && !isBlank(byte)) return false;
  }
  return found;
}

/**
 * The protocols without h2c: RFC 9113 §3.1 has withdrawn that upgrade, and a tunnel of HTTP requests would bring
 * the backend requests the router never saw. RFC 9110 §7.8 lets any upgrade be ignored.
 */
function spokenProtocols(value: string): string {
  if (!value.toLowerCase().includes('h2c')) return value;
  const protocols = value.split(',').map((protocol) => protocol.trim());
  return protocols.filter((protocol) => protocol !== '' && !/^h2c(?:\/|$)/i.test(protocol)).join(', ');
}

function limitsForwards(method: string): boolean {
  // RFC 9110 §7.6.2: defined for these two only.
  return method === 'OPTIONS' || method === 'TRACE';
}

/** Whether a framing field is spelt with an underscore: some backends take it for the real one. */
function isConfusable(name: string, dash: number): boolean {
  return name.charCodeAt(dash) !== DASH;
}

function joined(before: string, value: string): string {
  return before === '' ? value : value === '' ? before : `${before}, ${value}`;
}

const DASH = 0x2d;
const SLASH = 0x2f;

const shared = new HeadScan();
function freshScan(): HeadScan {
  shared.reset();
  return shared;
}

// Limits belong to a listener, so the last ones asked for are nearly always those asked for again.
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
    lineBytes: Number.MAX_SAFE_INTEGER,
    setCookieLineBytes: Number.MAX_SAFE_INTEGER,
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
    // Requests have no bound on a whole line, only on its parts.
    case 'header_line_too_long':
    case 'set_cookie_too_long':
      return 'header_value_too_long';
    default:
      return problem;
  }
}

/** A refusal before the fields were understood. Where it is, and what stands there, is the detail. */
function refuseScan(
  buffer: Buffer,
  start: number,
  scan: HeadScan,
  reason: RequestRefusalReason,
): RequestRefusal {
  const at = start + scan.base + scan.scanned;
  const around = buffer.toString('latin1', Math.max(start, at - 16), Math.min(buffer.length, at + 1));
  const detail = `at byte ${at - start} of the message, after ${shown(around)}`;
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

/** Limits of size are 414 and 431, all that is malformed 400; the rest is what RFC 9110 §15 has for the case. */
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

/** Peer bytes in a message: short, and with every control byte escaped. */
function shown(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
}
