/**
 * The head that a client is sent for a backend's response: written anew with our framing, without hop-by-hop fields.
 */
import { isNamed, nominatedIn } from '../connection-field.ts';
import { hasKind } from '../field-lines.ts';
import { FIELD, type FieldKind, fieldKind, isReplaced } from '../field-name.ts';
import type { Fields, ResponseHead } from '../message.ts';
import { writeFields } from '../request/write-request.ts';

export type ResponseWriting = {
  /** The minor version of the client's request. HTTP/1.0 has no chunks, so a chunked body ends with the connection. */
  readonly clientVersion: 0 | 1;
  readonly keepAlive: boolean;
  /** An HTTP-date, written if the backend sent none (RFC 9110 §6.6.1). */
  readonly date: string;
  /** The `fieldKey`s of the fields in `own`, which replace the backend's. */
  readonly replaced: ReadonlySet<string> | undefined;
};

/** `own`: the operator's fields; `lines`: the router's, as text. */
export function writeResponseHead(
  head: ResponseHead,
  own: Fields,
  writing: ResponseWriting,
  lines = '',
): string {
  let text = statusLine(head.status, head.phrase);
  const isPlain = head.nominated.length === 0 && writing.replaced === undefined;
  text += isPlain ? head.passing : chosenLines(head, writing.replaced);
  if (!isPlain ? !hasDate(head, writing.replaced) : !hasKind(head.seen, FIELD.date))
    text += `Date: ${writing.date}\r\n`;
  text += own.length === 0 ? lines : lines + writeFields(own);
  return text + framing(head, writing.clientVersion) + connection(head, writing.keepAlive);
}

const OK_LINE = 'HTTP/1.1 200 OK\r\n';

function statusLine(status: number, phrase: string): string {
  return status === 200 && phrase === 'OK' ? OK_LINE : `HTTP/1.1 ${status} ${phrase}\r\n`;
}

/** The lines that pass, if nominated or replaced fields must be left out. */
function chosenLines(head: ResponseHead, replaced: ReadonlySet<string> | undefined): string {
  const fields = head.fields;
  const nominated = nominatedIn(head.nominated);
  let text = '';
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i]!;
    if (!passesToClient(fieldKind(name))) continue;
    if (isNamed(name, nominated) || isReplaced(name, replaced)) continue;
    text += `${name}: ${fields[i + 1]!}\r\n`;
  }
  return text;
}

/** Whether a date is already present: the operator's, or the backend's among the lines that pass. */
function hasDate(head: ResponseHead, replaced: ReadonlySet<string> | undefined): boolean {
  return (
    replaced?.has('date') === true || (hasKind(head.seen, FIELD.date) && !head.nominated.includes('date'))
  );
}

/** An interim response (RFC 9110 §15.2). A 100 is sent without fields; others, such as 103, keep theirs. */
export function writeInterimHead(head: ResponseHead): string {
  const text = `HTTP/1.1 ${head.status} ${head.phrase}\r\n`;
  if (head.status === 100) return `${text}\r\n`;
  const lines = head.nominated.length === 0 ? head.passing : chosenLines(head, undefined);
  return `${text}${lines}\r\n`;
}

/** How the client finds the end of the body: RFC 9112 §6; nothing in 1xx and 204 (§6.1, RFC 9110 §8.6). */
function framing(head: ResponseHead, clientVersion: 0 | 1): string {
  if (head.status < 200 || head.status === 204) return '';
  if (head.contentLength >= 0) return `Content-Length: ${head.contentLength}\r\n`;
  return head.chunked && clientVersion === 1 ? 'Transfer-Encoding: chunked\r\n' : '';
}

/** The Connection field, which is last, and the empty line. */
function connection(head: ResponseHead, keepAlive: boolean): string {
  const { status, upgrade } = head;
  if (upgrade !== '' && status === 101) return `Connection: Upgrade\r\nUpgrade: ${upgrade}\r\n\r\n`;
  // RFC 9110 §15.5.22: a 426 must say which protocols would do.
  if (upgrade !== '' && status === 426)
    return `Connection: ${keepAlive ? 'keep-alive' : 'close'}, Upgrade\r\nUpgrade: ${upgrade}\r\n\r\n`;
  return keepAlive ? 'Connection: keep-alive\r\n\r\n' : 'Connection: close\r\n\r\n';
}

/** False for hop-by-hop fields (RFC 9110 §7.6.1), and for Via and the framing fields, which the router writes. */
export function passesToClient(kind: FieldKind): boolean {
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
