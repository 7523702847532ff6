/** What the fields of a request say together: its host, its framing, and what it asks of this hop. */
import { type ConnectionOptions, isEmptyList, readConnection } from '../connection-field.ts';
import { FIELD, type FieldKind } from '../field-name.ts';
import { hasTabBehind, isDigits, isFieldName, numberOf, sameText, TOKEN, withoutBlanks } from '../octets.ts';
import type { RequestRefusalReason } from '../refusal.ts';
import { readExpect } from './expect-field.ts';

type Problem = RequestRefusalReason | undefined;

/** Filled field by field; reused for the next head. */
export class RequestFields implements ConnectionOptions {
  host = '';
  hosts = 0;
  length = '';
  lengths = 0;
  /** The parsed length; -1: there is none. */
  lengthBytes = -1;
  chunked = false;
  close = false;
  keepAlive = false;
  upgrade = false;
  nominated: string[] | undefined;
  protocols = '';
  expect = '';
  forwards = '';
  hasForwards = false;

  clear(): void {
    this.host = '';
    this.hosts = 0;
    this.length = '';
    this.lengths = 0;
    this.lengthBytes = -1;
    this.chunked = false;
    this.close = false;
    this.keepAlive = false;
    this.upgrade = false;
    this.nominated = undefined;
    this.protocols = '';
    this.expect = '';
    this.forwards = '';
    this.hasForwards = false;
  }

  /** Takes one non-ordinary field, from its marks in the head. */
  note(
    kind: FieldKind,
    head: string,
    nameStart: number,
    valueStart: number,
    valueEnd: number,
    version: 0 | 1,
  ): Problem {
    switch (kind) {
      case FIELD.host:
        // RFC 9112 §3.2: more than one Host line is a 400, equal or not.
        if (++this.hosts > 1) return 'repeated_host';
        this.host = head.slice(valueStart, valueEnd);
        return undefined;
      case FIELD.contentLength:
        if (isConfusable(head, nameStart + 'content'.length)) return 'confusable_header_name';
        return hasTabBehind(head, valueEnd)
          ? 'invalid_content_length'
          : this.#noteLength(head.slice(valueStart, valueEnd));
      case FIELD.transferEncoding:
        if (isConfusable(head, nameStart + 'transfer'.length)) return 'confusable_header_name';
        return hasTabBehind(head, valueEnd)
          ? 'invalid_transfer_encoding'
          : this.#noteCoding(head.slice(valueStart, valueEnd), version);
      default:
        return this.#noteOption(kind, head, valueStart, valueEnd);
    }
  }

