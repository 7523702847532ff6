/**
 * One finished request as a frame of a block: whatever is searched by number is at a fixed place, so that a block can be
 * scanned without reading the rest.
 *
 *   word 1     worker (12 bits) · salt (14 bits)
 *   words 2, 3 when it began: a double, as the ledger was told
 *   word 4     sequence, low 32 bits
 *   word 5     sequence, high 16 bits · flags (8) · method (8)
 *   word 6     hash of the id that a trusted peer gave it; only with that flag
 *   then       numbers and texts in the order of `packRequest`, and extras: tag, length, bytes; tag 0 ends them
 */

import { FRAME, frameKind, frameLength } from '../ring/frame.ts';

export const REQUEST_WORD = { where: 1, startedAtMs: 2, sequence: 4, more: 5, peer: 6 } as const;
export const REQUEST_FLAG = { peer: 1, http10: 2, pathCut: 4, queryOmitted: 8 } as const;

/** Tags of extras. */
export const EXTRA = { end: 0, routing: 1 } as const;

/** The request's domain: none, the same as the host, or another name that follows. */
export const DOMAIN = { none: 0, isHost: 1, named: 2 } as const;

// 14 bits of salt.
const WORKER_SHIFT = 14;
const SALT_MASK = 0x3fff;

export function whereWord(worker: number, salt: number): number {
  return (worker << WORKER_SHIFT) | salt;
}

export function workerOf(where: number): number {
  return where >>> WORKER_SHIFT;
}

export function saltOf(where: number): number {
  return where & SALT_MASK;
}

/** Hash of a request's own id: worker, salt and sequence identify it; its time only helps to find it. */
export function idHash(where: number, sequenceLow: number): number {
  return stirred(Math.imul(where, 0x9e3779b1) ^ sequenceLow);
}

/** Hash of an id that a peer gave. */
export function peerHash(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return stirred(hash);
}

function stirred(hash: number): number {
  let mixed = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) | 0;
}

export type RequestFrame = { readonly from: number; readonly length: number; readonly view: DataView };

/** The requests of a block. */
export function* framesIn(bytes: Buffer): IterableIterator<RequestFrame> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let from = 0; from < bytes.length; ) {
    const word = view.getInt32(from, true);
    const length = frameLength(word);
    if (length === 0 || from + length > bytes.length)
      throw new RangeError(`expected a frame at byte ${from} of a block, found ${word}`);
    if (frameKind(word) === FRAME.request) yield { from, length, view };
    from += length;
  }
}
