/** Why a message is refused: a value with a stable word, the status it deserves, and what was found. */

export type RequestRefusalReason =
  // The request line.
  | 'empty_lines'
  | 'request_line_too_long'
  | 'malformed_request_line'
  | 'invalid_method'
  | 'connect_not_supported'
  | 'invalid_target'
  | 'target_host_mismatch'
  | 'misdirected_scheme'
  | 'unsupported_version'
  // Any line.
  | 'bare_lf'
  | 'bare_cr'
  | 'control_byte'
  // Header lines.
  | 'obs_fold'
  | 'space_before_colon'
  | 'empty_header_name'
  | 'invalid_header_name'
  | 'missing_colon'
  | 'header_name_too_long'
  | 'header_value_too_long'
  | 'too_many_headers'
  | 'head_too_large'
  // The meaning of the header lines.
  | 'missing_host'
  | 'repeated_host'
  | 'invalid_host'
  | 'invalid_content_length'
  | 'conflicting_content_length'
  | 'invalid_transfer_encoding'
  | 'unsupported_transfer_coding'
  | 'length_and_transfer_encoding'
  | 'confusable_header_name'
  | 'content_in_trace'
  | 'invalid_connection'
  | 'invalid_upgrade'
  | 'invalid_expect'
  | 'unsupported_expectation'
  | 'invalid_max_forwards';

export type ResponseRefusalReason =
  | 'invalid_status'
  | 'status_line_too_long'
  | 'set_cookie_too_long'
  | 'header_line_too_long'
  | 'response_head_too_large'
  | 'bad_header'
  | 'invalid_content_length'
  | 'invalid_transfer_encoding'
  | 'length_and_transfer_encoding'
  | 'invalid_connection';

export type BodyRefusalReason =
  | 'bad_chunk'
  | 'chunk_extension_too_long'
  | 'bad_trailer'
  | 'trailers_too_large';

/**
 * A refused head. The parts that were read are kept for the log and for a domain lookup, which comes first (an unknown
 * host answers 404 even to a bad Expect); parts that were not read are empty.
 */
export type RequestRefusal = {
  readonly type: 'refused';
  readonly status: 400 | 414 | 417 | 421 | 431 | 501 | 505;
  readonly reason: RequestRefusalReason;
  readonly detail: string;
  readonly method: string;
  readonly target: string;
  /** The lookup key, as in RequestHead.domain. */
  readonly domain: string;
};

export type ResponseRefusal = {
  readonly type: 'refused';
  readonly status: 502 | 503;
  readonly reason: ResponseRefusalReason;
  readonly detail: string;
};

export type BodyRefusal = {
  readonly type: 'refused';
  /** The status for a client that sent it; from a backend, the response counts as truncated. */
  readonly status: 400 | 431;
  readonly reason: BodyRefusalReason;
  readonly detail: string;
};

/** The bytes so far may still become a message. One shared value, so that waiting allocates nothing. */
export type Incomplete = { readonly type: 'incomplete' };
export const INCOMPLETE: Incomplete = Object.freeze({ type: 'incomplete' });

/** The offset of the fault and the byte there, no more: the bytes before it may contain somebody's cookie. */
export function byteAt(buffer: Buffer, start: number, at: number): string {
  const found = buffer.toString('latin1', at, Math.min(buffer.length, at + 1));
  return `at byte ${at - start} of the message, found ${shown(found)}`;
}

/** Bytes from a peer for a log or error text: shortened, with control bytes escaped. */
export function shown(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
}
