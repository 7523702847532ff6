/**
 * The head a backend is sent: always written anew from what was understood, never passed on as received. What
 * frames the message, names its host or belongs to one hop is ours; every other field keeps its place and case.
 */
import { FIELD, fieldKind } from './field-name.ts';
import type { Fields, RequestHead } from './message.ts';

export type RequestWriting = {
  /** Whether the backend may keep the connection after this. With an upgrade the Connection field says that instead. */
  readonly keepAlive: boolean;
  /** Hands the client's `Expect: 100-continue` on, for end-to-end continue. */
  readonly expectContinue: boolean;
  /** Lets X-Forwarded-* and Forwarded that we do not write ourselves pass; false for a peer nobody vouches for. */
  readonly trustsPeer: boolean;
  /** Lower-case names that `own` replaces, besides those this file already takes out. */
  readonly replaced: ReadonlySet<string> | undefined;
};

/** `own`: the fields of forwardFields() and of the operator, already checked to be field names and values. */
export function writeRequestHead(head: RequestHead, own: Fields, writing: RequestWriting): string {
  let text = `${head.method} ${head.target} HTTP/1.1\r\nHost: ${head.host}\r\n`;
  const fields = head.fields;
  const nominated = nominatedIn(head.nominated);
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i]!;
    if (!passesToBackend(name, writing.trustsPeer, head)) continue;
    if (isNamed(name, nominated) || isNamed(name, writing.replaced)) continue;
    text += `${name}: ${fields[i + 1]!}\r\n`;
  }
  text += writeFields(own);
  if (writing.expectContinue && head.expectContinue) text += 'Expect: 100-continue\r\n';
  if (head.maxForwards > 0) text += `Max-Forwards: ${head.maxForwards - 1}\r\n`;
  text += framing(head);
  if (head.upgrade !== '') return `${text}Connection: Upgrade\r\nUpgrade: ${head.upgrade}\r\n\r\n`;
  return writing.keepAlive ? `${text}Connection: keep-alive\r\n\r\n` : `${text}Connection: close\r\n\r\n`;
}

function framing(head: RequestHead): string {
  if (head.framing === 'chunked') return 'Transfer-Encoding: chunked\r\n';
  if (head.contentLength >= 0) return `Content-Length: ${head.contentLength}\r\n`;
  return expectsContent(head.method) ? 'Content-Length: 0\r\n' : '';
}

/** RFC 9110 §8.6: a request without content says so, unless its method never has any. */
function expectsContent(method: string): boolean {
  return method !== 'GET' && method !== 'HEAD' && method !== 'TRACE';
}

/** Everything this returns false for is either written by us or meant for this hop (RFC 9110 §7.6.1). */
function passesToBackend(name: string, trustsPeer: boolean, head: RequestHead): boolean {
  switch (fieldKind(name)) {
    case FIELD.ordinary:
    case FIELD.setCookie:
    case FIELD.date:
    case FIELD.trailer:
      return true;
    case FIELD.forwarded:
    case FIELD.xForwardedOther:
      return trustsPeer;
    case FIELD.maxForwards:
      return head.maxForwards < 0;
    default:
      return false;
  }
}

export function writeFields(fields: Fields): string {
  let text = '';
  for (let i = 0; i < fields.length; i += 2) text += `${fields[i]!}: ${fields[i + 1]!}\r\n`;
  return text;
}

/** Most heads nominate nothing, and then nothing is made. */
export function nominatedIn(nominated: Fields): ReadonlySet<string> | undefined {
  return nominated.length === 0 ? undefined : new Set(nominated);
}

export function isNamed(name: string, names: ReadonlySet<string> | undefined): boolean {
  return names?.has(name.toLowerCase()) === true;
}
