/**
 * Whether we and llhttp read the same bytes as the same message. Only what we accept is in question: it must be
 * accepted by llhttp too, with the same method, target or status, header list, framing and end of message.
 *
 * Two things are put into llhttp's terms first: a method it does not know becomes GET, and repeated equal
 * Content-Length lines, which Heroku's behaviour 93 wants merged and llhttp refuses, become one.
 */
import { HeadScan } from '../../src/wire/head-scan.ts';
import {
  type Fields,
  type RequestHead,
  type ResponseHead,
  readRequestHead,
  readResponseHead,
} from '../../src/wire/index.ts';
import { reduceTarget } from '../../src/wire/request/request-target.ts';
import { LIMITS, RESPONSE_LIMITS } from './limits.ts';
import { llhttpMethod, llhttpReads, type Reading } from './llhttp.ts';
import { bodyOf, readBody, type WholeBody } from './read-whole.ts';

export type Comparison = {
  /** What we made of it. */
  readonly ours: 'accepted' | 'incomplete' | 'refused';
  /** How the readings differ; the empty string: they do not. */
  readonly difference: string;
};

const REFUSED: Comparison = { ours: 'refused', difference: '' };

export function compareRequest(message: Buffer): Comparison {
  const head = readRequestHead(message, 0, message.length, LIMITS, new HeadScan());
  if (head.type === 'refused') return REFUSED;
  if (head.type === 'incomplete') return notComplete(llhttpReads('request', message));
  const theirs = llhttpTerms(message, head);
  return compareBody(head, message, llhttpReads('request', theirs.message), theirs.shift, (reading) =>
    requestLine(head, reading),
  );
}

export function compareResponse(message: Buffer, requestMethod: string): Comparison {
  const head = readResponseHead(message, 0, message.length, RESPONSE_LIMITS, requestMethod, new HeadScan());
  if (head.type === 'refused') return REFUSED;
  if (head.type === 'incomplete') return notComplete(llhttpReads('response', message));
  // An interim response and one without a body by its status: llhttp leaves it to its user to say so.
  const isBodiless =
    requestMethod === 'HEAD' || head.status < 200 || head.status === 204 || head.status === 304;
  const theirs = withOneLength(message, head.fields, 0, head.end);
  return compareBody(
    head,
    message,
    llhttpReads('response', theirs.message, isBodiless),
    theirs.shift,
    (reading) => statusLine(head, reading),
  );
}

function notComplete(theirs: Reading): Comparison {
  const difference = theirs.headIsComplete ? 'we wait for a head that llhttp has whole' : '';
  return { ours: 'incomplete', difference };
}

function compareBody(
  head: RequestHead | ResponseHead,
  message: Buffer,
  theirs: Reading,
  shift: number,
  startLine: (reading: Reading) => string,
): Comparison {
  const body = readBody(bodyOf(head.framing, head.contentLength, 'data'), message, head.end);
  if (body.step === 'refused') return REFUSED;
  return { ours: 'accepted', difference: difference(head, body, theirs, shift, startLine) };
}

function difference(
  head: RequestHead | ResponseHead,
  body: WholeBody,
  theirs: Reading,
  shift: number,
  startLine: (reading: Reading) => string,
): string {
  if (!theirs.headIsComplete) return `llhttp does not accept the head: ${theirs.verdict} ${theirs.error}`;
  if (theirs.minor !== head.version) return `version 1.${head.version}, llhttp 1.${theirs.minor}`;
  const line = startLine(theirs);
  if (line !== '') return line;
  const theirHead = theirs.fields.slice(0, 2 * theirs.headFields);
  const ourHead = onceLength(head.fields);
  if (!sameList(ourHead, theirHead)) return `fields ${JSON.stringify([ourHead, theirHead])}`;
  if ((head.framing === 'close') !== theirs.needsEof) return `ends with the connection: ${theirs.needsEof}`;
  // What we still wait for the end of is not accepted yet; llhttp may refuse it sooner.
  if (body.step === 'more' && theirs.verdict === 'error') return '';
  if (!body.data.equals(theirs.body))
    return `body of ${body.data.length} bytes, llhttp ${theirs.body.length}`;
  const verdict = body.step === 'end' ? 'complete' : 'more';
  if (verdict !== theirs.verdict) return `${verdict}, llhttp ${theirs.verdict} ${theirs.error}`;
  if (body.step !== 'end') return '';
  if (!sameList(body.trailers, theirs.fields.slice(2 * theirs.headFields))) return 'trailers';
  if (body.end !== theirs.end + shift) return `ends at ${body.end}, llhttp at ${theirs.end + shift}`;
  return '';
}

function requestLine(head: RequestHead, theirs: Reading): string {
  const method = llhttpMethod(head.method);
  if (theirs.method !== (method ?? llhttpMethod('GET')))
    return `method ${head.method}, llhttp ${theirs.method}`;
  if (reduceTarget(head.method, theirs.line, head.host) === head.target) return '';
  return `target ${head.target}, llhttp ${theirs.line}`;
}

function statusLine(head: ResponseHead, theirs: Reading): string {
  if (head.status !== theirs.status) return `status ${head.status}, llhttp ${theirs.status}`;
  return head.phrase === theirs.line ? '' : `phrase ${head.phrase}, llhttp ${theirs.line}`;
}

/** The message as llhttp must be given it, and by how many bytes it is shorter. */
function llhttpTerms(message: Buffer, head: RequestHead): { message: Buffer; shift: number } {
  let methodAt = 0;
  while (message[methodAt] === 0x0d || message[methodAt] === 0x0a) methodAt++;
  let changed = message;
  if (llhttpMethod(head.method) === undefined) {
    const rest = message.subarray(methodAt + head.method.length);
    changed = Buffer.concat([message.subarray(0, methodAt), Buffer.from('GET'), rest]);
  }
  const shift = message.length - changed.length;
  const once = withOneLength(changed, head.fields, methodAt, head.end - shift);
  return { message: once.message, shift: shift + once.shift };
}

/** The message with only the first of its Content-Length lines. */
function withOneLength(message: Buffer, fields: Fields, from: number, headEnd: number) {
  if (fields.length === onceLength(fields).length) return { message, shift: 0 };
  const lines = message.toString('latin1', from, headEnd).split('\r\n');
  let seen = 0;
  const kept = lines.filter((line) => !/^content-length:/i.test(line) || ++seen === 1);
  const changed = Buffer.concat([
    message.subarray(0, from),
    Buffer.from(kept.join('\r\n'), 'latin1'),
    message.subarray(headEnd),
  ]);
  return { message: changed, shift: message.length - changed.length };
}

function onceLength(fields: Fields): string[] {
  let seen = 0;
  const kept: string[] = [];
  for (let i = 0; i < fields.length; i += 2) {
    if (fields[i]!.toLowerCase() === 'content-length' && ++seen > 1) continue;
    kept.push(fields[i]!, fields[i + 1]!);
  }
  return kept;
}

function sameList(ours: Fields, theirs: Fields): boolean {
  return ours.length === theirs.length && ours.every((part, i) => part === theirs[i]);
}
