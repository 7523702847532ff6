/** The head a client is sent for a backend's response: written anew, framed by us, hop-by-hop fields left out. */
import { FIELD, fieldKind } from './field-name.ts';
import type { Fields, ResponseHead } from './message.ts';
import { isNamed, nominatedIn, writeFields } from './write-request.ts';

export type ResponseWriting = {
  /** The minor version of the client's request. HTTP/1.0 knows no chunks, so a chunked body ends with the connection. */
  readonly clientVersion: 0 | 1;
  readonly keepAlive: boolean;
  /** An HTTP-date, written when the backend gave none (RFC 9110 §6.6.1). */
  readonly date: string;
  /** Lower-case names that `own` replaces. */
  readonly replaced: ReadonlySet<string> | undefined;
};

export function writeResponseHead(head: ResponseHead, own: Fields, writing: ResponseWriting): string {
  let text = `HTTP/1.1 ${head.status} ${head.phrase}\r\n`;
  const fields = head.fields;
  const nominated = nominatedIn(head.nominated);
  let hasDate = false;
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i]!;
    const kind = fieldKind(name);
    if (!passesToClient(kind)) continue;
    if (isNamed(name, nominated) || isNamed(name, writing.replaced)) continue;
    if (kind === FIELD.date) hasDate = true;
    text += `${name}: ${fields[i + 1]!}\r\n`;
  }
  if (!hasDate) text += `Date: ${writing.date}\r\n`;
  return `${text}${writeFields(own)}${framing(head, writing.clientVersion)}${connection(head, writing.keepAlive)}\r\n`;
}

/** An interim response (RFC 9110 §15.2). A 100 says nothing but itself; others, such as 103, bring their fields. */
export function writeInterimHead(head: ResponseHead): string {
  let text = `HTTP/1.1 ${head.status} ${head.phrase}\r\n`;
  if (head.status === 100) return `${text}\r\n`;
  const fields = head.fields;
  const nominated = nominatedIn(head.nominated);
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i]!;
    if (!passesToClient(fieldKind(name)) || isNamed(name, nominated)) continue;
    text += `${name}: ${fields[i + 1]!}\r\n`;
  }
  return `${text}\r\n`;
}

/** How the client learns where the body ends: RFC 9112 §6, and nothing at all in 1xx and 204 (§6.1, RFC 9110 §8.6). */
function framing(head: ResponseHead, clientVersion: 0 | 1): string {
  if (head.status < 200 || head.status === 204) return '';
  if (head.contentLength >= 0) return `Content-Length: ${head.contentLength}\r\n`;
  return head.chunked && clientVersion === 1 ? 'Transfer-Encoding: chunked\r\n' : '';
}

function connection(head: ResponseHead, keepAlive: boolean): string {
  const stays = keepAlive ? 'keep-alive' : 'close';
  if (head.upgrade === '') return `Connection: ${stays}\r\n`;
  if (head.status === 101) return `Connection: Upgrade\r\nUpgrade: ${head.upgrade}\r\n`;
  // RFC 9110 §15.5.22: a 426 must say which protocols would do.
  if (head.status === 426) return `Connection: ${stays}, Upgrade\r\nUpgrade: ${head.upgrade}\r\n`;
  return `Connection: ${stays}\r\n`;
}

/** RFC 9110 §7.6.1, and Via and the framing fields, which are ours to write. */
function passesToClient(kind: number): boolean {
  switch (kind) {
    case FIELD.contentLength:
    case FIELD.transferEncoding:
    case FIELD.connection:
    case FIELD.keepAlive:
    case FIELD.proxyConnection:
    case FIELD.proxyAuthorization:
    case FIELD.te:
    case FIELD.upgrade:
    case FIELD.via:
      return false;
    default:
      return true;
  }
}
