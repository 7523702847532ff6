/** A parsed head: the parts a router needs, and the fields as received. */

/** Flat: name, value, name, value, in the order and letter case received. */
export type Fields = readonly string[];

/** How the length of a body is known. `close`: until the connection ends (responses only). */
export type Framing = 'none' | 'length' | 'chunked' | 'close';

/** Listener limits, named as in the config file. Inclusive: a message at the limit is accepted, one byte more is not. */
export type RequestLimits = {
  /** The request line without its CRLF. */
  readonly requestLineBytes: number;
  readonly headerNameBytes: number;
  /** From the first non-blank byte to the CRLF. */
  readonly headerValueBytes: number;
  /** Header lines. */
  readonly headers: number;
  /** From the first byte of the request line to the last CRLF, inclusive. */
  readonly headBytes: number;
};

export type TrailerLimits = Pick<RequestLimits, 'headerNameBytes' | 'headerValueBytes' | 'headers'> & {
  /** All trailer lines with their CRLF. */
  readonly trailerBytes: number;
};

/** Pool limits, named as in the config file; lines are counted with their names, without CRLF. */
export type ResponseLimits = {
  readonly statusLineBytes: number;
  readonly setCookieLineBytes: number;
  readonly headerLineBytes: number;
  readonly responseHeadBytes: number;
};

export type RequestHead = {
  readonly type: 'request';
  readonly method: string;
  /** Origin-form (path and query, percent-encoding untouched), or `*`. An absolute-form is already reduced. */
  readonly target: string;
  /** The minor version: HTTP/1.0 or HTTP/1.1. */
  readonly version: 0 | 1;
  /** The Host field as received. */
  readonly host: string;
  /** The lookup key: lower case, no port, no final dot; an IPv6 literal keeps its brackets. */
  readonly domain: string;
  readonly fields: Fields;
  /** The lines that are passed on, as text, unless something else forbids or replaces one of them. */
  readonly passing: string;
  /** Bit 1 << kind for each kind of field present, except ordinary ones. */
  readonly seen: number;
  /** Never `close`: a request without length has no body. */
  readonly framing: 'none' | 'length' | 'chunked';
  /** The Content-Length received; -1: none. With framing `length` it is above zero. */
  readonly contentLength: number;
  /** Whether this client wants to send another request on the connection. */
  readonly keepAlive: boolean;
  /** The request line to send, with CRLF: HTTP/1.1, and the reduced target. */
  readonly requestLine: string;
  /** Lower-case names of the fields that Connection limits to this hop; without close, keep-alive and upgrade. */
  readonly nominated: Fields;
  readonly expectContinue: boolean;
  /** The protocols requested with `Connection: upgrade`; empty: none. */
  readonly upgrade: string;
  /** Max-Forwards of an OPTIONS or TRACE; -1: none. */
  readonly maxForwards: number;
  /** The index in the buffer of the first byte after the head. */
  readonly end: number;
};

export type ResponseHead = {
  readonly type: 'response';
  readonly version: 0 | 1;
  /** 100 to 999. 1xx other than 101 is interim: another head follows. */
  readonly status: number;
  readonly phrase: string;
  readonly fields: Fields;
  /** The lines that are passed on, as text, unless something else forbids or replaces one of them. */
  readonly passing: string;
  /** Bit 1 << kind for each kind of field present, except ordinary ones. */
  readonly seen: number;
  /** `none` for HEAD, 1xx, 204, 304 and a length of zero. */
  readonly framing: Framing;
  /** The Content-Length received; -1: none. For HEAD and 304 it is that of the body that was not sent. */
  readonly contentLength: number;
  /** Whether Transfer-Encoding: chunked was received; with `none` it describes the body that was not sent. */
  readonly chunked: boolean;
  /** Whether the backend allows another request on the connection. */
  readonly keepAlive: boolean;
  readonly nominated: Fields;
  /** The Upgrade field; empty: none. */
  readonly upgrade: string;
  readonly end: number;
};
