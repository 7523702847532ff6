/** What the router answers itself: its probe path, and OPTIONS and TRACE whose Max-Forwards ends here. */
import type { RequestHead } from '../../wire/index.ts';
import type { ClientSocket } from '../client/client-socket.ts';

export type OwnAnswer = { readonly status: number; readonly contentType: string; readonly body: string };

const TEXT = 'text/plain; charset=utf-8';

export function ownAnswer(client: ClientSocket, head: RequestHead): OwnAnswer | undefined {
  if (client.listener.settings.probePath === head.target) {
    return client.context.isDraining
      ? { status: 503, contentType: TEXT, body: 'draining\n' }
      : { status: 200, contentType: TEXT, body: 'ok\n' };
  }
  if (head.maxForwards !== 0) return undefined;
  // RFC 9110 §7.6.2: with Max-Forwards 0 the recipient answers as the final one.
  if (head.method === 'TRACE') return { status: 200, contentType: 'message/http', body: traced(head) };
  return { status: 200, contentType: TEXT, body: '' };
}

// RFC 9110 §9.3.8: fields that may carry secrets are left out of what is reflected.
const SECRET = /^(?:authorization|proxy-authorization|cookie|x-.*)$/i;

function traced(head: RequestHead): string {
  let text = `TRACE ${head.target} HTTP/1.${head.version}\r\n`;
  for (let i = 0; i < head.fields.length; i += 2) {
    const name = head.fields[i] ?? '';
    if (!SECRET.test(name)) text += `${name}: ${head.fields[i + 1]}\r\n`;
  }
  return `${text}\r\n`;
}
