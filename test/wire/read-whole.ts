/** Reads whole messages with the readers of src/wire, in one piece or in the pieces asked for. */
import {
  BODY,
  type BodyReader,
  type ChunkedAs,
  ChunkedBody,
  CloseBody,
  type Fields,
  type Framing,
  HeadScan,
  type Incomplete,
  LengthBody,
  type RequestHead,
  type RequestRefusal,
  type ResponseHead,
  type ResponseRefusal,
  readRequestHead,
  readResponseHead,
} from '../../src/wire/index.ts';
import { LIMITS, RESPONSE_LIMITS } from './limits.ts';

export type WholeBody = {
  readonly step: 'end' | 'more' | 'refused';
  readonly data: Buffer;
  readonly trailers: Fields;
  readonly reason: string;
  /** The first byte after the body, or after what was taken. */
  readonly end: number;
};

export function bodyOf(framing: Framing, contentLength: number, as: ChunkedAs): BodyReader {
  if (framing === 'chunked') return new ChunkedBody(LIMITS, as);
  if (framing === 'close') return new CloseBody();
  return new LengthBody(framing === 'length' ? contentLength : 0);
}

/** Feeds a body to its reader in pieces that end at the given indexes, each piece in a buffer of its own. */
export function readBody(
  reader: BodyReader,
  bytes: Buffer,
  start: number,
  cuts: readonly number[] = [],
): WholeBody {
  const data: Buffer[] = [];
  let from = start;
  for (const [i, to] of [...cuts.filter((cut) => cut > start), bytes.length].entries()) {
    // The bytes stand at another place in every piece, with bytes around them that are not theirs yet.
    const piece = Buffer.concat([Buffer.from('#'), bytes.subarray(from, to), notYet(bytes, to, i)]);
    const end = 1 + to - from;
    let step = reader.next(piece, 1, end);
    while (step === BODY.data) {
      data.push(
        Buffer.from(reader.prefix, 'latin1'),
        Buffer.from(piece.subarray(reader.dataStart, reader.dataEnd)),
      );
      step = reader.next(piece, reader.at, end);
    }
    if (step === BODY.end || step === BODY.refused) {
      return {
        step: step === BODY.end ? 'end' : 'refused',
        data: Buffer.concat(data),
        trailers: reader.trailers,
        reason: reader.refusal?.reason ?? '',
        end: from + reader.at - 1,
      };
    }
    from = to;
  }
  return { step: 'more', data: Buffer.concat(data), trailers: [], reason: '', end: bytes.length };
}

/** Behind what has come stands what was read before: line ends, or by chance just what is yet to come. */
function notYet(bytes: Buffer, to: number, turn: number): Buffer {
  return turn % 2 === 0 ? bytes.subarray(to) : Buffer.from('\r\n0\r\n\r\n');
}

/** Reads a request head as it grows to each of the given ends, moving the bytes about in between. */
export function requestHeadIn(
  bytes: Buffer,
  cuts: readonly number[],
): RequestHead | RequestRefusal | Incomplete {
  const scan = new HeadScan();
  let head = readRequestHead(bytes, 0, 0, LIMITS, scan);
  for (const [i, to] of [...cuts, bytes.length].entries()) {
    const shift = i % 3;
    const moved = Buffer.concat([Buffer.alloc(shift, 0x23), bytes.subarray(0, to), notYet(bytes, to, i)]);
    head = readRequestHead(moved, shift, shift + to, LIMITS, scan);
    if (head.type === 'request') return requestAt(head, head.end - shift);
    if (head.type !== 'incomplete') return head;
  }
  return head;
}

export function responseHeadIn(
  bytes: Buffer,
  method: string,
  cuts: readonly number[],
): ResponseHead | ResponseRefusal | Incomplete {
  const scan = new HeadScan();
  let head = readResponseHead(bytes, 0, 0, RESPONSE_LIMITS, method, scan);
  for (const [i, to] of [...cuts, bytes.length].entries()) {
    const shift = i % 3;
    const moved = Buffer.concat([Buffer.alloc(shift, 0x23), bytes.subarray(0, to), notYet(bytes, to, i)]);
    head = readResponseHead(moved, shift, shift + to, RESPONSE_LIMITS, method, scan);
    if (head.type === 'response') return responseAt(head, head.end - shift);
    if (head.type !== 'incomplete') return head;
  }
  return head;
}

/** All that it says, as plain values, for a message that ends there. */
export function requestAt(head: RequestHead, end: number): RequestHead {
  return {
    type: head.type,
    method: head.method,
    target: head.target,
    version: head.version,
    host: head.host,
    domain: head.domain,
    fields: head.fields,
    passing: head.passing,
    seen: head.seen,
    framing: head.framing,
    contentLength: head.contentLength,
    keepAlive: head.keepAlive,
    requestLine: head.requestLine,
    nominated: head.nominated,
    expectContinue: head.expectContinue,
    upgrade: head.upgrade,
    maxForwards: head.maxForwards,
    end,
  };
}

export function responseAt(head: ResponseHead, end: number): ResponseHead {
  return {
    type: head.type,
    version: head.version,
    status: head.status,
    phrase: head.phrase,
    fields: head.fields,
    passing: head.passing,
    seen: head.seen,
    framing: head.framing,
    contentLength: head.contentLength,
    chunked: head.chunked,
    keepAlive: head.keepAlive,
    nominated: head.nominated,
    upgrade: head.upgrade,
    end,
  };
}
