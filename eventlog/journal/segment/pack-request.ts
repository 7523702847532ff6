/** Packs a request from a ring into a block: losslessly, in half the bytes. */
import type { ByteWriter } from '../bytes.ts';
import { FRAME, frameWord } from '../ring/frame.ts';
import { DOMAIN_IS_HOST, RAW, RAW_ATTEMPT, RAW_ROUTING } from '../ring/raw-request.ts';
import type { RingConsumer } from '../ring/ring-consumer.ts';
import { OTHER } from '../vocabulary.ts';
import { DOMAIN, EXTRA, REQUEST_FLAG } from './request-frame.ts';

// The fixed words and about twenty numbers of at most 8 bytes; nothing longer than in the ring.
const MORE_BYTES = 256;

/** Packs the frame of `length` bytes at byte `offset` of a ring. */
export function packRequest(ring: RingConsumer, offset: number, length: number, into: ByteWriter): void {
  into.reserve(length + MORE_BYTES);
  const { words, doubles, bytes } = ring;
  const word = offset >> 2;
  const half = offset >> 3;
  const from = into.at;
  const more = words[word + RAW.more]!;
  const flags = (more >>> 16) & 0xff;
  const startedAtMs = doubles[half + (RAW.startedAtMs >> 1)]!;
  into.at += 4;
  into.word32(words[word + RAW.where]!);
  into.double(startedAtMs);
  into.word32(words[word + RAW.sequence]!);
  into.word32(more);
  if ((flags & REQUEST_FLAG.peer) !== 0) into.word32(words[word + RAW.peerHash]!);

  const counts = words[word + RAW.counts]!;
  const attempts = counts >>> 16;
  const routing = words[word + RAW.routing] === 1 ? RAW.attempts + RAW_ATTEMPT.words * attempts : 0;
  let text = offset + 4 * (RAW.attempts + RAW_ATTEMPT.words * attempts);
  if (routing !== 0) text += 4 * RAW_ROUTING.words;
  const methodBytes = counts & 0xffff;
  // Written even if empty: a head that was never understood has no method.
  if (more >>> 24 === OTHER) text = textFrom(bytes, text, methodBytes, into);
  into.count(doubles[half + (RAW.position >> 1)]!);
  const end = words[word + RAW.end]!;
  into.byte((end >>> 16) & 0xff);
  into.byte(end >>> 24);
  into.count(end & 0xffff);
  into.count(microseconds(doubles[half + (RAW.endedAtMs >> 1)]! - startedAtMs));
  const waitedMs = doubles[half + (RAW.waitedMs >> 1)]!;
  into.count(waitedMs < 0 ? 0 : 1 + microseconds(waitedMs));
  since(into, doubles[half + (RAW.connectStartedMs >> 1)]!, startedAtMs);
  since(into, doubles[half + (RAW.connectedAtMs >> 1)]!, startedAtMs);
  since(into, doubles[half + (RAW.firstByteAtMs >> 1)]!, startedAtMs);
  into.count(doubles[half + (RAW.bytesIn >> 1)]!);
  into.count(doubles[half + (RAW.bytesOut >> 1)]!);

  const lengths = words[word + RAW.lengths]!;
  const moreLengths = words[word + RAW.moreLengths]!;
  const domainBytes = moreLengths & 0xffff;
  const peerBytes = moreLengths >>> 16;
  text = textFrom(bytes, text, lengths & 0xffff, into);
  text = textFrom(bytes, text, lengths >>> 16, into);
  if (domainBytes === DOMAIN_IS_HOST) into.byte(DOMAIN.isHost);
  else if (domainBytes === 0) into.byte(DOMAIN.none);
  else {
    into.byte(DOMAIN.named);
    text = textFrom(bytes, text, domainBytes, into);
  }
  packAttempts(ring, word, attempts, startedAtMs, into);
  if (peerBytes > 0) textFrom(bytes, text, peerBytes, into);
  if (routing !== 0) packRouting(ring, word + routing, into);
  into.byte(EXTRA.end);
  while (((into.at - from) & 3) !== 0) into.byte(0);
  into.word32At(from, frameWord(into.at - from, FRAME.request));
}

function packAttempts(
  { words, doubles }: RingConsumer,
  word: number,
  attempts: number,
  startedAtMs: number,
  into: ByteWriter,
): void {
  const poolKey = doubles[(word + RAW.poolKey) >> 1]!;
  if (poolKey === 0) {
    into.byte(0);
    return;
  }
  into.count(1 + attempts);
  into.key(poolKey);
  for (let i = 0; i < attempts; i++) {
    const at = word + RAW.attempts + RAW_ATTEMPT.words * i;
    into.key(doubles[(at + RAW_ATTEMPT.backendKey) >> 1]!);
    into.count(doubles[(at + RAW_ATTEMPT.ticket) >> 1]!);
    since(into, doubles[(at + RAW_ATTEMPT.startedAtMs) >> 1]!, startedAtMs);
    into.byte(words[at + RAW_ATTEMPT.end]!);
  }
}

/** An extra: its tag, the number of its bytes, the bytes. */
function packRouting({ words, doubles }: RingConsumer, at: number, into: ByteWriter): void {
  into.byte(EXTRA.routing);
  const length = into.at;
  into.byte(0);
  into.count(words[at + RAW_ROUTING.route]! + 1);
  into.count(words[at + RAW_ROUTING.held]! >>> 0);
  into.byte(words[at + RAW_ROUTING.affinity]!);
  into.count(doubles[(at + RAW_ROUTING.draw) >> 1]! + 1);
  into.count(doubles[(at + RAW_ROUTING.digest) >> 1]!);
  into.bytes[length] = into.at - length - 1;
}

/** Copies a text; returns where the next one begins. */
function textFrom(bytes: Uint8Array, at: number, length: number, into: ByteWriter): number {
  into.count(length);
  const to = into.bytes;
  const start = into.at;
  for (let i = 0; i < length; i++) to[start + i] = bytes[at + i]!;
  into.at = start + length;
  return at + length;
}

/** Microseconds after the start, plus one; 0: never. If the clock went back, the start itself. */
function since(into: ByteWriter, atMs: number, startedAtMs: number): void {
  into.count(atMs < 0 ? 0 : 1 + microseconds(atMs - startedAtMs));
}

function microseconds(durationMs: number): number {
  return durationMs > 0 ? Math.round(durationMs * 1000) : 0;
}