  /** Takes a field for this hop other than framing. */
  #noteOption(kind: FieldKind, head: string, valueStart: number, valueEnd: number): Problem {
    switch (kind) {
      case FIELD.connection: {
        const value = head.slice(valueStart, valueEnd);
        return readConnection(value, this) && !isEmptyList(value) ? undefined : 'invalid_connection';
      }
      case FIELD.upgrade:
        this.protocols = joined(this.protocols, head.slice(valueStart, valueEnd));
        return undefined;
      case FIELD.expect:
        this.expect = joined(this.expect, head.slice(valueStart, valueEnd));
        return undefined;
      case FIELD.maxForwards: {
        const value = head.slice(valueStart, valueEnd);
        this.forwards = this.hasForwards ? `${this.forwards}, ${value}` : value;
        this.hasForwards = true;
        return undefined;
      }
      default:
        return undefined;
    }
  }

  /** Checks the fields together, after each was checked alone. */
  contradiction(method: string, version: 0 | 1): Problem {
    // RFC 9110 §9.3.8: no content in TRACE; a backend that relies on this would read it as the next request.
    if (method === 'TRACE' && (this.chunked || this.lengthBytes > 0)) return 'content_in_trace';
    if (limitsForwards(method) && this.hasForwards && !isDigits(this.forwards)) return 'invalid_max_forwards';
    if (version === 0) return undefined;
    if (this.expect !== '') {
      const expectation = readExpect(this.expect);
      if (expectation === 'invalid') return 'invalid_expect';
      if (expectation === 'unsupported') return 'unsupported_expectation';
    }
    return this.upgrade && !isProtocolList(this.protocols) ? 'invalid_upgrade' : undefined;
  }

  /** The fields that a contradiction may concern, for its detail. */
  described(): string {
    const told = { length: this.length, chunked: this.chunked, expect: this.expect, upgrade: this.protocols };
    return JSON.stringify({ ...told, maxForwards: this.forwards }).slice(0, MAX_DETAIL);
  }

  /** How many hops remain; -1: no limit. */
  maxForwards(method: string): number {
    if (!this.hasForwards || !limitsForwards(method)) return -1;
    return Math.min(Number(this.forwards), Number.MAX_SAFE_INTEGER);
  }

  /** RFC 9110 §8.6: digits only. Repeated equal lines count as one; a list, even of equal values, is refused. */
  #noteLength(value: string): Problem {
    const bytes = numberOf(value);
    if (bytes < 0) return 'invalid_content_length';
    if (this.chunked) return 'length_and_transfer_encoding';
    if (++this.lengths > 1 && value !== this.length) return 'conflicting_content_length';
    this.length = value;
    this.lengthBytes = bytes;
    return undefined;
  }

  #noteCoding(value: string, version: 0 | 1): Problem {
    // RFC 9112 §6.1: HTTP/1.0 has no transfer codings; the framing of such a message is faulty.
    if (version === 0 || this.chunked) return 'invalid_transfer_encoding';
    if (!sameText(value, 'chunked')) return codingProblem(value);
    // RFC 9112 §6.3: a server may reject a request with both, which ought to be handled as an error.
    if (this.lengths > 0) return 'length_and_transfer_encoding';
    this.chunked = true;
    return undefined;
  }
}

/** RFC 9110 §7.6.2: Max-Forwards is defined for these two methods, and may be ignored for all others. */
function limitsForwards(method: string): boolean {
  return method === 'OPTIONS' || method === 'TRACE';
}

/**
 * The protocols without h2c: RFC 9113 §3.1 obsoletes that upgrade, and an HTTP tunnel would carry requests to the
 * backend that the router never sees. RFC 9110 §7.8 allows any upgrade to be ignored.
 */
export function spokenProtocols(value: string): string {
  if (!value.toLowerCase().includes('h2c')) return value;
  const protocols = value.split(',').map((protocol) => withoutBlanks(protocol));
  return protocols.filter((protocol) => protocol !== '' && !/^h2c(?:\/|$)/i.test(protocol)).join(', ');
}

/**
 * RFC 9112 §6.1: 501 for an unknown coding if the message could be framed, that is if the last coding is chunked;
 * otherwise 400 (§6.3).
 */
function codingProblem(value: string): RequestRefusalReason {
  const codings = value.toLowerCase().split(',');
  for (let i = 0; i < codings.length; i++) {
    const coding = withoutBlanks(codings[i]!);
    for (let at = 0; at < coding.length; at++) {
      if (TOKEN[coding.charCodeAt(at)] !== 1) return 'invalid_transfer_encoding';
    }
    const isLast = i === codings.length - 1;
    if (coding === '' || (coding === 'chunked') !== isLast) return 'invalid_transfer_encoding';
  }
  return 'unsupported_transfer_coding';
}

/**
 * RFC 9110 §7.8: a list of at least one protocol = token [ "/" token ]. Two separated only by a blank are refused:
 * others may split them, and find an h2c there.
 */
function isProtocolList(value: string): boolean {
  let found = false;
  for (const element of value.split(',')) {
    const protocol = withoutBlanks(element);
    if (protocol === '') continue;
    const parts = protocol.split('/');
    if (parts.length > 2 || !parts.every(isFieldName)) return false;
    found = true;
  }
  return found;
}

/** Whether a framing field is spelt with an underscore: some backends treat it as the real one. */
function isConfusable(head: string, dash: number): boolean {
  return head.charCodeAt(dash) !== DASH;
}

function joined(before: string, value: string): string {
  return before === '' ? value : value === '' ? before : `${before}, ${value}`;
}

const MAX_DETAIL = 200;
const DASH = 0x2d;
