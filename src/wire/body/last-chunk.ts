/** The end of a chunked body that we write. */
import { FIELD, fieldKind, isReplaced } from '../field-name.ts';
import type { Fields } from '../message.ts';

const LAST_CHUNK = '0\r\n\r\n';

/**
 * The last chunk with the trailers of a ChunkedBody, except fields that are the router's to write, or the operator's
 * (`replaced`, as for the head).
 */
export function lastChunk(trailers: Fields, replaced?: ReadonlySet<string>): string {
  if (trailers.length === 0) return LAST_CHUNK;
  let text = '0\r\n';
  for (let i = 0; i < trailers.length; i += 2) {
    const name = trailers[i]!;
    if (!isOurs(name) && !isReplaced(name, replaced)) text += `${name}: ${trailers[i + 1]!}\r\n`;
  }
  return `${text}\r\n`;
}

function isOurs(name: string): boolean {
  const kind = fieldKind(name);
  return kind >= FIELD.via && kind <= FIELD.xRequestStart;
}
