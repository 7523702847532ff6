/** A response of the router itself, and its bytes. */
import { type Fields, writeFields } from '../../wire/index.ts';
import { STATUS_TITLES } from './status-titles.ts';

export type Answer = {
  readonly status: number;
  /** Name, value, name, value; already validated, and without the fields that frame the message. */
  readonly fields: Fields;
  readonly body: string | Uint8Array;
};

type Reply = Answer & {
  readonly keepAlive: boolean;
  readonly date: string;
  /** A response to HEAD has Content-Length but no body. */
  readonly isHead: boolean;
};

export function replyBytes({ status, fields, body, keepAlive, date, isHead }: Reply): Buffer {
  const head =
    `HTTP/1.1 ${status} ${STATUS_TITLES[status] ?? 'Unknown'}\r\n${writeFields(fields)}` +
    `Content-Length: ${Buffer.byteLength(body)}\r\n${hasDate(fields) ? '' : `Date: ${date}\r\n`}` +
    `Connection: ${keepAlive ? 'keep-alive' : 'close'}\r\n\r\n`;
  // Fields are octets, one per character; a body is Unicode text.
  if (isHead) return Buffer.from(head, 'latin1');
  return Buffer.concat([Buffer.from(head, 'latin1'), typeof body === 'string' ? Buffer.from(body) : body]);
}

/** The page of an embedding program may have a Date of its own. */
function hasDate(fields: Fields): boolean {
  for (let i = 0; i < fields.length; i += 2) if (fields[i]?.toLowerCase() === 'date') return true;
  return false;
}

/** The router's own answers are true only at that moment, so they must not be stored. */
export function routerAnswer(status: number, contentType: string, body: string): Answer {
  return { status, fields: ['Content-Type', contentType, 'Cache-Control', 'no-store'], body };
}
