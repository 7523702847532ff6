/** What holds for every message, sound or not: how it is cut changes nothing, and what we write reads back the same. */
import {
  type Fields,
  forwardLines,
  HeadScan,
  type Hop,
  lastChunk,
  type RequestHead,
  readRequestHead,
  readResponseHead,
  writeRequestHead,
  writeResponseHead,
} from '../../src/wire/index.ts';
import { compareRequest, compareResponse } from './compare-readings.ts';
import { LIMITS, RESPONSE_LIMITS } from './limits.ts';
import { llhttpReads } from './llhttp.ts';
import { bodyOf, readBody, requestAt, requestHeadIn, responseAt, responseHeadIn } from './read-whole.ts';

const HOP: Hop = {
  address: '192.0.2.7',
  port: 8080,
  isSecure: false,
  isTrusted: true,
  pseudonym: 'sw-0123',
  lines: '',
};

/** The empty string when the message reads the same in pieces as in one. */
export function cutsMatter(kind: 'request' | 'response', message: Buffer, cuts: readonly number[]): string {
  const read = (at: readonly number[]) =>
    kind === 'request' ? requestHeadIn(message, at) : responseHeadIn(message, 'GET', at);
  const whole = read([]);
  const cut = read(cuts);
  if (JSON.stringify(essence(whole)) !== JSON.stringify(essence(cut))) return `head cut at ${cuts}`;
  if (whole.type !== 'request' && whole.type !== 'response') return '';
  for (const as of ['data', 'chunks'] as const) {
    const body = () => bodyOf(whole.framing, whole.contentLength, as);
    const once = readBody(body(), message, whole.end);
    const pieces = readBody(body(), message, whole.end, cuts);
    // Passed on as chunks the pieces may be framed differently, but they decode alike.
    const decode = (data: Buffer) =>
      as === 'chunks' && whole.framing === 'chunked'
        ? readBody(bodyOf('chunked', -1, 'data'), data, 0).data
        : data;
    const same =
      once.step === pieces.step &&
      once.reason === pieces.reason &&
      decode(once.data).equals(decode(pieces.data));
    if (
      !same ||
      (once.step === 'end' && (once.end !== pieces.end || `${once.trailers}` !== `${pieces.trailers}`))
    ) {
      return `body as ${as} cut at ${cuts}: ${once.step} ${once.reason}, ${pieces.step} ${pieces.reason}`;
    }
  }
  return '';
}

/** The empty string when a message reads the same to whoever has just read others as to whoever has read nothing. */
export function memoryMatters(kind: 'request' | 'response', messages: readonly Buffer[]): string {
  const scan = new HeadScan();
  for (const [i, message] of messages.entries()) {
    const expected = JSON.stringify(readOnce(kind, message, new HeadScan()));
    // Twice, since it may have been learnt just now.
    for (let turn = 0; turn < 2; turn++) {
      const found = JSON.stringify(readOnce(kind, message, scan));
      if (found !== expected) return `message ${i}, turn ${turn}: expected ${expected}, found ${found}`;
    }
  }
  return '';
}

function readOnce(kind: 'request' | 'response', message: Buffer, scan: HeadScan) {
  const head =
    kind === 'request'
      ? readRequestHead(message, 0, message.length, LIMITS, scan)
      : readResponseHead(message, 0, message.length, RESPONSE_LIMITS, 'GET', scan);
  if (head.type === 'incomplete') scan.reset();
  if (head.type === 'request') return requestAt(head, head.end);
  return head.type === 'response' ? responseAt(head, head.end) : head;
}

/** The empty string when a chunked body, cut anywhere and passed on, is to llhttp the body it was. */
export function relayMisleads(
  kind: 'request' | 'response',
  message: Buffer,
  cuts: readonly number[],
): string {
  const head = kind === 'request' ? requestHeadIn(message, []) : responseHeadIn(message, 'GET', []);
  if ((head.type !== 'request' && head.type !== 'response') || head.framing !== 'chunked') return '';
  const data = readBody(bodyOf('chunked', -1, 'data'), message, head.end);
  if (data.step !== 'end') return '';
  const relayed = readBody(bodyOf('chunked', -1, 'chunks'), message, head.end, cuts);
  const bytes = Buffer.concat([
    Buffer.from('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n'),
    relayed.data,
    Buffer.from(lastChunk(relayed.trailers), 'latin1'),
  ]);
  const theirs = llhttpReads('request', bytes);
  if (theirs.verdict !== 'complete' || theirs.end !== bytes.length)
    return `relayed ${theirs.verdict} ${theirs.error}`;
  return theirs.body.equals(data.data) ? '' : 'relayed another body';
}

