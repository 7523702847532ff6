/** Advice for each end of a request: the operator's next step, in a sentence. */
import type { OutcomeType } from '../../../actors/index.ts';

export const ADVICE = {
  responded: 'Nothing: the backend answered, whatever its status says is its own.',
  upgraded: 'Nothing: the connection was upgraded and ended as its parties wished.',
  answered: 'Nothing: the router answered by itself.',
  redirected: 'Nothing: the client was sent elsewhere, as its route says.',
  bad_request: 'The client sent something that is not HTTP/1.1; look at the client.',
  bad_header: 'The client sent a field that is not allowed; look at the client.',
  bad_chunk: 'The client sent a chunked body that is malformed; look at the client.',
  uri_too_long: 'Shorten the address, or raise the listener’s limits.requestLineBytes.',
  head_too_large: 'Fewer or smaller fields (cookies, mostly), or raise the listener’s limits.',
  trailers_too_large: 'Smaller trailer fields, or raise the listener’s limits.trailerBytes.',
  version_unsupported:
    'The client speaks another version of HTTP; put something before the router that speaks it.',
  coding_unsupported: 'The client must send its body chunked or with a length.',
  misdirected: 'The client named one host and asked for another; look at the client.',
  expectation_failed: 'The client expects something that HTTP does not know; look at the client.',
  head_timeout:
    'The client was slow to send its head; raise the listener’s timeouts.headersMs if it is to be waited for.',
  loop_detected: 'A backend’s address leads back to this router; correct the address.',
  client_closed: 'The client hung up before its answer was whole: it may have been too slow for it.',
  client_idle: 'The client stopped sending its body; look at the client or raise timeouts.bodyIdleMs.',
  domain_unknown: 'Add the domain (switchyard domain set HOST pool=POOL), or correct the client’s host.',
  maintenance: 'The domain is in maintenance; end it with switchyard domain set HOST maintenance=false.',
  refused: 'The program that decides in the router’s place refused it; look there.',
  max_in_flight:
    'The domain has as many requests as it may have in this worker; raise maxInFlight, or find what is slow.',
  owner_unavailable: 'What owns the domain or pool cannot be read; see /v1/actors and switchyard verify.',
  no_backends: 'The pool has no backends (or does not exist); add one, or point the domain elsewhere.',
  starting: 'No backend is up yet; wait for one to start, or set whenEmpty to hold.',
  queue_full:
    'More waited than the queue takes: add backends or raise maxConcurrency, else queue.maxWaiting.',
  queue_timeout:
    'No slot came free in time: add backends, raise maxConcurrency, or find what makes them slow.',
  quarantined: 'All backends were out: they could not be connected to or failed; look at them first.',
  forced_close: 'The router was stopping and its drain time was over; raise drainMs if requests take longer.',
  drain_timeout: 'Its backend was drained and the time for that was over; give the drain a longer timeoutMs.',
  internal_error: 'A fault of the router: its log has the cause under this request’s id; please report it.',
  connect_refused: 'Nothing listens at the backend’s address: start it, or correct the address.',
  connect_timeout: 'The backend’s machine does not answer: look at it and the network between.',
  first_byte_timeout:
    'The backend took longer than timeouts.firstByteMs: find out why, or give it more time.',
  closed_without_response: 'The backend hung up without a word: it probably crashed; look at its log.',
  response_idle: 'The backend stopped in the midst of its answer for timeouts.idleMs; look at its log.',
  response_interrupted: 'The backend hung up in the midst of its answer; look at its log.',
  response_invalid: 'The backend’s answer is not HTTP/1.1; correct the backend, or its address.',
  response_length: 'The backend’s Content-Length is not one number; correct the backend.',
  response_cookie: 'The backend sets a cookie larger than limits.setCookieLineBytes.',
  response_header: 'The backend sends a header line larger than limits.headerLineBytes.',
  response_status_line: 'The backend sends a status line larger than limits.statusLineBytes.',
} as const satisfies Record<OutcomeType, string>;
