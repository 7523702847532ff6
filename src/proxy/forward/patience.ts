/**
 * Which side has to send next on a request in progress: how long that is waited for, and how the request ends if
 * nothing comes.
 */
import type { OutcomeType } from '../../../actors/index.ts';
import type { ProxiedRequest } from '../proxied-request.ts';
import type { PoolRoute } from '../routing-table.ts';
import type { Responding } from './responding.ts';

export function patienceMs(
  request: ProxiedRequest,
  responding: Responding | undefined,
  timeouts: PoolRoute['settings']['timeouts'],
): number {
  if (request.phase !== 'send') return timeouts.idleMs;
  if (!request.isUploadDone && !isAskedFor100(request, responding))
    return request.client.listener.settings.timeouts.bodyIdleMs;
  return responding?.hasBegun === true ? timeouts.idleMs : timeouts.firstByteMs;
}

// 10: a backend that reports progress with 102 may take ten minutes; nginx would give it `proxy_read_timeout` in all.
const HEAD_PATIENCE = 10;

/** From the last byte of the request to the end of the final head, whatever else comes: interim responses may do so for ever. */
export function headPatienceMs({ firstByteMs, idleMs }: PoolRoute['settings']['timeouts']): number {
  return firstByteMs + HEAD_PATIENCE * idleMs;
}

/** For a request that was sent. */
export function outcomeOfSilence(request: ProxiedRequest, responding: Responding | undefined): OutcomeType {
  const { client, phase } = request;
  if (phase === 'pipe') return 'response_idle';
  // Even if the response has begun: the backend need not continue without the rest of the body.
  const isClientsTurn = isBodyDue(request, responding) || (phase === 'respond' && client.pendingBytes > 0);
  if (isClientsTurn || responding?.isPaused === true) return 'client_idle';
  return responding?.hasBegun === true ? 'response_idle' : 'first_byte_timeout';
}

/** More of the body is due, and the backend accepts it. */
function isBodyDue(request: ProxiedRequest, responding: Responding | undefined): boolean {
  return !request.isUploadDone && !request.client.isPaused && !isAskedFor100(request, responding);
}

/** RFC 9110 §10.1.1: the client may wait for the backend's 100 before it sends its body. */
function isAskedFor100({ head, domain, body }: ProxiedRequest, responding: Responding | undefined): boolean {
  if (!head.expectContinue || domain?.features.continue !== 'end-to-end') return false;
  return body?.bytes === 0 && responding?.hasBegun !== true;
}
