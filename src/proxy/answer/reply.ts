/** A whole answer of the router's own, as bytes. */
import { type Fields, writeFields } from '../../wire/index.ts';
import { STATUS_TITLES } from './status-titles.ts';

export type Reply = {
  readonly status: number;
  /** Name, value, name, value; what frames the message is not among them. */
  readonly fields: Fields;
  readonly body: string | Uint8Array;
  readonly keepAlive: boolean;
  readonly date: string;
  /** An answer to HEAD says how long it would be, and is not. */
  readonly isHead: boolean;
};

export function replyBytes({ status, fields, body, keepAlive, date, isHead }: Reply): Buffer {
  const head =
    `HTTP/1.1 ${status} ${STATUS_TITLES[status] ?? 'Unknown'}\r\n${writeFields(fields)}` +
    `Content-Length: ${Buffer.byteLength(body)}\r\nDate: ${date}\r\n` +
    `Connection: ${keepAlive ? 'keep-alive' : 'close'}\r\n\r\n`;
  // Fields are octets, one character each; a body is text of its own.
  if (isHead) return Buffer.from(head, 'latin1');
  return Buffer.concat([Buffer.from(head, 'latin1'), typeof body === 'string' ? Buffer.from(body) : body]);
}
