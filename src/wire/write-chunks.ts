/** Chunked framing of our own, and heads and bodies put together so that they leave in one write. */
import { FIELD, fieldKind } from './field-name.ts';
import type { Fields } from './message.ts';

export const CHUNK_END = '\r\n';

/** What goes before the data of a chunk; behind it goes CHUNK_END. A size of zero would end the body. */
export function chunkStart(bytes: number): string {
  return `${bytes.toString(16)}\r\n`;
}

export const LAST_CHUNK = '0\r\n\r\n';

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

/** Text (latin1, as heads are) followed by a range of a buffer, as one buffer of its own. */
export function joined(text: string, buffer: Buffer, from: number, to: number): Buffer {
  const whole = Buffer.allocUnsafe(text.length + to - from);
  whole.write(text, 0, 'latin1');
  buffer.copy(whole, text.length, from, to);
  return whole;
}
