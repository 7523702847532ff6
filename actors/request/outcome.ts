/** How a request can end: a closed list of words, the party to blame for each, and the phase it ended in. */

/** How far a request has come; in order. */
export type Phase =
  /** Its head is being read and checked. */
  | 'head'
  /** The domain and pool it belongs to are looked up. */
  | 'route'
  /** It asks its pool for a backend, or waits for one. */
  | 'checkout'
  /** It has a lease and connects. */
  | 'connect'
  /** It is being sent; no byte of the response has arrived. */
  | 'send'
  /** The backend's response is being relayed. */
  | 'respond'
  /** The connection was upgraded and is a byte pipe. */
  | 'pipe';

export type Blame = 'client' | 'backend' | 'router' | 'nobody';

/** The intended ends: the client got a complete answer. */
export type Answered =
  /** The backend's response was relayed whole. */
  | 'responded'
  /** The connection was upgraded, and the byte pipe ended. */
  | 'upgraded'
  /** The router answered by itself: a probe, or OPTIONS and TRACE at the end of their Max-Forwards. */
  | 'answered'
  /** A program that decides in place of the router sent the client elsewhere. */
  | 'redirected';

/** Ends caused by the client. */
export type ClientFault =
  | 'bad_request'
  | 'bad_header'
  | 'bad_chunk'
  | 'uri_too_long'
  | 'head_too_large'
  | 'trailers_too_large'
  | 'version_unsupported'
  | 'coding_unsupported'
  | 'misdirected'
  | 'expectation_failed'
  | 'head_timeout'
  | 'loop_detected'
  | 'client_closed'
  | 'client_idle';

/** Refusals by the router's own rules or state. */
export type RouterRefusal =
  | 'domain_unknown'
  | 'maintenance'
  /** A program that decides in place of the router refused it, in its own words. */
  | 'refused'
  | 'max_in_flight'
  | 'owner_unavailable'
  | 'no_backends'
  | 'starting'
  | 'queue_full'
  | 'queue_timeout'
  | 'quarantined'
  | 'forced_close'
  /** The backend's drain was over before the request was. */
  | 'drain_timeout'
  | 'internal_error';

/** Ends caused by the backend. */
export type BackendFault =
  | 'connect_refused'
  | 'connect_timeout'
  | 'first_byte_timeout'
  | 'closed_without_response'
  | 'response_idle'
  | 'response_interrupted'
  | 'response_invalid'
  | 'response_length'
  | 'response_cookie'
  | 'response_header'
  | 'response_status_line';

export type OutcomeType = Answered | ClientFault | RouterRefusal | BackendFault;

export type Outcome = {
  readonly type: OutcomeType;
  readonly phase: Phase;
  /** What exactly was wrong, in a few words, for the log; never bytes of the peer. */
  readonly detail?: string;
};

export const BLAME = {
  responded: 'nobody',
  upgraded: 'nobody',
  answered: 'nobody',
  redirected: 'nobody',
  bad_request: 'client',
  bad_header: 'client',
  bad_chunk: 'client',
  uri_too_long: 'client',
  head_too_large: 'client',
  trailers_too_large: 'client',
  version_unsupported: 'client',
  coding_unsupported: 'client',
  misdirected: 'client',
  expectation_failed: 'client',
  head_timeout: 'client',
  loop_detected: 'client',
  client_closed: 'client',
  client_idle: 'client',
  domain_unknown: 'client',
  maintenance: 'router',
  refused: 'router',
  max_in_flight: 'router',
  owner_unavailable: 'router',
  no_backends: 'router',
  starting: 'router',
  queue_full: 'router',
  queue_timeout: 'router',
  quarantined: 'backend',
  forced_close: 'router',
  drain_timeout: 'router',
  internal_error: 'router',
  connect_refused: 'backend',
  connect_timeout: 'backend',
  first_byte_timeout: 'backend',
  closed_without_response: 'backend',
  response_idle: 'backend',
  response_interrupted: 'backend',
  response_invalid: 'backend',
  response_length: 'backend',
  response_cookie: 'backend',
  response_header: 'backend',
  response_status_line: 'backend',
} as const satisfies Record<OutcomeType, Blame>;

/** Whether a word of a journal is one of these: those of another version may not be. */
export function isOutcome(word: string): word is OutcomeType {
  return Object.hasOwn(BLAME, word);
}

export function blameOf(outcome: Outcome): Blame {
  return BLAME[outcome.type];
}

// The end of nearly every request, so one object serves them all.
export const RESPONDED: Outcome = { type: 'responded', phase: 'respond' };
