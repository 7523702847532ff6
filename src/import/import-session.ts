/**
 * One import that the thread carries out, as the main thread sees it: bytes go as there is room, chunks are written in
 * turns, and results come out in order, each once its chunk is in force.
 */
import type { Rejection } from '../../actors/index.ts';
import { type Happened, type Packed, unpacked } from '../../eventlog/index.ts';
import type { ChunkResult } from './chunks.ts';

type InForce = Promise<Rejection | undefined>;

export class ImportThreadLost extends Error {
  override readonly name = 'ImportThreadLost';
  get rejection(): Rejection {
    const detail = 'expected the thread of imports to carry this out, found it lost; it may be sent again';
    return { type: 'owner_unavailable', detail, retryAfterMs: 1000 };
  }
}

export class ImportSession {
  readonly #results: { readonly result: ChunkResult; readonly inForce: InForce }[] = [];
  /** The line that comes after all that is known of. */
  #line: number;
  #room = 0;
  #roomMade: () => void = () => {};
  #heard: () => void = () => {};
  #writing: PromiseWithResolvers<Happened | undefined> | undefined;
  #inForce: InForce = Promise.resolve(undefined);
  #isOver = false;
  #error: unknown;

  constructor(line: number) {
    this.#line = line;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** What the thread says of it, until it ends. Throws what made it fail. */
  async *results(): AsyncGenerator<ChunkResult, void> {
    for (;;) {
      for (let next = this.#results.shift(); next !== undefined; next = this.#results.shift()) {
        const rejection = await next.inForce;
        this.#line = next.result.to + 1;
        if (rejection !== undefined) return yield this.#refused(next.result, rejection);
        yield next.result;
      }
      if (this.#error !== undefined) throw this.#error;
      if (this.#isOver) return;
      await new Promise<void>((resolve) => {
        this.#heard = resolve;
      });
    }
  }

  /** Of the lines that are known to be in force nothing is said again. */
  cutShort(rejection: Rejection): ChunkResult {
    return this.#refused({ from: this.#line, to: this.#line }, rejection);
  }

  #refused({ from, to }: { readonly from: number; readonly to: number }, rejection: Rejection): ChunkResult {
    const detail = `line ${from}: ${rejection.detail}`;
    return { type: 'failed', from, to, failure: { type: 'rejected', line: from, detail, rejection } };
  }

  /** Resolves when the thread takes another piece, or none any more. */
  async room(): Promise<void> {
    while (this.#room === 0 && !this.#isOver) {
      await new Promise<void>((resolve) => {
        this.#roomMade = resolve;
      });
    }
    this.#room -= 1;
  }

  more(): void {
    this.#room += 1;
    this.#roomMade();
  }

  /** Its next chunks are read. */
  lendTo(lend: () => InForce): void {
    this.#inForce = lend();
    // Whoever takes the result hears of it.
    this.#inForce.catch(() => undefined);
  }

  /** The turn begins. Resolves when the thread says what it wrote. */
  written(): Promise<Happened | undefined> {
    this.#writing = Promise.withResolvers();
    return this.#writing.promise;
  }

  wrote(packed: Packed | undefined): void {
    this.#writing?.resolve(packed && unpacked(packed));
    this.#writing = undefined;
  }

  take(result: ChunkResult): void {
    this.#results.push({ result, inForce: this.#inForce });
    this.#heard();
  }

  end(): void {
    this.#isOver = true;
    this.#roomMade();
    this.#heard();
  }

  fail(error: unknown): void {
    this.#error ??= error;
    this.end();
  }

  /** The thread is gone, and says nothing more: also not what it wrote in its turn. */
  lose(): void {
    const error = new ImportThreadLost();
    this.#writing?.reject(error);
    this.#writing = undefined;
    this.fail(error);
  }
}
