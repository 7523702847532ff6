/**
 * The body of a request on its way to the backend: read, buffered while there is no connection, then passed on, and
 * kept as long as it may have to be sent again.
 */
import {
  BODY,
  type BodyReader,
  type BodyRefusal,
  ChunkedBody,
  type Fields,
  LengthBody,
  lastChunk,
  type RequestHead,
  type TrailerLimits,
} from '../../wire/index.ts';
import { HIGH_WATER_BYTES } from '../high-water.ts';
import { type OneWrite, SMALL_BYTES } from '../one-write.ts';
import type { UpstreamConnection } from '../upstream/connection.ts';

// 64 KiB: the most that the router buffers for a waiting request, or keeps for sending again.
export const HELD_BYTES = 65_536;

export class RequestBody {
  readonly #reader: BodyReader;
  readonly #isChunked: boolean;
  readonly #nominated: Fields;
  readonly #writes: OneWrite;
  /** Latin-1, one character per byte. */
  #held = '';
  /** The first bytes, not copied yet: a range of a read buffer that will soon be reused. */
  #shown: Buffer | undefined;
  #shownFrom = 0;
  #shownTo = 0;
  #connection: UpstreamConnection | undefined;
  #keeps = true;
  #isLent = false;
  #replaced: ReadonlySet<string> | undefined;
  /** Some of the body was written after the part that went with the head. */
  isUnderWay = false;
  /** The body has been read completely. */
  isDone = false;
  refusal: BodyRefusal | undefined = undefined;

  constructor(head: RequestHead, limits: TrailerLimits, writes: OneWrite) {
    this.#writes = writes;
    this.#isChunked = head.framing === 'chunked';
    this.#nominated = head.nominated;
    this.#reader = this.#isChunked ? new ChunkedBody(limits, 'chunks') : new LengthBody(head.contentLength);
  }

  /** Body bytes read, without framing. */
  get bytes(): number {
    return this.#reader.bodyBytes;
  }

  /** Every byte read so far is held. */
  get isWhole(): boolean {
    return this.#keeps;
  }

  /** The client should pause: while a buffer is lent to the socket, until all of it is written. */
  get isFull(): boolean {
    if (this.#connection === undefined) return this.#held.length >= HELD_BYTES;
    return this.#connection.socket.writableLength >= (this.#isLent ? 1 : HIGH_WATER_BYTES);
  }

  /** Part of the last buffer is still to be written. */
  get isLent(): boolean {
    return this.#isLent && (this.#connection?.socket.writableLength ?? 0) > 0;
  }

  /**
   * Takes the bytes behind the head without copying them: usually a connection exists before the buffer is reused, and
   * they are written from where they are. `hold` must follow.
   */
  first(buffer: Buffer, from: number, end: number): number {
    if (this.#isChunked) return this.take(buffer, from, end, false);
    const reader = this.#reader;
    if (reader.next(buffer, from, end) === BODY.data) {
      this.#shown = buffer;
      this.#shownFrom = reader.dataStart;
      this.#shownTo = reader.dataEnd;
    }
    this.isDone = reader.isDone;
    return reader.at;
  }

  /** Copies what is still needed from the read buffer, which is about to be reused. */
  hold(): void {
    const shown = this.#shown;
    if (shown === undefined) return;
    this.#shown = undefined;
    this.#held = shown.toString('latin1', this.#shownFrom, this.#shownTo);
  }

  /** Takes the body's bytes; returns the offset behind them. `mayLend`: the buffer is not reused while the body is full. */
  take(buffer: Buffer, from: number, end: number, mayLend: boolean): number {
    const reader = this.#reader;
    this.#isLent = false;
    this.isUnderWay = this.#connection !== undefined;
    let text = '';
    let start = 0;
    let stop = 0;
    let step = reader.next(buffer, from, end);
    while (step === BODY.data) {
      text = this.#collected(text, buffer, start, stop, mayLend) + reader.prefix;
      start = reader.dataStart;
      stop = reader.dataEnd;
      step = reader.next(buffer, reader.at, end);
    }
    if (stop > start || text !== '') this.#passRange(text, buffer, start, stop, mayLend);
    if (step === BODY.refused) {
      this.refusal = reader.refusal;
    } else if (step === BODY.end) {
      this.isDone = true;
      const connection = this.#connection;
      if (this.#isChunked && connection !== undefined) this.#writes.texts(connection.socket, '', this.#end);
    }
    return reader.at;
  }

  /**
   * Writes the head and everything held to the connection; later bytes follow. `keep`: for sending again; `replaced`:
   * fields that the domain sets instead of the client.
   */
  sendTo(
    connection: UpstreamConnection,
    head: string,
    keep: boolean,
    replaced: ReadonlySet<string> | undefined,
  ): void {
    this.#connection = connection;
    this.#replaced = replaced;
    const shown = this.#shown;
    if (shown !== undefined && !keep) {
      this.#writes.range(connection.socket, head, shown, this.#shownFrom, this.#shownTo, '');
    } else {
      this.hold();
      this.#writes.texts(connection.socket, head, this.#held + this.#end);
    }
    if (!keep) this.letGo();
  }

  /** The connection is gone; what is held waits for the next one. */
  unsend(): void {
    this.#connection = undefined;
    this.isUnderWay = false;
  }

  /** The body will not be sent again. */
  letGo(): void {
    this.#keeps = false;
    this.#held = '';
    this.#shown = undefined;
  }

  /** The end of a chunked body that was read completely; which trailers may pass depends on where they go. */
  get #end(): string {
    return this.#isChunked && this.isDone
      ? lastChunk(this.#reader.trailers, this.#nominated, this.#replaced)
      : '';
  }

  /** Small ranges are collected, since each write costs as much as thousands of bytes: chunks may be of one byte each. */
  #collected(text: string, buffer: Buffer, from: number, to: number, mayLend: boolean): string {
    if (to === from) return text;
    if (text.length + to - from <= SMALL_BYTES) return text + buffer.toString('latin1', from, to);
    this.#passRange(text, buffer, from, to, mayLend);
    return '';
  }

  #passRange(prefix: string, buffer: Buffer, from: number, to: number, mayLend: boolean): void {
    const connection = this.#connection;
    if (connection === undefined || this.#keeps) {
      this.#passText(prefix + buffer.toString('latin1', from, to));
    } else if (mayLend && prefix === '' && to - from > SMALL_BYTES) {
      connection.socket.write(buffer.subarray(from, to));
      this.#isLent = true;
    } else this.#writes.range(connection.socket, prefix, buffer, from, to, '');
  }

  #passText(text: string): void {
    const connection = this.#connection;
    if (connection !== undefined) this.#writes.texts(connection.socket, '', text);
    if (!this.#keeps) return;
    this.#held += text;
    if (connection !== undefined && this.#held.length > HELD_BYTES) this.letGo();
  }
}
