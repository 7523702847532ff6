/**
 * What the router tells a backend about the origin of a request, and how it detects loops. An untrusted peer's own
 * fields of these names are dropped by the writer and replaced by these.
 */

import { hasKind } from '../field-lines.ts';
import { FIELD } from '../field-name.ts';
import { LastLine } from '../flat.ts';
import type { Fields, RequestHead, ResponseHead } from '../message.ts';
import { numberOf, sameText, withoutBlanks } from '../octets.ts';

/** The client's side of this hop; created once per client connection. */
export type Hop = {
  /** The client's address, from the socket or a PROXY header; IPv4 in plain form. */
  readonly address: string;
  /** The port the client connected to. */
  readonly port: number;
  readonly isSecure: boolean;
  /** Whether the address is in the listener's trustForwarded. */
  readonly isTrusted: boolean;
  /** Our name in Via: random per data directory, so that two switchyards in a row are not taken for a loop. */
  readonly pseudonym: string;
  /** The result of clientLines() for the address. */
  readonly lines: string;
};

/** The fields added to every request to a backend, flat, for writeRequestHead. */
export function forwardFields(
  head: RequestHead,
  hop: Hop,
  requestId: string,
  receivedAtMs: number,
): string[] {
  const { isSecure, port } = asked(head, hop);
  return [
    'X-Forwarded-For',
    hop.isTrusted ? appended(head.fields, 'x-forwarded-for', hop.address) : hop.address,
    'X-Forwarded-Proto',
    isSecure ? 'https' : 'http',
    'X-Forwarded-Port',
    `${port}`,
    'X-Request-Id',
    requestId,
    'X-Request-Start',
    `${receivedAtMs}`,
    'Via',
    viaValue(head.fields, head.version, hop.pseudonym),
  ];
}

/** The same as text. */
export function forwardLines(head: RequestHead, hop: Hop, requestId: string, receivedAtMs: number): string {
  const client = hop.isTrusted
    ? clientLines(asked(head, hop), appended(head.fields, 'x-forwarded-for', hop.address))
    : hop.lines;
  return `${client}${requestId}\r\nX-Request-Start: ${textOf(receivedAtMs)}\r\n${viaLine(head, hop.pseudonym)}`;
}

/** The part that is the same for all requests of an untrusted client, up to the request id. */
export function clientLines({ isSecure, port }: Pick<Hop, 'isSecure' | 'port'>, address: string): string {
  const scheme = isSecure ? 'https' : 'http';
  return `X-Forwarded-For: ${address}\r\nX-Forwarded-Proto: ${scheme}\r\nX-Forwarded-Port: ${port}\r\nX-Request-Id: `;
}

/**
 * The scheme and port that the client used: ours, unless a trusted peer states others, once and validly. If the peer
 * states a different scheme and no port, the port is that scheme's default.
 */
export function asked(
  { fields, seen }: Pick<RequestHead, 'fields' | 'seen'>,
  hop: Hop,
): Pick<Hop, 'isSecure' | 'port'> {
  const saysPort = hasKind(seen, FIELD.xForwardedPort);
  if (!hop.isTrusted || !(saysPort || hasKind(seen, FIELD.xForwardedProto))) return hop;
  const scheme = onlyValue(fields, 'x-forwarded-proto');
  const isSecure = sameText(scheme, 'https') || (hop.isSecure && !sameText(scheme, 'http'));
  const text = saysPort ? onlyValue(fields, 'x-forwarded-port') : '';
  const port = text.startsWith('0') ? -1 : numberOf(text);
  if (port > 0 && port <= 65_535) return { isSecure, port };
  if (isSecure === hop.isSecure) return hop;
  return { isSecure, port: isSecure ? 443 : 80 };
}

/** The value of the only such field; empty if there is none, or more than one. */
function onlyValue(fields: Fields, name: string): string {
  let only: string | undefined;
  for (let i = 0; i < fields.length; i += 2) {
    if (!sameText(fields[i]!, name)) continue;
    if (only !== undefined) return '';
    only = fields[i + 1]!;
  }
  return only ?? '';
}

// Requests of one millisecond share the text, which saves 50 ns each.
let lastMs = 0;
let lastText = '0';

function textOf(ms: number): string {
  if (ms !== lastMs) {
    lastMs = ms;
    lastText = `${ms}`;
  }
  return lastText;
}

const VIA_LINE = new LastLine((pseudonym) => `Via: 1.1 ${pseudonym}\r\n`);

/** For requests and responses. */
export function viaLine(head: RequestHead | ResponseHead, pseudonym: string): string {
  if (!hasKind(head.seen, FIELD.via) && head.version === 1) return VIA_LINE.of(pseudonym);
  return `Via: ${viaValue(head.fields, head.version, pseudonym)}\r\n`;
}

/** RFC 9110 §7.6.3: earlier entries, then the version received and our pseudonym. For requests and responses. */
export function viaValue(fields: Fields, version: 0 | 1, pseudonym: string): string {
  return appended(fields, 'via', `1.${version} ${pseudonym}`);
}

/** Whether this request has passed here before. Checked only if there is a Via. */
export function isLoop(head: RequestHead, pseudonym: string): boolean {
  return hasKind(head.seen, FIELD.via) && hasPassedHere(head.fields, pseudonym);
}

/** Whether Via contains our pseudonym. */
export function hasPassedHere(fields: Fields, pseudonym: string): boolean {
  for (let i = 0; i < fields.length; i += 2) {
    if (!sameText(fields[i]!, 'via') || !fields[i + 1]!.includes(pseudonym)) continue;
    for (const entry of fields[i + 1]!.split(',')) {
      const receivedBy = withoutBlanks(entry).split(/[ \t]+/)[1];
      if (receivedBy === pseudonym) return true;
    }
  }
  return false;
}

const MIN_REQUEST_ID = 20;
const MAX_REQUEST_ID = 200;

/** The request id of a trusted peer, if there is exactly one and it is valid; otherwise empty. */
export function keptRequestId(fields: Fields, hop: Hop): string {
  if (!hop.isTrusted) return '';
  const id = onlyValue(fields, 'x-request-id');
  return isRequestId(id) ? id : '';
}

/** 20 to 200 of A-Z a-z 0-9 + / = - (Heroku's HTTP Request IDs). */
export function isRequestId(text: string): boolean {
  if (text.length < MIN_REQUEST_ID || text.length > MAX_REQUEST_ID) return false;
  for (let i = 0; i < text.length; i++) {
    const byte = text.charCodeAt(i);
    const isLetter = (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7a;
    // `-` 2d, `+` 2b, `=` 3d; from `/` 2f to `9` 39 there are no others.
    const isOther = (byte >= 0x2f && byte <= 0x39) || byte === 0x2d || byte === 0x2b || byte === 0x3d;
    if (!isLetter && !isOther) return false;
  }
  return true;
}

/** Joins all lines of a name, with our entry last: an entry in a second line must not appear newer than ours. */
function appended(fields: Fields, name: string, entry: string): string {
  let list = '';
  for (let i = 0; i < fields.length; i += 2) {
    const value = fields[i + 1]!;
    if (value !== '' && sameText(fields[i]!, name)) list += `${value}, `;
  }
  return list + entry;
}
