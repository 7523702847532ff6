/** How a lease ends in the ledger's terms, from the outcome of its request. */
import type { LeaseEnd, OutcomeType, Phase } from '../../../actors/index.ts';

/** `isStale`: a reused connection without a byte from the backend, which may have closed it before the request was sent. */
export function leaseEndOf(type: OutcomeType, phase: Phase, isStale = false): LeaseEnd {
  switch (type) {
    case 'closed_without_response':
    case 'response_interrupted':
      return isStale ? 'unused' : 'backend_failed';
    case 'client_closed':
    case 'client_idle':
      return 'client_gone';
    case 'first_byte_timeout':
      return 'timed_out';
    case 'response_idle':
      // On an upgraded connection, it is unknown whose turn it was to send.
      return phase === 'pipe' ? 'finished' : 'timed_out';
    case 'drain_timeout':
      return 'cut';
    // The request waited for other connections to close.
    case 'queue_timeout':
      return 'unused';
    case 'bad_chunk':
    case 'trailers_too_large':
    case 'forced_close':
    case 'internal_error':
      return 'finished';
    default:
      return 'backend_failed';
  }
}
