/** The limits of a line scan, and the faults it may find. */

/** What a scan may find wrong, in words that requests, responses and trailers share. */
export type ScanProblem =
  | 'empty_lines'
  | 'start_line_too_long'
  | 'bare_lf'
  | 'bare_cr'
  | 'control_byte'
  | 'obs_fold'
  | 'space_before_colon'
  | 'empty_header_name'
  | 'invalid_header_name'
  | 'missing_colon'
  | 'header_name_too_long'
  | 'header_value_too_long'
  | 'header_line_too_long'
  | 'set_cookie_too_long'
  | 'too_many_headers'
  | 'head_too_large';

export type ScanBounds = {
  readonly emptyLines: number;
  readonly startLineBytes: number;
  /** Bytes that may stand in the start line. */
  readonly startLine: Uint8Array;
  readonly nameBytes: number;
  readonly valueBytes: number;
  readonly lineBytes: number;
  readonly setCookieLineBytes: number;
  readonly fields: number;
  readonly headBytes: number;
};

/** No bound of its own: more than any buffer, yet small enough that sums with it stay small integers to V8. */
export const UNBOUNDED = 0x1fff_ffff;
