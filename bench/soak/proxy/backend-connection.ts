/** One connection to a backend: reads what the router sends, checks that it is what the client asked, answers as planned. */
import type { Socket } from 'node:net';
import { Chance } from '../../../test/support/chance.ts';
import { pause } from '../../../test/support/eventually.ts';
import { answerBytes, cutsShort } from './answer-bytes.ts';
import type { Asked, Attempt, Book } from './book.ts';
import { bodyOf, differenceOf, piecesOf } from './bytes.ts';
import { bodyFraming, type Framing, type Head, type MessageEvents, MessageReader } from './message-reader.ts';
import type { Fault, Request } from './plan.ts';
import { Reader } from './reading.ts';
import { hostOf, type Tenant } from './tenants.ts';

const BEFORE: readonly Fault[] = ['close-before', 'reset-before', 'stall-before'];

/** Whose connection it is. */
type Callee = {
  readonly name: string;
  readonly pool: string;
  readonly tenant: Tenant;
  readonly book: Book;
  /** Why no request sent then may come by this door now; undefined: one may. */
  unasked(sentAtMs: number, door: number): string | undefined;
};

export class BackendConnection implements MessageEvents {
  readonly #socket: Socket;
  readonly #backend: Callee;
  readonly #messages = new MessageReader(this);
  readonly #reader: Reader;
  readonly #door: number;
  readonly #over: () => void;
  readonly begunAtMs = performance.now();
  #isOver = false;
  #asked: Asked | undefined;
  #attempt: Attempt | undefined;
  #body: Buffer[] = [];
  #isPipe = false;
  #isAnswering = false;

