/** One visit of a client over one connection: it asks as planned, well or badly, and has every answer judged. */
import { connect, type Socket } from 'node:net';
import { Chance } from '../../../test/support/chance.ts';
import { pause } from '../../../test/support/eventually.ts';
import { Answers } from './answers.ts';
import type { Asked, Book } from './book.ts';
import { bodyOf, piecesOf } from './bytes.ts';
import type { Request, Visit } from './plan.ts';
import { bodyBytes, headBytes } from './request-bytes.ts';

// Twice what the most patient of the router's deadlines is: a hang of whoever it is.
const PATIENCE_MS = 45_000;
const CONTINUE_MS = 300;
// Longer than the listener waits for the next byte of a body.
const STALL_MS = 1500;

/** How it ended: by us, with a FIN of the router's, with a reset, or not at all. */
export type End = 'open' | 'ours' | 'fin' | 'reset' | 'hang';

export type Judge = (asked: Asked, connection: ClientConnection) => void;

export class ClientConnection {
  readonly listener: number;
  readonly openedAtMs = performance.now();
  closedAtMs = -1;
  ended: End = 'open';
  isConnected = false;
  readonly #visit: Visit;
  readonly #book: Book;
  readonly #socket: Socket;
  readonly #chance: Chance;
  readonly #answers: Answers;
  #wake: (() => void) | undefined;
  /** After so many bytes of an answer it leaves. */
  #leavesAt = Number.POSITIVE_INFINITY;

  constructor(port: number, visit: Visit, book: Book, judge: Judge, seed: number) {
    this.listener = visit.listener;
    this.#visit = visit;
    this.#book = book;
    this.#chance = new Chance(seed);
    this.#answers = new Answers(book, (asked) => judge(asked, this));
    this.#socket = connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true });
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

  get #isOver(): boolean {
    return this.ended !== 'open';
  }

  async run(): Promise<void> {
    for (const turn of this.#visit.turns) {
      if (this.#isOver || this.isLast) break;
      if (turn.length === 1) await this.#ask(turn[0] as Request);
      else await this.#pipeline(turn);
      await this.#until(() => this.#answers.awaited.length === 0);
    }
    // What comes behind the last answer is nobody's.
    await pause(1);
    this.#close(this.#chance.below(4) === 0);
  }

  async #pipeline(turn: readonly Request[]): Promise<void> {
    for (const request of turn) this.#open(request);
    const parts = turn.flatMap((request) => [
      headBytes(request, this.#chance),
      bodyBytes(request, this.#chance),
    ]);
    await this.#write(Buffer.concat(parts), turn[0]?.pace ?? 'whole');
  }

  async #ask(request: Request): Promise<void> {
    const asked = this.#open(request);
    const head = headBytes(request, this.#chance);
    const body = bodyBytes(request, this.#chance);
    const { misdeed, pace } = request;
    if (misdeed === 'leave-amid-request') {
      const whole = Buffer.concat([head, body]);
      await this.#write(whole.subarray(0, 1 + this.#chance.below(whole.length - 1)), pace);
      await pause(request.pauseMs);
      return this.#close(request.resets);
    }
    if (misdeed === 'leave-amid-response') this.#leavesAt = 1 + this.#chance.below(2000);
    if (request.expects) {
      await this.#write(head, pace);
      await this.#until(() => this.#answers.interim.includes(100) || asked.got !== undefined, CONTINUE_MS);
    }
    const rest = request.expects ? body : Buffer.concat([head, body]);
    if (misdeed === 'stall-upload') {
      await this.#write(rest.subarray(0, rest.length - 1), pace);
      await this.#until(() => asked.overAtMs >= 0, STALL_MS);
      await this.#write(rest.subarray(rest.length - 1), 'whole');
    } else await this.#write(rest, pace);
    await this.#misbehave(request);
    if (request.upgrades) await this.#talk(asked);
  }

  async #misbehave({ misdeed, pauseMs, resets }: Request): Promise<void> {
    if (misdeed === 'half-close') this.#socket.end();
    if (misdeed === 'stop-reading') this.#socket.pause();
    if (misdeed === 'leave-waiting' || misdeed === 'stop-reading') await pause(pauseMs);
    if (misdeed === 'leave-waiting') this.#close(resets);
    if (misdeed === 'stop-reading') this.#socket.resume();
  }

  /** Behind an upgrade everything comes back as it went. */
  async #talk(asked: Asked): Promise<void> {
    await this.#until(() => asked.got !== undefined);
    const heard = this.#answers.pipe;
    if (heard === undefined || asked.got === undefined || this.#isOver) return;
    const said = bodyOf(asked.request.id, 1 + this.#chance.below(20_000));
    await this.#write(said, asked.request.pace);
    const length = () => heard.reduce((sum, bytes) => sum + bytes.length, 0);
    await this.#until(() => length() >= said.length);
    asked.got.isWhole = length() === said.length;
    if (asked.got.isWhole && !Buffer.concat(heard).equals(said))
      this.#book.complain(`${asked.request.id}: expected its own words behind the upgrade, found others`);
    this.#answers.settle();
    this.#close(asked.request.resets);
  }

  #open(request: Request): Asked {
    const asked = this.#book.open(request);
    this.#answers.awaited.push(asked);
    return asked;
  }

  async #write(bytes: Buffer, pace: Request['pace']): Promise<void> {
    for (const piece of piecesOf(bytes, pace, this.#chance)) {
      if (this.#isOver || this.#socket.destroyed) return;
      this.#socket.write(piece);
      if (pace !== 'whole') await pause(this.#chance.below(3));
    }
  }

  #received(bytes: Buffer): void {
    this.#answers.push(bytes);
    if (this.bytes >= this.#leavesAt) this.#close(this.#chance.below(2) === 0);
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

  /** Until then, the end of the connection, or the end of patience: with the common one it is a hang. */
  async #until(condition: () => boolean, withinMs = PATIENCE_MS): Promise<void> {
    const deadline = performance.now() + withinMs;
    while (!condition() && !this.#isOver) {
      const leftMs = deadline - performance.now();
      if (leftMs > 0) await this.#next(leftMs);
      else if (withinMs < PATIENCE_MS) return;
      else this.#over('hang');
    }
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
