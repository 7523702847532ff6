/** The bytes of a planned answer, whole or as its fault has them. */
import type { Chance } from '../../../test/support/chance.ts';
import type { Attempt } from './book.ts';
import { bodyOf, chunksOf } from './bytes.ts';
import type { Answer, Request } from './plan.ts';

// What a socket of loopback hands over at once.
const ONE_READ = 8192;

/** Sets what was sent of the body. */
export function answerBytes(request: Request, attempt: Attempt, chance: Chance): Buffer {
  const { answer, key } = attempt;
  const interim = answer.interim.map((status) => `HTTP/1.1 ${status} Soon\r\nX-Attempt: ${key}\r\n\r\n`);
  const body = isBare(request, answer) ? Buffer.alloc(0) : bodyOf(key, answer.bytes);
  attempt.sent = body.length;
  const before = Buffer.from(interim.join('') + headOf(request, attempt), 'latin1');
  if (cutsShort(request, answer)) return Buffer.concat([before, cutShort(attempt, body)]);
  switch (answer.fault) {
    case 'bad-head':
      return Buffer.from(`HTTP/1.1 abc\r\n${key}\r\n\r\n`, 'latin1');
    case 'bad-chunk':
      if (answer.framing === 'chunked' && body.length > 0)
        return Buffer.concat([before, chunk(body), Buffer.from('zz\r\n', 'latin1')]);
      break;
    case 'surplus':
      if (answer.framing === 'until-end' || body.length > ONE_READ) break;
      return Buffer.concat([before, bodyBytes(request, attempt, body, chance), bodyOf('nobody', 50)]);
    default:
  }
  return Buffer.concat([before, bodyBytes(request, attempt, body, chance)]);
}

function headOf({ method }: Request, { answer, key }: Attempt): string {
  const lines = [`HTTP/1.1 ${answer.status} Soak`, `X-Attempt: ${key}`];
  const isEmpty = answer.status === 204 || answer.status === 304;
  if (!isEmpty && answer.framing === 'chunked') lines.push('Transfer-Encoding: chunked');
  if (!isEmpty && answer.framing === 'length') lines.push(`Content-Length: ${answer.bytes}`);
  if (answer.fault === 'two-lengths') lines.push('Content-Length: 1', 'Content-Length: 2');
  if (answer.fault === 'huge-cookie') lines.push(`Set-Cookie: a=${'x'.repeat(9000)}`);
  if (answer.closes === 'said' || (answer.framing === 'until-end' && method !== 'HEAD'))
    lines.push('Connection: close');
  return `${lines.join('\r\n')}\r\n\r\n`;
}

function bodyBytes(request: Request, { answer, key }: Attempt, body: Buffer, chance: Chance): Buffer {
  if (isBare(request, answer) || answer.framing !== 'chunked') return body;
  const tail = answer.hasTrailers ? `0\r\nX-Tail: ${key}\r\n\r\n` : '0\r\n\r\n';
  return Buffer.concat([chunksOf(body, chance), Buffer.from(tail, 'latin1')]);
}

function cutShort(attempt: Attempt, body: Buffer): Buffer {
  attempt.sent = Math.floor(body.length / 2);
  const half = body.subarray(0, attempt.sent);
  return attempt.answer.framing === 'chunked' && half.length > 0 ? chunk(half) : half;
}

function chunk(bytes: Buffer): Buffer {
  const line = Buffer.from(`${bytes.length.toString(16)}\r\n`, 'latin1');
  return Buffer.concat([line, bytes, Buffer.from('\r\n', 'latin1')]);
}

/** An answer that has no body whatever its fields say. */
export function isBare({ method }: Request, { status }: Answer): boolean {
  return method === 'HEAD' || status === 204 || status === 304;
}

/** It breaks off amid its body; of one that has none there is nothing to cut. */
export function cutsShort(request: Request, answer: Answer): boolean {
  const { fault, framing, bytes } = answer;
  return fault.endsWith('-mid') && !isBare(request, answer) && (framing !== 'length' || bytes > 0);
}
