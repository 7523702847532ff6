/** How a chunked body of ours ends. */
import { FIELD, fieldKind } from '../field-name.ts';
import type { Fields } from '../message.ts';

const LAST_CHUNK = '0\r\n\r\n';

/** The last chunk with the trailers of a ChunkedBody, without those that would speak in the router's name. */
export function lastChunk(trailers: Fields): string {
  if (trailers.length === 0) return LAST_CHUNK;
  let text = '0\r\n';
  for (let i = 0; i < trailers.length; i += 2) {
    if (!isOurs(trailers[i]!)) text += `${trailers[i]!}: ${trailers[i + 1]!}\r\n`;
  }
  return `${text}\r\n`;
}

function isOurs(name: string): boolean {
  const kind = fieldKind(name);
  return kind >= FIELD.via && kind <= FIELD.xRequestStart;
}
