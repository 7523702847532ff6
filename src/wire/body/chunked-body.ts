/**
 * The strict reader of chunked bodies (RFC 9112 §7.1), at any split, for passing on as chunks or as plain data.
 *
 *   size ─▶ (extension) ─▶ CR LF ─▶ data ─▶ CR LF ─▶ size …
 *     └▶ 0 ─▶ CR LF ─▶ trailer section ─▶ end
 *
 * To pass chunks on as chunks, framing that stands in the buffer in its canonical form goes along with the data:
 * one range, thus one write, for however many chunks a read brought. A size line that is not canonical (an
 * extension, leading zeros, the end of a read within it) is read slowly and replaced by `prefix`. The last chunk
 * is never part of a range: it is written when the trailers behind it have proved sound.
 */

import { NO_FIELDS } from '../connection-field.ts';
import type { Fields, TrailerLimits } from '../message.ts';
import { CR, HEX, LF } from '../octets.ts';
import type { BodyRefusal, BodyRefusalReason } from '../refusal.ts';
import { BODY, type BodyReader, type BodyStep } from './body.ts';
import { afterExtensionByte, EXTENSION_BROKEN, EXTENSION_START, mayEndExtension } from './chunk-extension.ts';
import { TrailerSection } from './trailer-section.ts';

/** `chunks`: ranges are chunked framing. `data`: ranges are body bytes only, as an HTTP/1.0 client needs them. */
export type ChunkedAs = 'chunks' | 'data';

// As many digits as a 64-bit reader can hold, including leading zeros; vegur has no limit here.
const SIZE_DIGITS = 16;
// 13 hex digits are below 2^53, so the quick path needs no check of the sum.
const QUICK_DIGITS = 13;
// Extensions are ignored and dropped: enough for a signature in each, not for a body that is mostly extensions.
const EXTENSION_BYTES = 256;
const ALL_EXTENSION_BYTES = 16_384;

const SEMICOLON = 0x3b;

const STATE = {
  line: 0,
  size: 1,
  extension: 2,
  sizeLf: 3,
  data: 4,
  dataCr: 5,
  dataLf: 6,
  section: 7,
  sectionLf: 8,
  trailers: 9,
  done: 10,
} as const;

export class ChunkedBody implements BodyReader {
  at = 0;
  dataStart = 0;
  dataEnd = 0;
  prefix = '';
  bodyBytes = 0;
  refusal: BodyRefusal | undefined = undefined;

  readonly #limits: TrailerLimits;
  readonly #asChunks: boolean;
  #state: number = STATE.line;
  #digits = 0;
  /** The size as read; then the rest of the chunk. */
  #left = 0;
  #owesPrefix = false;
  #extension = EXTENSION_START;
  #extensionBytes = 0;
  #allExtensionBytes = 0;
  #section: TrailerSection | undefined;

  constructor(limits: TrailerLimits, as: ChunkedAs) {
    this.#limits = limits;
    this.#asChunks = as === 'chunks';
  }

  get isDone(): boolean {
    return this.#state === STATE.done;
  }

  get trailers(): Fields {
    return this.#section?.fields ?? NO_FIELDS;
  }

