/** The end of a chunked body that we write, and which trailers may be in it. */
import { isNamed, NO_FIELDS, nominatedIn } from '../connection-field.ts';
import { FIELD, fieldKey, fieldKind, isReplaced } from '../field-name.ts';
import type { Fields } from '../message.ts';

const LAST_CHUNK = '0\r\n\r\n';

/**
 * The last chunk with the trailers of a ChunkedBody, except fields that are the router's to write, the operator's
 * (`replaced`, as for the head), this hop's (`nominated` by Connection), or that only a head may have.
 */
export function lastChunk(
  trailers: Fields,
  nominated: Fields = NO_FIELDS,
  replaced?: ReadonlySet<string>,
): string {
  if (trailers.length === 0) return LAST_CHUNK;
  const named = nominatedIn(nominated);
  let text = '0\r\n';
  for (let i = 0; i < trailers.length; i += 2) {
    const name = trailers[i]!;
    // RFC 9110 §7.6.1: a field named by Connection is removed wherever it is.
    if (isOurs(name) || isOfHead(name) || isNamed(name, named)) continue;
    if (!isReplaced(name, replaced)) text += `${name}: ${trailers[i + 1]!}\r\n`;
  }
  return `${text}\r\n`;
}

function isOurs(name: string): boolean {
  const kind = fieldKind(name);
  return kind >= FIELD.via && kind <= FIELD.xRequestStart;
}

/**
 * RFC 9110 §6.5.1, RFC 7230 §4.1.2: fields that must be known before the content. A recipient that merges trailers into
 * its header fields would take another identity, condition or format than those that were checked in the head. Fields for
 * framing, routing and one hop are refused by the reader.
 */
function isOfHead(name: string): boolean {
  const key = fieldKey(name);
  return OF_HEAD.has(key) || key.startsWith('if-');
}

const OF_HEAD: ReadonlySet<string> = new Set([
  // Who asks, and who answers.
  'authorization',
  'cookie',
  'origin',
  'proxy-authenticate',
  'set-cookie',
  'www-authenticate',
  // What is asked for.
  'cache-control',
  'pragma',
  'range',
  // What is done with the answer.
  'age',
  'expires',
  'location',
  'retry-after',
  'vary',
  'warning',
  // What the content is.
  'content-encoding',
  'content-range',
  'content-type',
]);
