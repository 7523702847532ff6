/** How each outcome appears: the status, the H-code and its text in the log, and the text on the page. */
import type { OutcomeType } from '../../../actors/index.ts';

export type OutcomeRow = {
  /** Sent if no response head has gone out; 499 and 0 are never sent. */
  readonly status: number;
  readonly code: string;
  readonly desc: string;
  readonly at: 'info' | 'warning' | 'error';
  readonly sock?: 'client' | 'backend';
  /** Logged with H26 only. */
  readonly cause?: string;
  /** The text on the page. */
  readonly says: string;
};

const plain = { code: '', desc: '', at: 'info' } as const;
const unlogged = { code: '', desc: '', at: 'error' } as const;
const error = { at: 'error' } as const;

const BUSY = 'This site is busy. Please try again shortly.';
const DOWN = 'The application behind this address could not be reached.';
const FAULTY = 'The application behind this address did not answer properly.';
const MALFORMED = 'The request was not understood.';

const OUTCOME_TABLE = {
  responded: { ...plain, status: 0, says: '' },
  upgraded: { ...plain, status: 0, says: '' },
  answered: { ...plain, status: 200, says: '' },
  redirected: { ...plain, status: 301, says: '' },

  bad_request: { ...unlogged, status: 400, says: MALFORMED },
  bad_header: {
    ...error,
    code: 'H26',
    desc: 'Request Error',
    cause: 'bad header',
    status: 400,
    says: MALFORMED,
  },
  bad_chunk: {
    ...error,
    code: 'H26',
    desc: 'Request Error',
    cause: 'bad chunk',
    status: 400,
    says: MALFORMED,
  },
  uri_too_long: { ...unlogged, status: 414, says: 'The address asked for is too long.' },
  head_too_large: { ...unlogged, status: 431, says: 'The header fields of the request are too large.' },
  trailers_too_large: { ...unlogged, status: 431, says: 'The trailer fields of the request are too large.' },
  version_unsupported: { ...unlogged, status: 505, says: 'This version of HTTP is not spoken here.' },
  coding_unsupported: { ...unlogged, status: 501, says: 'The request uses a coding that is not known here.' },
  misdirected: {
    ...error,
    code: 'H31',
    desc: 'Misdirected Request',
    status: 421,
    says: 'The request reached the wrong address.',
  },
  expectation_failed: {
    ...error,
    code: 'H26',
    desc: 'Request Error',
    cause: 'unsupported expect header value',
    status: 417,
    says: 'What the request expects cannot be met.',
  },
  head_timeout: { ...unlogged, status: 408, says: 'The request took too long to arrive.' },
  loop_detected: { ...unlogged, status: 508, says: 'The request came back to the router that sent it on.' },
  client_closed: {
    at: 'warning',
    code: 'H27',
    desc: 'Client Request Interrupted',
    sock: 'client',
    status: 499,
    says: '',
  },
  client_idle: { at: 'warning', code: 'H28', desc: 'Client Connection Idle', status: 499, says: '' },

  domain_unknown: { ...unlogged, status: 404, says: 'There is nothing at this address.' },
  maintenance: {
    at: 'info',
    code: 'H80',
    desc: 'Maintenance mode',
    status: 503,
    says: 'Down for maintenance.',
  },
  refused: { ...unlogged, status: 503, says: DOWN },
  max_in_flight: { ...error, code: 'H22', desc: 'Connection limit reached', status: 503, says: BUSY },
  owner_unavailable: { ...error, code: 'H99', desc: 'Platform error', status: 503, says: DOWN },
  no_backends: { ...error, code: 'H14', desc: 'No web processes running', status: 503, says: DOWN },
  starting: {
    ...error,
    code: 'H20',
    desc: 'App boot timeout',
    status: 503,
    says: 'The application is starting.',
  },
  queue_full: { ...error, code: 'H11', desc: 'Backlog too deep', status: 503, says: BUSY },
  queue_timeout: { ...error, code: 'H11', desc: 'Backlog too deep', status: 503, says: BUSY },
  quarantined: { ...error, code: 'H34', desc: 'All up dynos are quarantined', status: 503, says: DOWN },
  forced_close: { ...error, code: 'H24', desc: 'Forced close', status: 503, says: BUSY },
  drain_timeout: { ...error, code: 'H24', desc: 'Forced close', status: 503, says: BUSY },
  internal_error: { ...error, code: 'H99', desc: 'Platform error', status: 503, says: DOWN },

  connect_refused: { ...error, code: 'H21', desc: 'Backend connection refused', status: 503, says: DOWN },
  connect_timeout: { ...error, code: 'H19', desc: 'Backend connection timeout', status: 503, says: DOWN },
  first_byte_timeout: { ...error, code: 'H12', desc: 'Request timeout', status: 503, says: FAULTY },
  closed_without_response: {
    ...error,
    code: 'H13',
    desc: 'Connection closed without response',
    status: 503,
    says: FAULTY,
  },
  response_idle: { ...error, code: 'H15', desc: 'Idle connection', status: 503, says: FAULTY },
  response_interrupted: {
    ...error,
    code: 'H18',
    desc: 'Server Request Interrupted',
    sock: 'backend',
    status: 503,
    says: FAULTY,
  },
  response_invalid: {
    ...error,
    code: 'H17',
    desc: 'Poorly formatted HTTP response',
    status: 503,
    says: FAULTY,
  },
  response_length: restriction('invalid content length'),
  response_cookie: restriction('oversized cookie'),
  response_header: restriction('oversized header'),
  response_status_line: restriction('oversized status line'),
} as const satisfies Record<OutcomeType, OutcomeRow>;

function restriction(what: string): OutcomeRow {
  return { ...error, code: 'H25', desc: `HTTP restriction: ${what}`, status: 502, says: FAULTY };
}

export function rowOf(type: OutcomeType): OutcomeRow {
  return OUTCOME_TABLE[type];
}
