/** A parsed head: the parts a router needs, and the fields as received. */

/** Flat: name, value, name, value, in the order and letter case received. */
export type Fields = readonly string[];

/** How the length of a body is known. `close`: until the connection ends (responses only). */
export type Framing = 'none' | 'length' | 'chunked' | 'close';

/** Listener limits by the names of the config file. Exact: a message at the limit is taken, one byte more is not. */
export type RequestLimits = {
  /** The request line without its CRLF. */
  readonly requestLineBytes: number;
  readonly headerNameBytes: number;
  /** From the first byte that is not blank to the CRLF. */
  readonly headerValueBytes: number;
  /** Header lines. */
  readonly headers: number;
  /** From the first byte of the request line to the last CRLF, both included. */
  readonly headBytes: number;
};

export type TrailerLimits = Pick<RequestLimits, 'headerNameBytes' | 'headerValueBytes' | 'headers'> & {
  /** All trailer lines with their CRLF. */
  readonly trailerBytes: number;
};

/** Pool limits by the names of the config file; lines are counted without their CRLF, names included. */
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
  /** The lines that pass, as they are written where nothing else forbids or replaces one of them. */
  readonly passing: string;
  /** Bit 1 << kind for each kind of field there is, ordinary ones aside. */
  readonly seen: number;
  /** Never `close`: a request without length has no body. */
  readonly framing: 'none' | 'length' | 'chunked';
  /** The Content-Length received; -1 when there was none. `length` means it is above zero. */
  readonly contentLength: number;
  /** Whether this client wants to send another request on the connection. */
  readonly keepAlive: boolean;
  /** The request line with its CRLF, as it is written: HTTP/1.1, and the target as reduced. */
  readonly requestLine: string;
  /** Lower-case names of the fields the Connection field gives to this hop only; close, keep-alive, upgrade left out. */
  readonly nominated: Fields;
  readonly expectContinue: boolean;
  /** The protocols asked for with `Connection: upgrade`; empty: none. */
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
  /** The lines that pass, as they are written where nothing else forbids or replaces one of them. */
  readonly passing: string;
  /** Bit 1 << kind for each kind of field there is, ordinary ones aside. */
  readonly seen: number;
  /** `none` for HEAD, 1xx, 204, 304 and a length of zero. */
  readonly framing: Framing;
  /** The Content-Length received; -1 when there was none. For HEAD and 304 it is that of the body not sent. */
  readonly contentLength: number;
  /** Whether Transfer-Encoding: chunked was received; with `none`, of the body not sent. */
  readonly chunked: boolean;
  /** Whether the backend lets the connection serve another request. */
  readonly keepAlive: boolean;
  readonly nominated: Fields;
  /** The Upgrade field; empty: none. */
  readonly upgrade: string;
  readonly end: number;
};
