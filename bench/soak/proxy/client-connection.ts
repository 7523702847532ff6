/** One visit of a client over one connection: it asks as planned, well or badly, and has every answer judged. */
import { connect, type Socket } from 'node:net';
import { Chance } from '../../../test/support/chance.ts';
import { pause } from '../../../test/support/eventually.ts';
import { Answers } from './answers.ts';
import type { Asked, Book } from './book.ts';
import { bodyOf, type Pace, piecesOf } from './bytes.ts';
import { BODY_IDLE_MS, identityOf } from './listeners.ts';
import type { Request } from './plan.ts';
import { isUnsound, prefaceBytes } from './preface.ts';
import { Reader } from './reading.ts';
import { bodyBytes, headBytes } from './request-bytes.ts';
import { cookieIn } from './sessions.ts';
import { isHasty } from './tenants.ts';
import type { Visit } from './visits.ts';

// Without a byte. Twice what the most patient of the router's deadlines is: a hang of whoever it is.
const PATIENCE_MS = 45_000;
const CONTINUE_MS = 300;
const PACES: readonly Pace[] = ['whole', 'odd', 'drip'];
// Longer than the listener waits for the next byte of a body.
const STALL_MS = BODY_IDLE_MS + 500;

/** How it ended: by us, with a FIN of the router's, with a reset, or not at all. */
export type End = 'open' | 'ours' | 'fin' | 'reset' | 'hang';

/** What a client keeps between its visits. */
export type Jar = { cookie: string | undefined };

export type Judge = (asked: Asked, connection: ClientConnection) => void;

export class ClientConnection {
  readonly listener: number;
  readonly openedAtMs = performance.now();
  closedAtMs = -1;
  ended: End = 'open';
  isConnected = false;
  /** In order. */
  readonly asked: Asked[] = [];
  readonly #visit: Visit;
  readonly #book: Book;
  readonly #jar: Jar;
  readonly #socket: Socket;
  readonly #chance: Chance;
  readonly #answers: Answers;
  readonly #reader: Reader;
  #wake: (() => void) | undefined;
  #heardAtMs = 0;
  /** After so many bytes of an answer it leaves. */
  #leavesAt = Number.POSITIVE_INFINITY;

