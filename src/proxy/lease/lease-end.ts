/** How a lease ends in the ledger's terms, from the outcome of its request. */
import type { LeaseEnd, OutcomeType, Phase } from '../../../actors/index.ts';

/** `isStale`: over a kept connection, on which not a byte came: it may have been closed before the request was sent. */
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
      // Whose turn it was to speak on an upgraded connection nobody knows.
      return phase === 'pipe' ? 'finished' : 'timed_out';
    case 'drain_timeout':
      return 'cut';
    // It waited for others to close their connections.
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
