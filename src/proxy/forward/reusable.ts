/**
 * Whether a connection may serve another request after a response (RFC 9112 §9.3): only if it is certain where the
 * next response begins.
 */
import type { ResponseHead } from '../../wire/index.ts';

export function isReusableAfter(head: ResponseHead): boolean {
  return head.keepAlive && head.framing !== 'close' && !mayHaveBody(head);
}

/**
 * Some servers send a body where none is allowed: to HEAD (gunicorn, cheroot and waitress leave that to the
 * application), or with 204 or 304. It may still be on its way and would be read as the next response. So a connection
 * is reused only if there is no body that could be sent.
 */
function mayHaveBody(head: ResponseHead): boolean {
  if (head.framing !== 'none') return false;
  const isAlwaysBare = head.status === 204 || head.status === 304;
  return head.chunked || head.contentLength > 0 || (head.contentLength < 0 && !isAlwaysBare);
}