/** What a head says, without where in a buffer something stood. */
function essence(head: { readonly type: string }) {
  return head.type === 'refused' ? { ...head, detail: '' } : head;
}

/** The empty string when the head we write for this request reads back, to us and to llhttp, as what was meant. */
export function emissionMisleads(message: Buffer): string {
  const head = readRequestHead(message, 0, message.length, LIMITS, new HeadScan());
  if (head.type !== 'request') return '';
  const lines = forwardLines(head, HOP, 'request-id-of-thirty-two-letters', 1_700_000_000_000);
  const writing = { keepAlive: true, expectContinue: true, trustsPeer: true, replaced: undefined };
  const text = writeRequestHead(head, [], writing, lines);
  const bytes = Buffer.from(text, 'latin1');
  const again = readRequestHead(bytes, 0, bytes.length, ROOMY, new HeadScan());
  if (again.type !== 'request') return `what we wrote is ${JSON.stringify(again)}`;
  const meant = { ...meaning(head), contentLength: head.contentLength };
  if (head.framing === 'none' && head.contentLength < 0)
    meant.contentLength = again.contentLength === 0 ? 0 : -1;
  if (head.maxForwards > 0) meant.maxForwards = head.maxForwards - 1;
  if (head.maxForwards === 0) meant.maxForwards = -1;
  if (JSON.stringify(meaning(again)) !== JSON.stringify(meant))
    return `${JSON.stringify([meant, meaning(again)])}`;
  if (again.end !== bytes.length) return 'what we wrote has bytes behind its head';
  return compareRequest(Buffer.concat([bytes, Buffer.from(BODIES[again.framing])])).difference;
}

export function responseEmissionMisleads(message: Buffer): string {
  const head = readResponseHead(message, 0, message.length, RESPONSE_LIMITS, 'GET', new HeadScan());
  if (head.type !== 'response' || head.status < 200) return '';
  const writing = {
    clientVersion: 1,
    keepAlive: head.framing !== 'close',
    date: 'now',
    replaced: undefined,
  } as const;
  const bytes = Buffer.from(writeResponseHead(head, ['Via', '1.1 x'], writing), 'latin1');
  const again = readResponseHead(bytes, 0, bytes.length, RESPONSE_LIMITS, 'GET', new HeadScan());
  if (again.type !== 'response') return `what we wrote is ${JSON.stringify(again)}`;
  const same =
    again.status === head.status &&
    again.phrase === head.phrase &&
    again.framing === head.framing &&
    (head.status === 204 || again.contentLength === head.contentLength) &&
    sameFields(ordinary(again.fields, head.nominated), ordinary(head.fields, head.nominated)) &&
    again.end === bytes.length;
  if (!same) return `${JSON.stringify([head, again])}`;
  return compareResponse(Buffer.concat([bytes, Buffer.from(BODIES[again.framing])]), 'GET').difference;
}

// The router adds its own fields, so what was at a limit is now above it.
const ROOMY = { ...LIMITS, headerValueBytes: 20_000, headers: 2000, headBytes: 200_000 };

const BODIES = { none: '', length: '', chunked: '1\r\nx\r\n0\r\n\r\n', close: 'x' };

function meaning(head: RequestHead) {
  return {
    method: head.method,
    target: head.target,
    host: head.host,
    domain: head.domain,
    framing: head.framing,
    contentLength: head.contentLength,
    upgrade: head.upgrade,
    maxForwards: head.maxForwards,
    expectContinue: head.expectContinue,
    fields: ordinary(head.fields, head.nominated),
  };
}

const OURS =
  /^(?:host|connection|keep-alive|proxy-connection|proxy-authorization|te|upgrade|expect|max-forwards|via|date|content-length|transfer-encoding|x-request-(?:id|start)|x-forwarded-(?:for|proto|port))$/;

function ordinary(fields: Fields, nominated: Fields): string[] {
  const kept: string[] = [];
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i]!.toLowerCase();
    if (!OURS.test(name.replaceAll('_', '-')) && !nominated.includes(name))
      kept.push(fields[i]!, fields[i + 1]!);
  }
  return kept;
}

function sameFields(a: Fields, b: Fields): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
