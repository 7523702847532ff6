/** Writes one finished request into its thread's ring, without allocating, reading the clock or waiting. */

import { peerHash, REQUEST_FLAG, whereWord } from '../segment/request-frame.ts';
import { OTHER } from '../vocabulary.ts';
import { FRAME } from './frame.ts';
import { DOMAIN_IS_HOST, RAW, RAW_ATTEMPT, RAW_ROUTING } from './raw-request.ts';
import type { RingProducer } from './ring-producer.ts';

/** One object, filled anew for each request. Times are epoch milliseconds; −1: it never came to that. */
export class FinishedRequest {
  worker = 0;
  salt = 0;
  sequence = 0;
  startedAtMs = 0;
  endedAtMs = 0;
  /** Position of the event log that was in force when it was routed. */
  position = 0;
  /** Codes of the vocabulary. */
  method = OTHER;
  outcome = OTHER;
  phase = OTHER;
  /** Only for a method without a code. */
  methodName = '';
  isHttp10 = false;
  host = '';
  target = '';
  /** Empty: none. */
  domain = '';
  /** 0: none. */
  poolKey = 0;
  attempts = 0;
  /** Only the first `attempts` of these count; the objects are reused. */
  readonly attempt: Attempt[] = [];
  waitedMs = -1;
  connectStartedMs = -1;
  connectedAtMs = -1;
  firstByteAtMs = -1;
  status = 0;
  bytesIn = 0;
  bytesOut = 0;
  /** The id that a trusted peer gave it; empty: none. */
  peerId = '';
  /** The fields below only count if this is set. */
  hasRouting = false;
  /** The index of the route; −1: it took none. */
  route = -1;
  /** A bit for each header condition that was looked at and held. */
  held = 0;
  /** What decided the split; −1: there was none. */
  draw = -1;
  /** Digest of what keeps requests together; 0: nothing does. */
  digest = 0;
  /** Index in AFFINITY_VERDICTS, from 1; 0: its pool has no affinity. */
  affinity = 0;

  /** The next attempt, to be filled in. */
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
  /** The ticket under which the pool's ledger granted the lease. */
  ticket = 0;
  startedAtMs = -1;
  /** Code of how it ended; OTHER: the request ended with it. */
  end = OTHER;
}

// The longest request line by default; longer targets are cut.
const LONGEST_TARGET = 8192;
const LONGEST_OTHER = 512;
const QUESTION = 0x3f;

export function writeRequest(into: RingProducer, request: FinishedRequest, queryStrings: boolean): boolean {
  const { host, target, domain, peerId, methodName, attempts } = request;
  const routing = RAW.attempts + RAW_ATTEMPT.words * attempts;
  const words = request.hasRouting ? routing + RAW_ROUTING.words : routing;
  const texts = methodName.length + host.length + target.length + domain.length + peerId.length;
  if (!into.begin(4 * words + Math.min(texts, LONGEST_TARGET + 4 * LONGEST_OTHER))) return false;

  into.at += 4 * (words - 1);
  const methodBytes = into.letters(methodName, LONGEST_OTHER, -1);
  const hostBytes = into.letters(host, LONGEST_OTHER, -1);
  const pathBytes = into.letters(target, LONGEST_TARGET, queryStrings ? -1 : QUESTION);
  const isHost = domain !== '' && domain === host;
  const domainBytes = isHost ? DOMAIN_IS_HOST : into.letters(domain, LONGEST_OTHER, -1);
  const peerBytes = into.letters(peerId, LONGEST_OTHER, -1);

  let flags = request.isHttp10 ? REQUEST_FLAG.http10 : 0;
  if (pathBytes < target.length)
    flags |= pathBytes === LONGEST_TARGET ? REQUEST_FLAG.pathCut : REQUEST_FLAG.queryOmitted;
  if (peerBytes > 0) {
    flags |= REQUEST_FLAG.peer;
    into.word(RAW.peerHash, peerHash(peerId.slice(0, LONGEST_OTHER)));
  }
  const { sequence } = request;
  into.word(RAW.where, whereWord(request.worker, request.salt));
  into.word(RAW.sequence, sequence | 0);
  into.word(RAW.more, Math.floor(sequence / 2 ** 32) | (flags << 16) | (request.method << 24));
  into.word(RAW.end, request.status | (request.outcome << 16) | (request.phase << 24));
  into.word(RAW.lengths, hostBytes | (pathBytes << 16));
  into.word(RAW.moreLengths, domainBytes | (peerBytes << 16));
  into.word(RAW.counts, methodBytes | (attempts << 16));
  into.number(RAW.startedAtMs, request.startedAtMs);
  into.number(RAW.endedAtMs, request.endedAtMs);
  into.number(RAW.position, request.position);
  into.number(RAW.bytesIn, request.bytesIn);
  into.number(RAW.bytesOut, request.bytesOut);
  into.number(RAW.poolKey, request.poolKey);
  into.number(RAW.waitedMs, request.waitedMs);
  into.number(RAW.connectStartedMs, request.connectStartedMs);
  into.number(RAW.connectedAtMs, request.connectedAtMs);
  into.number(RAW.firstByteAtMs, request.firstByteAtMs);
  for (let i = 0; i < attempts; i++) writeAttempt(into, request.attempt[i]!, i);
  into.word(RAW.routing, request.hasRouting ? 1 : 0);
  if (request.hasRouting) writeRouting(into, request, routing);
  into.end(FRAME.request);
  return true;
}

function writeRouting(into: RingProducer, request: FinishedRequest, at: number): void {
  into.word(at + RAW_ROUTING.route, request.route);
  into.word(at + RAW_ROUTING.held, request.held);
  into.word(at + RAW_ROUTING.affinity, request.affinity);
  into.number(at + RAW_ROUTING.draw, request.draw);
  into.number(at + RAW_ROUTING.digest, request.digest);
}

function writeAttempt(into: RingProducer, attempt: Attempt, index: number): void {
  const at = RAW.attempts + RAW_ATTEMPT.words * index;
  into.number(at + RAW_ATTEMPT.backendKey, attempt.backendKey);
  into.number(at + RAW_ATTEMPT.ticket, attempt.ticket);
  into.number(at + RAW_ATTEMPT.startedAtMs, attempt.startedAtMs);
  into.word(at + RAW_ATTEMPT.end, attempt.end);
}
