/**
 * Request ids: UUID-shaped (version 8, RFC 9562 §5.8) and findable, because they carry when, where and which.
 *
 *   tttttttt-tttt-8www-vsss-nnnnnnnnnnnn
 *   t  48 bits: epoch milliseconds of the request's complete head
 *   w  12 bits: the worker that served it
 *   v  the variant, binary 10, then 2 bits of salt; s 12 bits of salt: chosen anew each time a worker starts
 *   n  48 bits: how many requests the worker had served before it
 *
 * Two ids of one worker differ in n; of two workers in w; of two lives of one worker in t or salt.
 */

import { flat } from '../wire/index.ts';

export { parseRequestId, type RequestIdParts } from '../../eventlog/index.ts';

const BYTE = Array.from({ length: 256 }, (_, value) => hex(value, 2));
// 2^16: the low digits come from the table above, the high ones change this rarely.
const LOW = 0x1_0000;
const SEQUENCES = 2 ** 48;

/** One per worker. */
export class RequestIds {
  readonly #middle: string;
  #sequence = 0;
  #atMs = -1;
  /** Time, worker and salt. */
  #prefix = '';
  /** The id without its last two digits. */
  #most = '';
  #high = hex(0, 8);

  constructor(worker: number, random: () => number) {
    const salt = Math.floor(random() * 0x4000);
    this.#middle = `-8${hex(worker & 0xfff, 3)}-${hex(0x8000 | salt, 4)}-`;
  }

  /** The number in the last id. */
  get last(): number {
    return this.#sequence - 1;
  }

  next(nowMs: number): string {
    const atMs = Math.floor(nowMs);
    const isLater = atMs !== this.#atMs;
    if (isLater) this.#begin(atMs);
    const sequence = this.#sequence;
    this.#sequence = (sequence + 1) % SEQUENCES;
    const low = sequence % LOW;
    if (low === 0) this.#high = hex(Math.floor(sequence / LOW), 8);
    // Shared, as one flat string, by the requests of one millisecond: an id is written three times.
    if (isLater || (low & 0xff) === 0) this.#most = flat(this.#prefix + this.#high + BYTE[low >> 8]);
    return this.#most + BYTE[low & 0xff];
  }

  #begin(atMs: number): void {
    const time = hex(atMs, 12);
    this.#atMs = atMs;
    this.#prefix = `${time.slice(0, 8)}-${time.slice(8)}${this.#middle}`;
  }
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0');
}
