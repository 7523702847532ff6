/**
 * Whether a connection may serve another request after a response (RFC 9112 §9.3): only if it is certain where the
 * next response begins.
 */
import type { ResponseHead } from '../../wire/index.ts';

export function isReusableAfter(head: ResponseHead): boolean {
  return head.keepAlive && head.framing !== 'close' && !mayHaveBody(head);
}

/**
 * Servers send a body where none may be: to HEAD (gunicorn, cheroot and waitress leave that to the application), with 204 or 304. It
 * would answer the next request, and it may be on its way still; so a connection goes on only where there is no body to be sent.
 */
function mayHaveBody(head: ResponseHead): boolean {
  if (head.framing !== 'none') return false;
  const isAlwaysBare = head.status === 204 || head.status === 304;
  return head.chunked || head.contentLength > 0 || (head.contentLength < 0 && !isAlwaysBare);
}