  next(buffer: Buffer, from: number, end: number): BodyStep {
    let at = from;
    // [range, at) may be passed on unchanged.
    let range = from;
    this.prefix = '';
    while (at < end) {
      switch (this.#state) {
        case STATE.line: {
          const lineEnd = this.#quickSize(buffer, at, end);
          if (lineEnd < 0) {
            if (at > range) return this.#data(range, at);
            this.#state = STATE.size;
            break;
          }
          at = lineEnd;
          if (!this.#asChunks) range = at;
          this.#state = STATE.data;
          break;
        }

        case STATE.data: {
          if (this.#owesPrefix) {
            this.prefix = `${this.#left.toString(16)}\r\n`;
            this.#owesPrefix = false;
          }
          const taken = Math.min(end - at, this.#left);
          at += taken;
          this.#left -= taken;
          this.bodyBytes += taken;
          if (this.#left === 0) this.#state = STATE.dataCr;
          if (!this.#asChunks) return this.#data(range, at);
          break;
        }

        case STATE.dataCr:
        case STATE.dataLf:
          if (buffer[at] !== (this.#state === STATE.dataCr ? CR : LF)) {
            // Valid bytes are passed on first; the next call sees this byte again.
            if (at > range) return this.#data(range, at);
            return this.#refuseByte('expected CRLF after the data of a chunk', buffer, at);
          }
          at++;
          if (!this.#asChunks) range = at;
          if (this.#state === STATE.dataCr) this.#state = STATE.dataLf;
          else this.#beginLine();
          break;

        case STATE.done:
          this.at = at;
          return BODY.end;

        default:
          // Nothing is pending here: every range ended before its size line was read slowly.
          at = this.#slowly(buffer, at, end);
          if (this.refusal !== undefined) return BODY.refused;
          range = at;
      }
    }
    if (at > range) return this.#data(range, at);
    this.at = at;
    return this.isDone ? BODY.end : BODY.more;
  }

  /** The index after a complete canonical size line above zero, with the size in #left; -1: read it slowly. */
  #quickSize(buffer: Buffer, from: number, end: number): number {
    let at = from;
    let size = HEX[buffer[at]!]!;
    if (size === 0 || size === 255) return -1;
    const last = Math.min(end - 1, from + QUICK_DIGITS);
    while (++at < last) {
      const digit = HEX[buffer[at]!]!;
      if (digit === 255) break;
      size = size * 16 + digit;
    }
    if (at >= end - 1 || buffer[at] !== CR || buffer[at + 1] !== LF) return -1;
    this.#left = size;
    return at + 2;
  }

  #slowly(buffer: Buffer, at: number, end: number): number {
    switch (this.#state) {
      case STATE.size:
        return this.#sizeDigit(buffer, at);
      case STATE.extension:
        return this.#extensionByte(buffer, at);
      case STATE.sizeLf:
        if (buffer[at] !== LF) return this.#stop('expected LF after a chunk size', buffer, at);
        this.#owesPrefix = this.#asChunks && this.#left > 0;
        this.#state = this.#left > 0 ? STATE.data : STATE.section;
        return at + 1;
      case STATE.section:
        if (buffer[at] === CR) {
          this.#state = STATE.sectionLf;
          return at + 1;
        }
        this.#section = new TrailerSection(this.#limits);
        this.#state = STATE.trailers;
        return at;
      case STATE.sectionLf:
        if (buffer[at] !== LF) return this.#stop('expected LF after the last chunk', buffer, at);
        this.#state = STATE.done;
        return at + 1;
      default:
        return this.#trailerBytes(buffer, at, end);
    }
  }

  #sizeDigit(buffer: Buffer, at: number): number {
    const byte = buffer[at]!;
    const digit = HEX[byte]!;
    if (digit !== 255) {
      if (++this.#digits > SIZE_DIGITS) return this.#stop(`more than ${SIZE_DIGITS} size digits`, buffer, at);
      this.#left = this.#left * 16 + digit;
      return at + 1;
    }
    if (this.#digits === 0) return this.#stop('expected a chunk size', buffer, at);
    // Beyond 2^53 a size is no longer exact, and nobody sends eight petabytes at once.
    if (!Number.isSafeInteger(this.#left)) return this.#stop('chunk size above 2^53', buffer, at);
    if (byte === CR) {
      this.#state = STATE.sizeLf;
      return at + 1;
    }
    if (byte !== SEMICOLON) return this.#stop('expected CRLF after a chunk size', buffer, at);
    this.#state = STATE.extension;
    this.#extension = EXTENSION_START;
    this.#extensionBytes = 0;
    return at + 1;
  }

  #extensionByte(buffer: Buffer, at: number): number {
    const byte = buffer[at]!;
    if (byte === CR && mayEndExtension(this.#extension)) {
      this.#state = STATE.sizeLf;
      return at + 1;
    }
    this.#extension = afterExtensionByte(this.#extension, byte);
    if (this.#extension === EXTENSION_BROKEN) return this.#stop('malformed chunk extension', buffer, at);
    if (++this.#extensionBytes > EXTENSION_BYTES || ++this.#allExtensionBytes > ALL_EXTENSION_BYTES) {
      this.#refuse(
        'chunk_extension_too_long',
        `more than ${EXTENSION_BYTES} bytes, or ${ALL_EXTENSION_BYTES} in all`,
      );
    }
    return at + 1;
  }

  #trailerBytes(buffer: Buffer, at: number, end: number): number {
    const section = this.#section!;
    const next = section.take(buffer, at, end);
    this.refusal = section.refusal;
    if (section.isDone) this.#state = STATE.done;
    return next;
  }

  #beginLine(): void {
    this.#state = STATE.line;
    this.#digits = 0;
    this.#left = 0;
  }

  #data(from: number, to: number): BodyStep {
    this.dataStart = from;
    this.dataEnd = to;
    this.at = to;
    return BODY.data;
  }

  #stop(expected: string, buffer: Buffer, at: number): number {
    this.#refuseByte(expected, buffer, at);
    return at;
  }

  #refuseByte(expected: string, buffer: Buffer, at: number): BodyStep {
    const found = JSON.stringify(String.fromCharCode(buffer[at]!));
    return this.#refuse('bad_chunk', `${expected}, found ${found} after ${this.bodyBytes} body bytes`);
  }

  #refuse(reason: BodyRefusalReason, detail: string): BodyStep {
    this.refusal = { type: 'refused', status: 400, reason, detail };
    return BODY.refused;
  }
}
