/** The limits of a line scan, and the faults it may find. */

/** The faults of a scan, named alike for requests, responses and trailers. */
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
  /** Bytes allowed in the start line. */
  readonly startLine: Uint8Array;
  readonly nameBytes: number;
  readonly valueBytes: number;
  readonly lineBytes: number;
  readonly setCookieLineBytes: number;
  readonly fields: number;
  readonly headBytes: number;
};

/** No limit: more than any buffer, but small enough that sums with it remain small integers in V8. */
export const UNBOUNDED = 0x1fff_ffff;
