/**
 * The head that a backend is sent: always written anew from what was understood, never relayed as received. Fields
 * for framing, host and this hop are ours; every other field keeps its place and case.
 */
import { isNamed, nominatedIn } from '../connection-field.ts';
import { FIELD, type FieldKind, fieldKind, isReplaced } from '../field-name.ts';
import { LastLine } from '../flat.ts';
import type { Fields, RequestHead } from '../message.ts';

export type RequestWriting = {
  /**
   * Whether the backend may keep the connection afterwards. Not used for an upgrade, which has its own Connection
   * field.
   */
  readonly keepAlive: boolean;
  /** Passes the client's `Expect: 100-continue` on, for end-to-end continue. */
  readonly expectContinue: boolean;
  /** Passes on Forwarded and those X-Forwarded-* that the router does not write; false for an untrusted peer. */
  readonly trustsPeer: boolean;
  /** The `fieldKey`s of the fields in `own`, which replace the client's. */
  readonly replaced: ReadonlySet<string> | undefined;
};

/** `own`: the operator's fields, already validated; `lines`: the text from forwardLines(). */
export function writeRequestHead(
  head: RequestHead,
  own: Fields,
  writing: RequestWriting,
  lines = '',
): string {
  let text = head.requestLine + HOST_LINE.of(head.host);
  const isPlain =
    head.nominated.length === 0 && writing.replaced === undefined && (head.seen & DEPENDS) === 0;
  text += isPlain ? head.passing : chosenLines(head, writing);
  text += own.length === 0 ? lines : lines + writeFields(own);
  if (writing.expectContinue && head.expectContinue) text += 'Expect: 100-continue\r\n';
  if (head.maxForwards > 0) text += `Max-Forwards: ${head.maxForwards - 1}\r\n`;
  text += framing(head);
  if (head.upgrade !== '') return `${text}Connection: Upgrade\r\nUpgrade: ${head.upgrade}\r\n\r\n`;
  return text + (writing.keepAlive ? 'Connection: keep-alive\r\n\r\n' : 'Connection: close\r\n\r\n');
}

const HOST_LINE = new LastLine((host) => `Host: ${host}\r\n`);

/** The lines that pass, if that depends on more than the name. */
function chosenLines(head: RequestHead, writing: RequestWriting): string {
  const fields = head.fields;
  const nominated = nominatedIn(head.nominated);
  let text = '';
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i]!;
    if (!passesToBackend(name, writing.trustsPeer, head)) continue;
    if (isNamed(name, nominated) || isReplaced(name, writing.replaced)) continue;
    text += `${name}: ${fields[i + 1]!}\r\n`;
  }
  return text;
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

/** A kind that passes under all conditions. */
export function alwaysPasses(kind: FieldKind): boolean {
  switch (kind) {
    case FIELD.ordinary:
    case FIELD.setCookie:
    case FIELD.date:
    case FIELD.trailer:
      return true;
    default:
      return false;
  }
}

/** The kinds whose passing depends on the peer or on the method. */
const DEPENDS = (1 << FIELD.forwarded) | (1 << FIELD.xForwardedOther) | (1 << FIELD.maxForwards);

/** False for fields that the router writes itself or that belong to this hop (RFC 9110 §7.6.1). */
function passesToBackend(name: string, trustsPeer: boolean, head: RequestHead): boolean {
  const kind = fieldKind(name);
  switch (kind) {
    case FIELD.forwarded:
    case FIELD.xForwardedOther:
      return trustsPeer;
    case FIELD.maxForwards:
      return head.maxForwards < 0;
    default:
      return alwaysPasses(kind);
  }
}

export function writeFields(fields: Fields): string {
  let text = '';
  for (let i = 0; i < fields.length; i += 2) text += `${fields[i]!}: ${fields[i + 1]!}\r\n`;
  return text;
}