  constructor(port: number, visit: Visit, book: Book, judge: Judge, jar: Jar, seed: number) {
    this.listener = visit.listener;
    this.#visit = visit;
    this.#book = book;
    this.#jar = jar;
    this.#chance = new Chance(seed);
    this.#answers = new Answers(book, (asked) => {
      judge(asked, this);
      this.#keepCookie(asked);
    });
    this.#socket = connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true });
    this.#reader = new Reader(this.#socket, this.#chance);
    this.#socket.on('connect', () => {
      this.isConnected = true;
    });
    this.#socket.on('data', (bytes: Buffer) => this.#received(bytes));
    this.#socket.on('end', () => this.#over('fin'));
    this.#socket.on('error', () => this.#over('reset'));
    this.#socket.on('close', () => this.#over('fin'));
  }

  /** That have come. */
  get bytes(): number {
    return this.#answers.bytes;
  }

  /** An answer said that it is the last, or was cut. */
  get isLast(): boolean {
    return this.#answers.isLast;
  }

  /** It is no load balancer, where one is expected. */
  get isUnheard(): boolean {
    const { preface } = this.#visit;
    return preface !== undefined && isUnsound(preface);
  }

  get #isOver(): boolean {
    return this.ended !== 'open';
  }

  async run(): Promise<void> {
    const { preface } = this.#visit;
    if (preface !== undefined) await this.#write(prefaceBytes(preface), this.#chance.pick(PACES));
    for (const turn of this.#visit.turns) {
      if (this.#isOver || this.isLast) break;
      this.#reader.read(turn.reading);
      if (turn.requests.length === 1) await this.#ask(turn.requests[0] as Request);
      else await this.#pipeline(turn.requests);
      await this.#until(() => this.#answers.awaited.length === 0);
    }
    // What comes behind the last answer is nobody's.
    await pause(1);
    this.#close(this.#chance.below(4) === 0);
  }

  async #pipeline(turn: readonly Request[]): Promise<void> {
    const parts = turn.flatMap((request) => [
      headBytes(this.#open(request), this.#chance),
      bodyBytes(request, this.#chance),
    ]);
    await this.#write(Buffer.concat(parts), turn[0]?.pace ?? 'whole');
    if (turn.at(-1)?.misdeed === 'half-close') this.#socket.end();
  }

  async #ask(request: Request): Promise<void> {
    const asked = this.#open(request);
    const head = headBytes(asked, this.#chance);
    const body = bodyBytes(request, this.#chance);
    const { misdeed, pace } = request;
    if (misdeed === 'leave-amid-request') {
      const whole = Buffer.concat([head, body]);
      await this.#write(whole.subarray(0, 1 + this.#chance.below(whole.length - 1)), pace);
      await pause(request.pauseMs);
      return this.#close(request.resets);
    }
    if (misdeed === 'leave-amid-response') this.#leavesAt = this.bytes + 1 + this.#chance.below(2000);
    if (request.expects) {
      await this.#write(head, pace);
      await this.#untilOrFor(
        () => this.#answers.interim.includes(100) || asked.got !== undefined,
        CONTINUE_MS,
      );
    }
    const rest = request.expects ? body : Buffer.concat([head, body]);
    if (misdeed === 'stall-upload') {
      await this.#write(rest.subarray(0, rest.length - 1), pace);
      await this.#untilOrFor(() => asked.overAtMs >= 0, STALL_MS);
      await this.#write(rest.subarray(rest.length - 1), 'whole');
    } else await this.#write(rest, pace);
    await this.#misbehave(request);
    if (request.upgrades) await this.#talk(asked);
  }

  async #misbehave({ misdeed, pauseMs, resets }: Request): Promise<void> {
    if (misdeed === 'half-close') this.#socket.end();
    if (misdeed !== 'leave-waiting') return;
    await pause(pauseMs);
    this.#close(resets);
  }

  /** Behind an upgrade everything comes back as it went. */
  async #talk(asked: Asked): Promise<void> {
    await this.#until(() => asked.got !== undefined);
    const heard = this.#answers.pipe;
    if (heard === undefined || asked.got === undefined || this.#isOver) return;
    const said = bodyOf(asked.request.id, asked.request.bytes);
    const { tenant, pace, pauseMs } = asked.request;
    const half = said.length >> 1;
    await this.#write(said.subarray(0, half), pace);
    // Longer than a worker needs to be replaced, unless it would be given up.
    await pause(isHasty(tenant) ? pauseMs : 5 * pauseMs);
    await this.#write(said.subarray(half), pace);
    const length = () => heard.reduce((sum, bytes) => sum + bytes.length, 0);
    await this.#until(() => length() >= said.length);
    asked.got.isWhole = length() === said.length;
    if (asked.got.isWhole && !Buffer.concat(heard).equals(said))
      this.#book.complain(`${asked.request.id}: expected its own words behind the upgrade, found others`);
    this.#answers.settle();
    this.#close(asked.request.resets);
  }

  #open(request: Request): Asked {
    const cookie = request.tenant === 'loyal' ? this.#jar.cookie : undefined;
    const asked = this.#book.open(request, identityOf(this.#visit, request.id), cookie);
    this.asked.push(asked);
    this.#answers.awaited.push(asked);
    return asked;
  }

  #keepCookie({ request, got }: Asked): void {
    if (request.tenant === 'loyal' && got !== undefined) this.#jar.cookie = cookieIn(got) ?? this.#jar.cookie;
  }

  async #write(bytes: Buffer, pace: Request['pace']): Promise<void> {
    for (const piece of piecesOf(bytes, pace, this.#chance)) {
      if (this.#isOver || this.#socket.destroyed) return;
      this.#socket.write(piece);
      if (pace !== 'whole') await pause(this.#chance.below(3));
    }
  }

  #received(bytes: Buffer): void {
    // What had been read before it left is told after it.
    if (this.#isOver) return;
    this.#heardAtMs = performance.now();
    this.#answers.push(bytes);
    if (this.bytes >= this.#leavesAt) this.#close(this.#chance.below(2) === 0);
    this.#reader.took();
    this.#wake?.();
  }

  #close(isReset: boolean): void {
    if (this.#isOver) return;
    if (isReset && !this.#socket.writableEnded) this.#socket.resetAndDestroy();
    else this.#socket.destroy();
    this.#over('ours');
  }

  #over(ended: End): void {
    if (this.#isOver) return;
    this.ended = ended;
    this.closedAtMs = performance.now();
    this.#answers.over(ended === 'fin');
    if (ended === 'fin') this.#socket.end();
    if (ended === 'hang') this.#socket.destroy();
    this.#wake?.();
  }

  /** Until then, or the end of the connection; with nothing to hear for so long, it is a hang. */
  async #until(condition: () => boolean): Promise<void> {
    this.#heardAtMs = performance.now();
    while (!condition() && !this.#isOver) {
      const leftMs = this.#heardAtMs + PATIENCE_MS - performance.now();
      if (leftMs > 0) await this.#next(leftMs);
      else this.#over('hang');
    }
  }

  /** Until then, the end of the connection, or so long. */
  async #untilOrFor(condition: () => boolean, withinMs: number): Promise<void> {
    const deadline = performance.now() + withinMs;
    while (!condition() && !this.#isOver && performance.now() < deadline)
      await this.#next(deadline - performance.now());
  }

  /** Something came, or so much time went by. */
  #next(withinMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, withinMs);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
