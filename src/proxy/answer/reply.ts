/** A response of the router itself, and its bytes. */
import { type Fields, writeFields } from '../../wire/index.ts';
import { STATUS_TITLES } from './status-titles.ts';

export type Answer = {
  readonly status: number;
  /** Name, value, name, value, checked to be field names and values; what frames the message is not among them. */
  readonly fields: Fields;
  readonly body: string | Uint8Array;
};

type Reply = Answer & {
  readonly keepAlive: boolean;
  readonly date: string;
  /** An answer to HEAD says how long it would be, and is not. */
  readonly isHead: boolean;
};

export function replyBytes({ status, fields, body, keepAlive, date, isHead }: Reply): Buffer {
  const head =
    `HTTP/1.1 ${status} ${STATUS_TITLES[status] ?? 'Unknown'}\r\n${writeFields(fields)}` +
    `Content-Length: ${Buffer.byteLength(body)}\r\n${hasDate(fields) ? '' : `Date: ${date}\r\n`}` +
    `Connection: ${keepAlive ? 'keep-alive' : 'close'}\r\n\r\n`;
  // Fields are octets, one character each; a body is text of its own.
  if (isHead) return Buffer.from(head, 'latin1');
  return Buffer.concat([Buffer.from(head, 'latin1'), typeof body === 'string' ? Buffer.from(body) : body]);
}

/** A program's page may say when it was made. */
function hasDate(fields: Fields): boolean {
  for (let i = 0; i < fields.length; i += 2) if (fields[i]?.toLowerCase() === 'date') return true;
  return false;
}

/** What we answer ourselves was so at that moment: nobody may store it. */
export function routerAnswer(status: number, contentType: string, body: string): Answer {
  return { status, fields: ['Content-Type', contentType, 'Cache-Control', 'no-store'], body };
}
