/**
 * The body of a request on its way to the backend: read, buffered while there is no connection, then passed on, and
 * kept as long as it may have to be sent again.
 */
import {
  BODY,
  type BodyReader,
  type BodyRefusal,
  ChunkedBody,
  LengthBody,
  lastChunk,
  type RequestHead,
  type TrailerLimits,
} from '../../wire/index.ts';
import { HIGH_WATER_BYTES } from '../high-water.ts';
import { type OneWrite, SMALL_BYTES } from '../one-write.ts';
import type { UpstreamConnection } from '../upstream/connection.ts';

// 64 KiB: what one waiting request may make the router hold, and what may be sent again.
export const HELD_BYTES = 65_536;

export class RequestBody {
  readonly #reader: BodyReader;
  readonly #isChunked: boolean;
  readonly #writes: OneWrite;
  /** One character a byte. */
  #held = '';
  /** What was shown first and nobody has taken yet: a range of a buffer that is its owner's again soon. */
  #shown: Buffer | undefined;
  #shownFrom = 0;
  #shownTo = 0;
  #connection: UpstreamConnection | undefined;
  #keeps = true;
  #isLent = false;
  #replaced: ReadonlySet<string> | undefined;
  /** Some of it was written after what went with the head. */
  isUnderWay = false;
  /** The whole body was read. */
  isDone = false;
  refusal: BodyRefusal | undefined = undefined;

  constructor(head: RequestHead, limits: TrailerLimits, writes: OneWrite) {
    this.#writes = writes;
    this.#isChunked = head.framing === 'chunked';
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

  /** Whoever sends the rest should wait: with a buffer lent to the kernel, until it has it all. */
  get isFull(): boolean {
    if (this.#connection === undefined) return this.#held.length >= HELD_BYTES;
    return this.#connection.socket.writableLength >= (this.#isLent ? 1 : HIGH_WATER_BYTES);
  }

  /** Part of the buffer last shown is still to be written. */
  get isLent(): boolean {
    return this.#isLent && (this.#connection?.socket.writableLength ?? 0) > 0;
  }

  /**
   * What came behind the head. Nothing of it is copied: mostly a connection is there before the buffer is read into
   * again, and the body leaves from where it is. `hold` must follow.
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

  /** The buffer is about to be read into: what of it is still wanted is kept. */
  hold(): void {
    const shown = this.#shown;
    if (shown === undefined) return;
    this.#shown = undefined;
    this.#held = shown.toString('latin1', this.#shownFrom, this.#shownTo);
  }

  /** Takes what is the body's; the first byte that is not is returned. `mayLend`: the buffer stays while it is full. */
  take(buffer: Buffer, from: number, end: number, mayLend: boolean): number {
    const reader = this.#reader;
    this.#isLent = false;
    this.isUnderWay = this.#connection !== undefined;
    let step = reader.next(buffer, from, end);
    while (step === BODY.data) {
      this.#passRange(reader.prefix, buffer, reader.dataStart, reader.dataEnd, mayLend);
      step = reader.next(buffer, reader.at, end);
    }
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
   * The head and all that is held go to the connection; what comes later follows. `keep`: for another time; `replaced`: what
   * the head says in the client's place.
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

  /** The connection is gone; what is held waits for the next. */
  unsend(): void {
    this.#connection = undefined;
    this.isUnderWay = false;
  }

  /** It will not be sent again. */
  letGo(): void {
    this.#keeps = false;
    this.#held = '';
    this.#shown = undefined;
  }

  /** Behind the data of a chunked body that is there whole; its trailers are looked at when it is known where they go. */
  get #end(): string {
    return this.#isChunked && this.isDone ? lastChunk(this.#reader.trailers, this.#replaced) : '';
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
