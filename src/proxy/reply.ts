/** A whole answer of the router's own, as bytes. */
import { STATUS_CODES } from 'node:http';

export type Reply = {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
  readonly keepAlive: boolean;
  readonly date: string;
  /** An answer to HEAD says how long it would be, and is not. */
  readonly isHead: boolean;
};

export function replyBytes({ status, contentType, body, keepAlive, date, isHead }: Reply): Buffer {
  const head =
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Unknown'}\r\nContent-Type: ${contentType}\r\n` +
    `Content-Length: ${Buffer.byteLength(body)}\r\nCache-Control: no-store\r\nDate: ${date}\r\n` +
    `Connection: ${keepAlive ? 'keep-alive' : 'close'}\r\n\r\n`;
  return Buffer.from(isHead ? head : head + body);
}
