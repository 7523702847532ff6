/** Writes one finished request into its thread's ring: no allocation, no clock, no waiting. */
import { FRAME } from './frame.ts';
import { DOMAIN, peerHash, REQUEST_FLAG, REQUEST_WORD, whereWord } from './request-frame.ts';
import type { RingProducer } from './ring-producer.ts';
import { OTHER } from './vocabulary.ts';

/** To be filled anew for each request. Times are epoch milliseconds; −1: that never came. */
export class FinishedRequest {
  worker = 0;
  salt = 0;
  sequence = 0;
  startedAtMs = 0;
  endedAtMs = 0;
  /** Of the event log: what was in force when it was routed. */
  position = 0;
  /** Codes of the vocabulary. */
  method = OTHER;
  outcome = OTHER;
  phase = OTHER;
  /** For a method that has no code. */
  methodName = '';
  isHttp10 = false;
  host = '';
  target = '';
  /** Empty: none. */
  domain = '';
  /** 0: none. */
  poolKey = 0;
  attempts = 0;
  /** The first `attempts` of these count; they are used again and again. */
  readonly attempt: Attempt[] = [];
  waitedMs = -1;
  connectStartedMs = -1;
  connectedAtMs = -1;
  firstByteAtMs = -1;
  status = 0;
  bytesIn = 0;
  bytesOut = 0;
  /** The id it goes by, where a trusted peer gave it one; else empty. */
  peerId = '';

  /** The next attempt, to be filled. */
  addAttempt(): Attempt {
    const known = this.attempt[this.attempts++];
    if (known !== undefined) return known;
    const fresh = new Attempt();
    this.attempt.push(fresh);
    return fresh;
  }
}

export class Attempt {
  backendKey = 0;
  /** Under which the pool's ledger gave the lease. */
  ticket = 0;
  startedAtMs = -1;
  /** Code of how it ended; OTHER for the one that the request itself ended with. */
  end = OTHER;
}

// The longest request line by default; a longer target is cut.
const LONGEST_TARGET = 8192;
const LONGEST_OTHER = 512;
// Fixed words, some twenty numbers of at most 8 bytes, and the lengths of texts.
const NUMBERS_BYTES = 256;
const ATTEMPT_BYTES = 32;

export function writeRequest(into: RingProducer, request: FinishedRequest, queryStrings: boolean): boolean {
  const { target, startedAtMs } = request;
  const path = pathOf(target, queryStrings);
  const host = cut(request.host, LONGEST_OTHER);
  const domain = request.domain;
  const peer = cut(request.peerId, LONGEST_OTHER);
  const texts = path.length + host.length + domain.length + peer.length + request.methodName.length;
  if (!into.begin(NUMBERS_BYTES + texts + ATTEMPT_BYTES * request.attempts)) return false;

  let flags = request.isHttp10 ? REQUEST_FLAG.http10 : 0;
  if (path.length < target.length) flags |= flagOfCut(path);
  into.word(REQUEST_WORD.where, whereWord(request.worker, request.salt));
  into.at += 4;
  into.double(startedAtMs);
  const high = Math.floor(request.sequence / 2 ** 32);
  into.word(REQUEST_WORD.sequence, request.sequence | 0);
  into.at += 8;
  if (peer !== '') {
    flags |= REQUEST_FLAG.peer;
    into.word(REQUEST_WORD.peer, peerHash(peer));
    into.at += 4;
  }
  into.word(REQUEST_WORD.more, (high & 0xffff) | (flags << 16) | (request.method << 24));

  if (request.method === OTHER) into.text(request.methodName);
  into.count(request.position);
  into.byte(request.outcome);
  into.byte(request.phase);
  into.count(request.status);
  into.count(microseconds(request.endedAtMs - startedAtMs));
  into.count(request.waitedMs < 0 ? 0 : 1 + microseconds(request.waitedMs));
  since(into, request.connectStartedMs, startedAtMs);
  since(into, request.connectedAtMs, startedAtMs);
  since(into, request.firstByteAtMs, startedAtMs);
  into.count(request.bytesIn);
  into.count(request.bytesOut);
  into.text(host);
  into.text(path);
  writeDomain(into, domain, host);
  writeAttempts(into, request);
  if (peer !== '') into.text(peer);
  into.byte(0);
  into.end(FRAME.request);
  return true;
}

function writeDomain(into: RingProducer, domain: string, host: string): void {
  if (domain === '') into.byte(DOMAIN.none);
  else if (domain === host) into.byte(DOMAIN.isHost);
  else {
    into.byte(DOMAIN.named);
    into.text(domain);
  }
}

function writeAttempts(into: RingProducer, request: FinishedRequest): void {
  if (request.poolKey === 0) {
    into.byte(0);
    return;
  }
  into.count(1 + request.attempts);
  into.count(request.poolKey);
  for (let i = 0; i < request.attempts; i++) {
    const { backendKey, ticket, startedAtMs, end } = request.attempt[i]!;
    into.count(backendKey);
    into.count(ticket);
    since(into, startedAtMs, request.startedAtMs);
    into.byte(end);
  }
}

/** Microseconds after the start, plus one; 0: never. A clock that went back gives the start itself. */
function since(into: RingProducer, atMs: number, startedAtMs: number): void {
  into.count(atMs < 0 ? 0 : 1 + microseconds(atMs - startedAtMs));
}

function microseconds(durationMs: number): number {
  return durationMs > 0 ? Math.round(durationMs * 1000) : 0;
}

function pathOf(target: string, queryStrings: boolean): string {
  if (queryStrings) return cut(target, LONGEST_TARGET);
  const query = target.indexOf('?');
  return cut(query < 0 ? target : target.slice(0, query), LONGEST_TARGET);
}

function flagOfCut(path: string): number {
  return path.length === LONGEST_TARGET ? REQUEST_FLAG.pathCut : REQUEST_FLAG.queryOmitted;
}

function cut(text: string, length: number): string {
  return text.length > length ? text.slice(0, length) : text;
}
