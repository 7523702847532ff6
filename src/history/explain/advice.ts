/** Advice for each end of a request: the operator's next step, in a sentence. */
import type { OutcomeType } from '../../../actors/index.ts';

/** Of a request that ended in a way that has no word here. */
export const ADVICE_UNKNOWN =
  'How it ended is not known: that part of the journal is damaged, or a newer version wrote it; see switchyard verify.';

export const ADVICE = {
  responded: 'Nothing to do: the backend answered; the status is its own.',
  upgraded: 'Nothing to do: the connection was upgraded and ended normally.',
  answered: 'Nothing to do: the router answered by itself.',
  redirected: 'Nothing to do: the client was redirected, as its route says.',
  bad_request: 'The client sent something that is not HTTP/1.1; look at the client.',
  bad_header: 'The client sent a field that is not allowed; look at the client.',
  bad_chunk: 'The client sent a chunked body that is malformed; look at the client.',
  uri_too_long: 'Shorten the address, or raise the listener’s limits.requestLineBytes.',
  head_too_large: 'Send fewer or smaller headers (mostly cookies), or raise the listener’s limits.',
  trailers_too_large: 'Send smaller trailers, or raise the listener’s limits.trailerBytes.',
  version_unsupported: 'The client uses another version of HTTP; put a proxy in front that supports it.',
  coding_unsupported: 'The client must send its body chunked or with a length.',
  misdirected: 'The client named one host and asked for another; look at the client.',
  expectation_failed: 'The client sent an unknown Expect header; look at the client.',
  head_timeout:
    'The client was slow to send its request head; raise the listener’s timeouts.headersMs to wait longer.',
  loop_detected: 'A backend’s address leads back to this router; correct it.',
  client_closed: 'The client disconnected before the response was complete: it may have been too slow.',
  client_idle: 'The client stopped sending its body; look at the client or raise timeouts.bodyIdleMs.',
  domain_unknown: 'Add the domain (switchyard domain set HOST pool=POOL), or correct the client’s host.',
  maintenance: 'The domain is in maintenance; end it with switchyard domain set HOST maintenance=false.',
  refused: 'The embedding program refused it; look there.',
  max_in_flight: 'The domain has reached maxInFlight over all workers; raise it, or find what is slow.',
  owner_unavailable:
    'The owner of the domain or pool cannot start; see switchyard actors and switchyard verify.',
  no_backends: 'The pool has no backends or does not exist; add a backend, or use another pool.',
  starting: 'No backend is up yet; wait for one to start, or set whenEmpty=hold.',
  queue_full: 'The queue was full: add backends, or raise maxConcurrency or queue.maxWaiting.',
  queue_timeout:
    'No slot became free in time: add backends, raise maxConcurrency, or find what makes them slow.',
  quarantined: 'All backends were out of service, because connecting or requests failed; look at them first.',
  forced_close: 'The router was stopping and drainMs was over; raise it if requests take longer.',
  drain_timeout: 'Its backend was draining and the deadline had passed; give the drain a longer timeoutMs.',
  internal_error: 'A bug of the router: its log has the cause under this request’s id; please report it.',
  connect_refused: 'Nothing listens at the backend’s address: start it, or correct the address.',
  connect_timeout: 'The backend’s machine does not answer: check it and the network.',
  first_byte_timeout:
    'The backend took longer than timeouts.firstByteMs: find out why, or give it more time.',
  closed_without_response:
    'The backend closed the connection without a response: it probably crashed; look at its log.',
  response_idle:
    'The backend sent nothing for timeouts.idleMs in the middle of its response; look at its log.',
  response_interrupted: 'The backend closed the connection in the middle of its response; look at its log.',
  response_invalid: 'The backend’s response is not valid HTTP/1.1; correct the backend, or its address.',
  response_length: 'The backend’s Content-Length is not a single number; correct the backend.',
  response_cookie: 'The backend sets a cookie larger than limits.setCookieLineBytes.',
  response_header: 'The backend sends a header line larger than limits.headerLineBytes.',
  response_status_line: 'The backend sends a status line larger than limits.statusLineBytes.',
} as const satisfies Record<OutcomeType, string>;

export type Ended = {
  readonly type: OutcomeType;
  readonly status: number;
  /** Undefined: it did not have to wait. */
  readonly waitedMs: number | undefined;
  readonly totalMs: number;
};

/** A response need not be a good one, nor have come in time. */
export function adviceOn({ type, status, waitedMs = 0, totalMs }: Ended): string {
  if (type !== 'responded') return ADVICE[type];
  if (status >= 500) return `The backend itself answered ${status}: look at its log.`;
  if (waitedMs > totalMs / 2)
    return 'It mostly waited for a free slot: add backends, raise maxConcurrency, or find what makes them slow.';
  return ADVICE.responded;
}
