/** Short ways for tests to read a head that is given as text. */
import { HeadScan } from '../../src/wire/head-scan.ts';
import {
  type RequestHead,
  type RequestLimits,
  type RequestRefusal,
  type ResponseHead,
  type ResponseLimits,
  readRequestHead,
  readResponseHead,
} from '../../src/wire/index.ts';
import { LIMITS, RESPONSE_LIMITS } from './limits.ts';

export function bytes(text: string): Buffer {
  return Buffer.from(text, 'latin1');
}

export function readRequest(text: string, limits: Partial<RequestLimits> = {}) {
  const buffer = bytes(text);
  return readRequestHead(buffer, 0, buffer.length, { ...LIMITS, ...limits }, new HeadScan());
}

export function readResponse(text: string, method = 'GET', limits: Partial<ResponseLimits> = {}) {
  const buffer = bytes(text);
  return readResponseHead(
    buffer,
    0,
    buffer.length,
    { ...RESPONSE_LIMITS, ...limits },
    method,
    new HeadScan(),
  );
}

export function request(text: string, limits: Partial<RequestLimits> = {}): RequestHead {
  const head = readRequest(text, limits);
  if (head.type !== 'request') throw new Error(`expected a request, found ${JSON.stringify(head)}`);
  return head;
}

export function response(text: string, method = 'GET', limits: Partial<ResponseLimits> = {}): ResponseHead {
  const head = readResponse(text, method, limits);
  if (head.type !== 'response') throw new Error(`expected a response, found ${JSON.stringify(head)}`);
  return head;
}

export function refusal(text: string, limits: Partial<RequestLimits> = {}): RequestRefusal {
  const head = readRequest(text, limits);
  if (head.type !== 'refused') throw new Error(`expected a refusal, found ${JSON.stringify(head)}`);
  return head;
}

/** `400 invalid_host`, `accepted` or `incomplete`. */
export function verdict(text: string, limits: Partial<RequestLimits> = {}): string {
  const head = readRequest(text, limits);
  if (head.type === 'refused') return `${head.status} ${head.reason}`;
  return head.type === 'request' ? 'accepted' : head.type;
}

export function responseVerdict(text: string, limits: Partial<ResponseLimits> = {}): string {
  const head = readResponse(text, 'GET', limits);
  if (head.type === 'refused') return `${head.status} ${head.reason}`;
  return head.type === 'response' ? 'accepted' : head.type;
}

/** A GET with one more header line, or several. */
export function withLine(line: string): string {
  return `GET / HTTP/1.1\r\nHost: a.test\r\n${line}\r\n\r\n`;
}
