/** What the router answers itself: its probe path, and OPTIONS and TRACE whose Max-Forwards ends here. */
import type { RequestHead } from '../../wire/index.ts';
import type { ClientSocket } from '../client/client-socket.ts';
import { type Answer, routerAnswer } from './reply.ts';

const TEXT = 'text/plain; charset=utf-8';

export function ownAnswer(client: ClientSocket, head: RequestHead): Answer | undefined {
  if (client.listener.settings.probePath === head.target) {
    return client.context.isEnding ? routerAnswer(503, TEXT, 'draining\n') : routerAnswer(200, TEXT, 'ok\n');
  }
  if (head.maxForwards !== 0) return undefined;
  // RFC 9110 §7.6.2: with Max-Forwards 0 the recipient answers as the final one.
  if (head.method === 'TRACE') return routerAnswer(200, 'message/http', traced(head));
  return routerAnswer(200, TEXT, '');
}

// RFC 9110 §9.3.8: fields that may carry secrets are not reflected.
const SECRET = /^(?:authorization|proxy-authorization|cookie|x-.*)$/i;

function traced(head: RequestHead): string {
  let text = `TRACE ${head.target} HTTP/1.${head.version}\r\n`;
  for (let i = 0; i < head.fields.length; i += 2) {
    const name = head.fields[i] ?? '';
    if (!SECRET.test(name)) text += `${name}: ${head.fields[i + 1]}\r\n`;
  }
  return `${text}\r\n`;
}
