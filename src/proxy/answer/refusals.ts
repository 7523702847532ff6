/** Which outcome each refusal of the wire becomes. */
import type { OutcomeType } from '../../../actors/index.ts';
import type {
  BodyRefusal,
  RequestRefusal,
  RequestRefusalReason,
  ResponseRefusal,
  ResponseRefusalReason,
} from '../../wire/index.ts';

export function outcomeOfRequest({ status, reason }: RequestRefusal): OutcomeType {
  switch (status) {
    case 414:
      return 'uri_too_long';
    case 417:
      return 'expectation_failed';
    case 421:
      return 'misdirected';
    case 431:
      return 'head_too_large';
    case 501:
      return 'coding_unsupported';
    case 505:
      return 'version_unsupported';
    case 400:
      return BAD_HEADER.has(reason) ? 'bad_header' : 'bad_request';
  }
}

// By the time these are found, the host is known, so that the domain can be looked up.
const BAD_HEADER: ReadonlySet<RequestRefusalReason> = new Set<RequestRefusalReason>([
  'invalid_transfer_encoding',
  'invalid_connection',
  'invalid_upgrade',
  'invalid_expect',
]);

export function outcomeOfBody({ reason }: BodyRefusal): OutcomeType {
  return reason === 'trailers_too_large' ? 'trailers_too_large' : 'bad_chunk';
}

const RESPONSE = {
  invalid_status: 'response_invalid',
  status_line_too_long: 'response_status_line',
  set_cookie_too_long: 'response_cookie',
  header_line_too_long: 'response_header',
  response_head_too_large: 'response_header',
  bad_header: 'response_invalid',
  invalid_content_length: 'response_length',
  invalid_transfer_encoding: 'response_invalid',
  length_and_transfer_encoding: 'response_invalid',
  invalid_connection: 'response_invalid',
} as const satisfies Record<ResponseRefusalReason, OutcomeType>;

export function outcomeOfResponse({ reason }: ResponseRefusal): OutcomeType {
  return RESPONSE[reason];
}
