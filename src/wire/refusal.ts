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
  // What the header lines mean.
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
 * A head that is not taken. What could be read of it before is given for the log and for a domain lookup that
 * goes first (an unknown host answers 404 even to a bad Expect); a part that was not read is the empty string.
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
  /** What a client deserves that sent it; from a backend it is a truncated response. */
  readonly status: 400 | 431;
  readonly reason: BodyRefusalReason;
  readonly detail: string;
};

/** The bytes so far may yet become a message. One shared value: nothing is made while waiting. */
export type Incomplete = { readonly type: 'incomplete' };
export const INCOMPLETE: Incomplete = Object.freeze({ type: 'incomplete' });

/** The place in a message at which it is wrong, and the byte there. No more: what stands before it may be somebody's cookie. */
export function byteAt(buffer: Buffer, start: number, at: number): string {
  const found = buffer.toString('latin1', at, Math.min(buffer.length, at + 1));
  return `at byte ${at - start} of the message, found ${shown(found)}`;
}

/** Peer bytes in a message: short, and with every control byte escaped. */
export function shown(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
}