  constructor(socket: Socket, backend: Callee, door: number, seed: number, over: () => void) {
    this.#socket = socket;
    this.#backend = backend;
    this.#door = door;
    this.#over = over;
    this.#reader = new Reader(socket, new Chance(seed));
    socket.on('data', (bytes: Buffer) => {
      this.#messages.push(bytes);
      this.#reader.took();
    });
    socket.on('end', () => this.#ended());
    // Its `close` comes a turn of the loop later, when the next connection may long be here.
    socket.on('error', () => this.#finished());
    socket.on('close', () => this.#finished());
  }

  /** An end that is here is not seen before it reads on. */
  get rests(): boolean {
    return this.#reader.rests;
  }

  get bytesRead(): number {
    return this.#socket.bytesRead;
  }

  reset(): void {
    this.#finished();
    // Where our FIN is on its way the system refuses a reset, and Node then never closes the socket.
    const isUnix = this.#socket.remoteFamily === undefined;
    if (isUnix || (this.#socket.writableEnded && this.#socket.writableLength === 0)) this.#socket.destroy();
    else this.#socket.resetAndDestroy();
  }

  // ---- of MessageEvents

  head(head: Head): Framing {
    // We said goodbye before it came: whoever sent it finds out by itself.
    if (this.#isOver) return 'raw';
    const [method = '', target = ''] = head.line.split(' ');
    if (this.#isAnswering) this.#complain(`a request before the answer to the last: ${head.line}`);
    const asked = this.#backend.book.asked.get(target.slice('/s/'.length));
    if (asked === undefined) {
      this.#complain(`a request nobody made: ${head.line}`);
      return 'raw';
    }
    this.#begin(asked);
    const { request } = asked;
    this.#expect('method', request.method, method);
    this.#expect('tenant', this.#backend.tenant, request.tenant);
    this.#expect('Host', hostOf(request.tenant), head.fields.get('host'));
    this.#expect('X-Soak', request.id, head.fields.get('x-soak'));
    for (const [name, value] of asked.identity) this.#expect(name, value, head.fields.get(name));
    this.#reader.read((this.#attempt as Attempt).answer.reading);
    if (request.upgrades && head.fields.get('upgrade') === 'soak') return this.#upgrade();
    const attempt = this.#attempt as Attempt;
    if (attempt.answer.isEarly || (BEFORE.includes(attempt.answer.fault) && request.resets))
      void this.#answer(asked, attempt);
    return bodyFraming(head) ?? 0;
  }

  body(bytes: Buffer): void {
    if (this.#isPipe) this.#socket.write(Buffer.from(bytes));
    else this.#body.push(Buffer.from(bytes));
  }

  end(trailers: readonly string[]): void {
    const [asked, attempt] = [this.#asked, this.#attempt];
    if (asked === undefined || attempt === undefined) return;
    const { request } = asked;
    const difference = differenceOf(bodyOf(request.id, request.bytes), Buffer.concat(this.#body), true);
    if (difference !== undefined) this.#complain(`the body of ${request.id}: ${difference}`);
    const wanted = request.hasTrailers ? [`X-Tail: ${request.id}`] : [];
    if (trailers.join() !== wanted.join()) this.#expect('trailers', wanted.join(), trailers.join());
    this.#body = [];
    this.#reader.read('at-once');
    if (!this.#isAnswering && !attempt.isAnswered) void this.#answer(asked, attempt);
  }

  broken(why: string): void {
    this.#complain(`no request: ${why}`);
  }

  // ----

  #begin(asked: Asked): void {
    const { request, attempts } = asked;
    const answer = request.answers[Math.min(attempts.length, request.answers.length - 1)]!;
    const { name, pool } = this.#backend;
    this.#asked = asked;
    this.#attempt = {
      backend: name,
      pool,
      answer,
      key: `${request.id}-answer-${attempts.length}`,
      atMs: performance.now(),
      isAnswered: false,
      sent: 0,
    };
    attempts.push(this.#attempt);
    const unasked = this.#backend.unasked(asked.sentAtMs, this.#door);
    if (unasked !== undefined) this.#complain(`${request.id}: ${unasked}`);
    this.#body = [];
  }

  #upgrade(): Framing {
    const key = (this.#attempt as Attempt).key;
    this.#isPipe = true;
    this.#isAnswering = true;
    this.#socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: soak\r\nX-Attempt: ${key}\r\n\r\n`,
    );
    return 'raw';
  }

  async #answer(asked: Asked, attempt: Attempt): Promise<void> {
    const { answer } = attempt;
    this.#isAnswering = true;
    if (answer.delayMs > 0) await pause(answer.delayMs);
    if (answer.fault === 'stall-before') return;
    if (BEFORE.includes(answer.fault)) return this.#leave(answer.fault === 'reset-before');
    const chance = new Chance(attempt.atMs | 0);
    const bytes = answerBytes(asked.request, attempt, chance);
    // What is beyond an answer comes with it: what crosses the next request is that one's answer (docs/http-behaviour.md).
    const pieces = piecesOf(bytes, answer.fault === 'surplus' ? 'whole' : answer.pace, chance);
    for (const piece of pieces) {
      if (this.#socket.destroyed || this.#isOver) return;
      // With the last byte: the next request may be here with the next turn.
      if (piece === pieces.at(-1)) this.#finish(asked.request, attempt, piece);
      else if (!this.#socket.write(piece)) await drained(this.#socket);
      else if (answer.pace !== 'whole') await pause(chance.below(3));
    }
  }

  #finish(request: Request, attempt: Attempt, last: Buffer): void {
    const { answer } = attempt;
    this.#socket.write(last);
    if (cutsShort(request, answer)) {
      if (answer.fault !== 'stall-mid') this.#leave(answer.fault === 'reset-mid');
      return;
    }
    attempt.isAnswered = true;
    this.#isAnswering = false;
    if (answer.closes !== 'no' || answer.framing === 'until-end') this.#leave(false);
  }

  #leave(isReset: boolean): void {
    this.#finished();
    if (isReset) this.#socket.resetAndDestroy();
    // What was written leaves first; what the router still sends is read, so that no reset overtakes it.
    else this.#socket.end();
  }

  /** The router has said goodbye, and we have nothing to add. */
  #ended(): void {
    this.#finished();
    this.#socket.end();
  }

  #finished(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#over();
  }

  #expect(what: string, expected: string, found: string | undefined): void {
    if (expected !== found)
      this.#complain(`${what} of ${this.#asked?.request.id}: expected ${expected}, found ${found}`);
  }

  #complain(text: string): void {
    this.#backend.book.complain(`${this.#backend.name}: ${text}`);
  }
}

function drained(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      socket.off('drain', done).off('close', done);
      resolve();
    };
    socket.on('drain', done).on('close', done);
  });
}
