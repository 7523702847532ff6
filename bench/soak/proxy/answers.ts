/** What comes back over one connection of a client, each answer put to the request that it is due to. */
import type { Asked, Book } from './book.ts';
import {
  type Framing,
  type Head,
  type MessageEvents,
  MessageReader,
  responseFraming,
} from './message-reader.ts';

export class Answers implements MessageEvents {
  /** Asked and not answered, in order. */
  readonly awaited: Asked[] = [];
  /** Heads before the next answer's. */
  interim: number[] = [];
  /** What came behind an upgrade. */
  pipe: Buffer[] | undefined;
  /** An answer said that it is the last, or was none. */
  isLast = false;
  bytes = 0;
  /** The last that got what it got. */
  #last: Asked | undefined;
  readonly #book: Book;
  readonly #settled: (asked: Asked) => void;
  readonly #reader = new MessageReader(this);

  constructor(book: Book, settled: (asked: Asked) => void) {
    this.#book = book;
    this.#settled = settled;
  }

  push(bytes: Buffer): void {
    this.bytes += bytes.length;
    this.#reader.push(bytes);
  }

  /** Nothing more comes. */
  over(isFin: boolean): void {
    if (isFin) this.#reader.finish();
    while (this.awaited.length > 0) this.settle();
  }

  /** The first that is awaited has got what it gets. */
  settle(): void {
    const asked = this.awaited.shift();
    if (asked === undefined) return;
    asked.overAtMs = performance.now();
    this.#last = asked;
    this.#settled(asked);
    if (asked.got?.isWhole !== true) this.isLast = true;
  }

  // ---- of MessageEvents

  head(head: Head): Framing {
    const status = Number(head.line.split(' ')[1]);
    const asked = this.awaited[0];
    if (asked === undefined) {
      const { request, got } = this.#last ?? {};
      this.#book.complain(
        `an answer that nobody waits for: ${head.line} ${head.fields.get('x-attempt')}, behind ` +
          `${got?.status} ${got?.fields.get('x-attempt')} to ${JSON.stringify(request)}`,
      );
      return 'raw';
    }
    if (status < 200 && status !== 101) {
      this.interim.push(status);
      return 0;
    }
    asked.got = {
      status,
      fields: head.fields,
      body: [],
      interim: this.interim,
      trailers: [],
      isWhole: false,
    };
    this.interim = [];
    const framing = responseFraming(status, asked.request.method, head);
    if (framing === 'raw') this.pipe = [];
    if (framing === 'until-end' || head.fields.get('connection') === 'close') this.isLast = true;
    return framing;
  }

  body(bytes: Buffer): void {
    if (this.pipe !== undefined) this.pipe.push(bytes);
    else this.awaited[0]?.got?.body.push(bytes);
  }

  end(trailers: readonly string[]): void {
    const got = this.awaited[0]?.got;
    // Of an interim answer nothing more is to be said.
    if (got === undefined) return;
    got.trailers = trailers;
    got.isWhole = true;
    this.settle();
  }

  broken(why: string): void {
    this.#book.complain(`${this.awaited[0]?.request.id}: no answer: ${why}`);
  }
}
