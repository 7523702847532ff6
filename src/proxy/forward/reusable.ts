/** Whether a connection may serve another request after a response: RFC 9112 §9.3, only if nobody can doubt where the next begins. */
import type { ResponseHead } from '../../wire/index.ts';

export function isReusableAfter(head: ResponseHead): boolean {
  return head.keepAlive && head.framing !== 'close' && !mayHaveBody(head);
}

/** A backend that sends a body where none may be leaves bytes on the connection that would answer the next request. */
function mayHaveBody(head: ResponseHead): boolean {
  if (head.framing !== 'none') return false;
  return head.chunked || (head.status === 204 && head.contentLength > 0);
}
