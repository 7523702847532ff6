/**
 * Relays a backend's response to the client: interim heads, the head, the body, the end; in as few writes as
 * possible, never more than the client takes.
 */
import {
  BODY,
  type BodyReader,
  ChunkedBody,
  CloseBody,
  GrowingBytes,
  LengthBody,
  lastChunk,
  type ResponseHead,
  type ResponseLimits,
  type ResponseRefusal,
  readResponseHead,
  type TrailerLimits,
} from '../../wire/index.ts';
import { SMALL_BYTES } from '../one-write.ts';
import type { UpstreamConnection } from '../upstream/connection.ts';

/** What the relay reports to and asks of its owner. */
export interface RelayOwner {
  readonly responseLimits: ResponseLimits;
  readonly trailerLimits: TrailerLimits;
  readonly method: string;
  readonly clientVersion: 0 | 1;
  /** Fields that the domain sets instead of the backend. */
  readonly replaced: ReadonlySet<string> | undefined;
  /** Part of a head has arrived. */
  headBegun(): void;
  /** What the client is sent of an interim response; empty: nothing. */
  interim(head: ResponseHead): string;
  /** To the client: the interim responses of one read. */
  passInterim(text: string): void;
  /** Returns the head to send; undefined: the request has ended, or another backend has it. */
  headComplete(head: ResponseHead, rest: Buffer, from: number, to: number): string | undefined;
  /** To the client: text, then a range of a buffer (to be copied unless leased), then text. */
  pass(text: string, buffer: Buffer, from: number, to: number, tail: string): void;
  /** `isClean`: no bytes followed it. */
  responseComplete(isClean: boolean): void;
  responseRefused(refusal: ResponseRefusal): void;
  /** The body is malformed; what was valid has been relayed. */
  bodyRefused(detail: string): void;
}

const NOTHING = Buffer.alloc(0);

export class ResponseRelay {
  readonly #owner: RelayOwner;
  readonly #connection: UpstreamConnection;
  #partial: GrowingBytes | undefined;
  #reader: BodyReader | undefined;
  head: ResponseHead | undefined = undefined;

  constructor(owner: RelayOwner, connection: UpstreamConnection) {
    this.#owner = owner;
    this.#connection = connection;
  }

  take(buffer: Buffer, length: number): void {
    if (this.#reader !== undefined) this.#relayBody('', buffer, 0, length);
    else if (this.#partial === undefined) this.#readHeads(buffer, 0, length);
    else {
      this.#partial.append(buffer, 0, length);
      this.#readHeads(this.#partial.bytes, 0, this.#partial.length);
    }
  }

  /** The backend sent its FIN. True: this response ends that way. */
  endWithConnection(): boolean {
    return this.head?.framing === 'close';
  }

  /** Body bytes still to come; Infinity if unknown. */
  get bytesLeft(): number {
    if (this.head?.framing !== 'length') return Number.POSITIVE_INFINITY;
    return this.head.contentLength - (this.#reader?.bodyBytes ?? 0);
  }

  #readHeads(buffer: Buffer, from: number, end: number): void {
    const owner = this.#owner;
    let at = from;
    // One write for all: a read may have hundreds of them.
    let interim = '';
    while (at < end) {
      const head = readResponseHead(
        buffer,
        at,
        end,
        owner.responseLimits,
        owner.method,
        this.#connection.scan,
      );
      if (head.type === 'refused') {
        if (interim !== '') owner.passInterim(interim);
        owner.responseRefused(head);
        return;
      }
      if (head.type === 'incomplete') {
        this.#keep(buffer, at, end);
        if (interim !== '') owner.passInterim(interim);
        owner.headBegun();
        return;
      }
      at = head.end;
      if (head.status >= 200 || head.status === 101) {
        if (interim !== '') owner.passInterim(interim);
        this.#begin(head, buffer, at, end);
        return;
      }
      interim += owner.interim(head);
    }
    this.#partial = undefined;
    if (interim !== '') owner.passInterim(interim);
    owner.headBegun();
  }

  /** The scan has state, so the kept bytes start where the unfinished head does. */
  #keep(buffer: Buffer, from: number, end: number): void {
    if (this.#partial !== undefined && this.#partial.bytes === buffer && from === 0) return;
    const partial = new GrowingBytes();
    partial.append(buffer, from, end);
    this.#partial = partial;
  }

  #begin(head: ResponseHead, buffer: Buffer, at: number, end: number): void {
    this.#partial = undefined;
    this.head = head;
    this.#reader = this.#readerOf(head);
    const text = this.#owner.headComplete(head, buffer, at, end);
    if (text === undefined) return;
    if (this.#reader === undefined) {
      this.#owner.pass(text, NOTHING, 0, 0, '');
      this.#owner.responseComplete(at === end);
      return;
    }
    this.#relayBody(text, buffer, at, end);
  }

  #readerOf(head: ResponseHead): BodyReader | undefined {
    switch (head.framing) {
      case 'none':
        return undefined;
      case 'length':
        return new LengthBody(head.contentLength);
      case 'chunked':
        return new ChunkedBody(
          this.#owner.trailerLimits,
          this.#owner.clientVersion === 1 ? 'chunks' : 'data',
        );
      case 'close':
        return new CloseBody();
    }
  }

  /** Small ranges are collected, since each write costs as much as thousands of bytes: chunks may be of one byte each. */
  #collected(text: string, buffer: Buffer, from: number, to: number): string {
    if (to === from) return text;
    if (text.length + to - from <= SMALL_BYTES) return text + buffer.toString('latin1', from, to);
    this.#owner.pass(text, buffer, from, to, '');
    return '';
  }

  /** Each range is relayed once the next is known, so that head, body and end that arrived together leave in one write. */
  #relayBody(head: string, buffer: Buffer, at: number, end: number): void {
    const reader = this.#reader as BodyReader;
    const owner = this.#owner;
    let text = head;
    let from = 0;
    let to = 0;
    let step = reader.next(buffer, at, end);
    while (step === BODY.data) {
      text = this.#collected(text, buffer, from, to) + reader.prefix;
      from = reader.dataStart;
      to = reader.dataEnd;
      step = reader.next(buffer, reader.at, end);
    }
    const isOver = step === BODY.end;
    const tail =
      isOver && this.head?.framing === 'chunked' && owner.clientVersion === 1
        ? lastChunk(reader.trailers, this.head.nominated, owner.replaced)
        : '';
    if (to > from || text !== '' || tail !== '') owner.pass(text, buffer, from, to, tail);
    if (isOver) owner.responseComplete(reader.at === end);
    else if (step === BODY.refused) owner.bodyRefused(reader.refusal?.detail ?? '');
  }
}
