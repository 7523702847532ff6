/** The bytes of a planned request: its head, and its body as it is framed. */
import type { Chance } from '../../../test/support/chance.ts';
import type { Asked } from './book.ts';
import { bodyOf, chunksOf } from './bytes.ts';
import type { Request } from './plan.ts';
import { balancedOf, prefaceBytes } from './preface.ts';
import { COOKIE, hostOf } from './tenants.ts';

// Each is refused by itself: a folded line, a blank before the colon, two lengths, a bare LF, an unknown coding.
const GARBAGE: readonly string[] = [
  'X-A: b\r\n c\r\n',
  'X-A : b\r\n',
  'Content-Length: 1\r\nContent-Length: 2\r\n',
  'X-A: b\nX-C: d\r\n',
  'Transfer-Encoding: soak\r\n',
  'Content-Length: 3\r\nTransfer-Encoding: chunked\r\n',
];

export function headBytes({ request, cookie }: Asked, chance: Chance): Buffer {
  const { id, tenant, method, version, framing, bytes } = request;
  let text = `${method} /s/${id} HTTP/1.${version}\r\nHost: ${hostOf(tenant)}\r\nX-Soak: ${id}\r\n`;
  text += `X-Request-Id: ${id}\r\nAccept: application/problem+json\r\nTE: trailers\r\n`;
  if (framing === 'length') text += `Content-Length: ${bytes}\r\n`;
  if (framing === 'chunked') text += 'Transfer-Encoding: chunked\r\n';
  if (request.expects) text += 'Expect: 100-continue\r\n';
  if (request.upgrades) text += 'Connection: Upgrade\r\nUpgrade: soak\r\n';
  if (cookie !== undefined) text += `Cookie: a=b; ${COOKIE}=${cookie}\r\n`;
  if (request.closes) text += 'Connection: close\r\n';
  if (request.misdeed === 'garbage') text += chance.pick(GARBAGE);
  const head = Buffer.from(`${text}\r\n`, 'latin1');
  return request.misdeed === 'preface' ? Buffer.concat([prefaceBytes(balancedOf(chance)), head]) : head;
}

export function bodyBytes(request: Request, chance: Chance): Buffer {
  if (request.framing === 'none') return Buffer.alloc(0);
  const body = bodyOf(request.id, request.bytes);
  if (request.framing === 'length') return body;
  const tail = request.hasTrailers ? `0\r\nX-Tail: ${request.id}\r\n\r\n` : '0\r\n\r\n';
  return Buffer.concat([chunksOf(body, chance), Buffer.from(tail, 'latin1')]);
}
