/**
 * One import on the import thread, as the main thread sees it: bytes are sent as there is room, chunks are written in
 * turns, and results come out in order, each once its chunk is in force.
 */
import type { Borrower, Rejection } from '../../actors/index.ts';
import { type Happened, type Packed, unpacked } from '../../eventlog/index.ts';
import type { ChunkResult } from './chunks.ts';
import { Credits } from './credits.ts';
import { Inbox } from './inbox.ts';

type InForce = Promise<Rejection | undefined>;
/** One commit; the last one of a turn ends it. */
type Wrote = { readonly packed?: Packed | undefined; readonly isLast: boolean };

/** The turn is over. */
export const NOTHING: Wrote = { isLast: true };
// The thread writes on while the main thread puts the previous commit in force, which takes a tenth as long.
const AHEAD = 2;

export class ImportThreadLost extends Error {
  override readonly name = 'ImportThreadLost';
  readonly #found: string;

  /** `why`: no thread could be started. */
  constructor(why?: Error) {
    super();
    this.#found = why === undefined ? 'it lost' : `none: ${why.message}`;
  }

  get rejection(): Rejection {
    const detail = `expected the thread of imports to carry this out, found ${this.#found}; it may be sent again`;
    return { type: 'owner_unavailable', detail, retryAfterMs: 1000 };
  }
}

/** What is sent to the thread. */
type Asks = {
  /** Lets the thread write once more in this turn. */
  readonly go: (turn: number) => void;
  readonly wanted: Borrower['wanted'];
};

export class ImportSession implements Borrower {
  readonly #results = new Inbox<{ readonly result: ChunkResult; readonly inForce: InForce }>();
  readonly #asks: Asks;
  /** The turn that the thread asked for last, from 1. */
  turn = 0;
  /** The line after the last one with a known result. */
  #line: number;
  /** For pieces of its lines, until the import is over. */
  readonly credits = new Credits();
  /** What the thread reported as written in its turn and nobody has taken yet. */
  readonly #wrote = new Inbox<Wrote>();
  #isLent = false;
  /** Whether the last commit is in force; and, in order, how to settle those that are not yet. */
  #inForce: InForce = Promise.resolve(undefined);
  readonly #settles: ((inForce: InForce) => void)[] = [];
  #isOver = false;

  constructor(line: number, asks: Asks) {
    this.#line = line;
    this.#asks = asks;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** The thread's results until it ends. Throws the error that it failed with. */
  async *results(): AsyncGenerator<ChunkResult, void> {
    for (let next = await this.#results.take(); next !== undefined; next = await this.#results.take()) {
      const rejection = await next.inForce;
      this.#line = next.result.to + 1;
      if (rejection !== undefined) return yield this.#refused(next.result, rejection);
      yield next.result;
    }
  }

  /** Lines known to be in force are not reported again. */
  cutShort(rejection: Rejection): ChunkResult {
    return this.#refused({ from: this.#line, to: this.#line }, rejection);
  }

  #refused({ from, to }: { readonly from: number; readonly to: number }, rejection: Rejection): ChunkResult {
    const detail = `line ${from}: ${rejection.detail}`;
    return { type: 'failed', from, to, failure: { type: 'rejected', line: from, detail, rejection } };
  }

  /** The commits of the turn that was asked for last. Throws if the thread is lost meanwhile. */
  async *writes(): AsyncGenerator<Happened, void> {
    if (this.#isOver) return;
    const { turn } = this;
    const go = () => this.#asks.go(turn);
    this.#isLent = true;
    try {
      for (let ahead = 0; ahead < AHEAD; ahead++) go();
      for (;;) {
        const { packed, isLast } = (await this.#wrote.take()) ?? NOTHING;
        if (!isLast) go();
        if (packed !== undefined) yield unpacked(packed);
        if (isLast) return;
      }
    } finally {
      this.#isLent = false;
    }
  }

  wrote(wrote: Wrote): void {
    if (!this.#isLent) return;
    if (wrote.packed !== undefined) {
      const { promise, resolve } = Promise.withResolvers<Awaited<InForce>>();
      // The rejection is handled where the result is taken.
      promise.catch(() => undefined);
      this.#inForce = promise;
      this.#settles.push(resolve);
    }
    this.#wrote.push(wrote);
  }

  wanted(by: 'command' | 'other'): void {
    this.#asks.wanted(by);
  }

  /** Settles the oldest commit that is not settled yet. */
  inForce(settled: InForce): void {
    this.#settles.shift()?.(settled);
  }

  take(result: ChunkResult): void {
    this.#results.push({ result, inForce: this.#inForce });
  }

  end(): void {
    this.#isOver = true;
    this.credits.close(new Error('the import is over'));
    this.#results.end();
  }

  fail(error: unknown): void {
    this.#results.end({ error });
    this.end();
  }

  /** The thread is gone and reports nothing more, not even what it wrote in its turn. */
  lose(): void {
    const error = new ImportThreadLost();
    this.#wrote.end({ error });
    this.fail(error);
  }
}
