/**
 * Readers of bodies, one interface for every framing: given a buffer again and again, they say which part belongs to
 * the body and where the body ends. They copy nothing and allocate nothing per read.
 *
 *   let at = start;
 *   let step = body.next(buffer, at, end);
 *   while (step === BODY.data) {
 *     send(body.prefix, buffer, body.dataStart, body.dataEnd);
 *     step = body.next(buffer, body.at, end);
 *   }
 *   // more: everything was taken; end: body.at is the first byte after the body; refused: body.refusal says why
 */
import { NO_FIELDS } from '../connection-field.ts';
import type { Fields } from '../message.ts';
import type { BodyRefusal } from '../refusal.ts';

export const BODY = { more: 0, data: 1, end: 2, refused: 3 } as const;
export type BodyStep = (typeof BODY)[keyof typeof BODY];

export type BodyReader = {
  /** Takes bytes from `at`; the next call begins at `this.at`. After `end` and `refused` it is not called again. */
  next(buffer: Buffer, at: number, end: number): BodyStep;
  /** The first byte not taken yet. */
  readonly at: number;
  /** After `data`: what to pass on, [dataStart, dataEnd) of the buffer, after the prefix. May be empty behind a prefix. */
  readonly dataStart: number;
  readonly dataEnd: number;
  /** After `data`: text that goes before the range; nearly always empty. */
  readonly prefix: string;
  /** Body bytes read so far, without any framing. */
  readonly bodyBytes: number;
  /** Whether the body is complete. Always false for a body that ends with the connection. */
  readonly isDone: boolean;
  /** After `end`: the trailer fields of a chunked body. */
  readonly trailers: Fields;
  /** After `refused`: why. */
  readonly refusal: BodyRefusal | undefined;
};

/** A body of a known length, which may be zero. */
export class LengthBody implements BodyReader {
  at = 0;
  dataStart = 0;
  dataEnd = 0;
  bodyBytes = 0;
  readonly prefix = '';
  readonly trailers = NO_FIELDS;
  readonly refusal = undefined;
  readonly length: number;

  constructor(length: number) {
    this.length = length;
  }

  get isDone(): boolean {
    return this.bodyBytes === this.length;
  }

  next(_buffer: Buffer, at: number, end: number): BodyStep {
    this.at = at;
    const left = this.length - this.bodyBytes;
    if (left === 0) return BODY.end;
    if (at >= end) return BODY.more;
    this.dataStart = at;
    this.dataEnd = Math.min(end, at + left);
    this.at = this.dataEnd;
    this.bodyBytes += this.dataEnd - at;
    return BODY.data;
  }
}

/** A response body that ends when the backend closes: every byte belongs to it. */
export class CloseBody implements BodyReader {
  at = 0;
  dataStart = 0;
  dataEnd = 0;
  bodyBytes = 0;
  readonly prefix = '';
  readonly trailers = NO_FIELDS;
  readonly refusal = undefined;
  readonly isDone = false;

  next(_buffer: Buffer, at: number, end: number): BodyStep {
    this.at = at;
    if (at >= end) return BODY.more;
    this.dataStart = at;
    this.dataEnd = end;
    this.at = end;
    this.bodyBytes += end - at;
    return BODY.data;
  }
}
