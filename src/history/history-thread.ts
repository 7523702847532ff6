/**
 * The thread of history as the main thread has it: a supervised child that is born with the first question. Questions
 * wait for their turn, few at once; one that was under way when the thread was lost is asked once more.
 */
import { Worker } from 'node:worker_threads';
import { type ChildContext, type ChildSpec, crashed, type Running } from '../../actors/index.ts';
import { POINT_EVERY } from '../../eventlog/index.ts';
import type { Historian } from './historian.ts';
import type { FromHistory, HistoryBoot, Reply, ToHistory } from './messages.ts';
import type { AnswerOf, PouredQuestion, Question, WishOf } from './question.ts';
import { receivedError } from './sent-error.ts';
import { Unanswerable } from './unanswerable.ts';

export type HistoryThreadOptions = {
  /** The data directory. */
  readonly directory: string;
  /** Has the journal write down what it holds. */
  readonly flush: () => Promise<unknown>;
  /** How long the thread waits for a next question before it goes; 30 000 by default. */
  readonly idleMs?: number;
};

// Eight: each holds a page or a fold; more at once would only make all of them later.
const MAX_ASKED = 8;
const MAX_WAITING = 64;
// Longer than a restart of the thread takes, also where all cores are busy: it gives way to everybody else.
const UP_MS = 15_000;
const SHUTDOWN_MS = 2000;
// Longer than a person takes between two looks at the past.
const IDLE_MS = 30_000;
// Questions whose answers come from the journal, so that what has just ended is in them.
const JOURNALLED: ReadonlySet<string> = new Set([
  'explain',
  'explainAsked',
  'replay',
  'query',
  'export',
  'whatIf',
]);

type Waiting = { readonly resolve: (reply: Reply) => void; readonly reject: (error: unknown) => void };

class ThreadLost extends Error {
  override readonly name = 'ThreadLost';
}

export class HistoryThread implements Historian {
  readonly #options: HistoryThreadOptions;
  readonly #answers = new Map<number, Waiting>();
  readonly #queue: (() => void)[] = [];
  #asked = 0;
  #lastId = 0;
  #unpointed = 0;
  #context: ChildContext | undefined;
  #up = Promise.withResolvers<void>();
  #worker: Worker | undefined;
  #stopping = false;
  #retiring: NodeJS.Timeout | undefined;

  constructor(options: HistoryThreadOptions) {
    this.#options = options;
  }

  childSpec(): ChildSpec {
    return {
      id: 'historian',
      kind: 'historian',
      restart: 'permanent',
      shutdownMs: SHUTDOWN_MS,
      start: (context) => this.#start(context),
    };
  }

  /** Whether there is a thread, with memory of its own. */
  get isBorn(): boolean {
    return this.#worker !== undefined;
  }

  /** So many events more: from time to time whole states are made of them, so that nobody has to wait for those. */
  recorded(events: number): void {
    this.#unpointed += events;
    if (this.#unpointed < POINT_EVERY) return;
    this.#unpointed = 0;
    // Whoever asks next makes them too.
    this.ask('points', {}).catch(() => undefined);
  }

  async ask<Q extends Question>(question: Q, wish: WishOf<Q>, signal?: AbortSignal): Promise<AnswerOf<Q>> {
    const pieces = this.#conversation(question, wish, signal);
    for (;;) {
      const turn = await pieces.next();
      if (turn.done === true) return turn.value as AnswerOf<Q>;
    }
  }

  async *pour<Q extends PouredQuestion>(
    question: Q,
    wish: WishOf<Q>,
    signal?: AbortSignal,
  ): AsyncGenerator<string> {
    yield* this.#conversation(question, wish, signal);
  }

  async *#conversation(
    question: string,
    wish: unknown,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<string, unknown> {
    await this.#turn();
    const id = ++this.#lastId;
    let isOver = false;
    try {
      if (JOURNALLED.has(question)) await this.#options.flush();
      let reply = await this.#firstReply({ type: 'ask', id, question, wish }, signal);
      while (reply.type === 'part') {
        yield reply.text;
        reply = await this.#exchange({ type: 'next', id }, signal);
      }
      isOver = true;
      if (reply.type === 'failed') throw receivedError(reply.error);
      return reply.answer;
    } catch (error) {
      if (error instanceof ThreadLost) throw lost();
      throw error;
    } finally {
      if (!isOver) this.#worker?.postMessage({ type: 'cancel', id } satisfies ToHistory);
      this.#leave();
    }
  }

  /** A reading may be made again; a question that loses the thread twice is at fault itself. */
  async #firstReply(ask: ToHistory & { id: number }, signal: AbortSignal | undefined): Promise<Reply> {
    try {
      return await this.#exchange(ask, signal);
    } catch (error) {
      if (!(error instanceof ThreadLost)) throw error;
      return this.#exchange(ask, signal);
    }
  }

  async #exchange(message: ToHistory & { id: number }, signal: AbortSignal | undefined): Promise<Reply> {
    signal?.throwIfAborted();
    const worker = await this.#thread();
    return new Promise((resolve, reject) => {
      const onAbort = () => settle(() => reject(signal?.reason));
      const settle = (end: () => void) => {
        this.#answers.delete(message.id);
        signal?.removeEventListener('abort', onAbort);
        end();
      };
      this.#answers.set(message.id, {
        resolve: (reply) => settle(() => resolve(reply)),
        reject: (error) => settle(() => reject(error)),
      });
      signal?.addEventListener('abort', onAbort);
      worker.postMessage(message);
    });
  }

  async #turn(): Promise<void> {
    if (this.#asked < MAX_ASKED) {
      this.#asked += 1;
      return;
    }
    if (this.#queue.length >= MAX_WAITING) {
      throw new Unanswerable('history_busy', `expected at most ${MAX_WAITING} questions to wait`);
    }
    await new Promise<void>((resolve) => this.#queue.push(resolve));
  }

  #leave(): void {
    const next = this.#queue.shift();
    if (next !== undefined) {
      next();
      return;
    }
    this.#asked -= 1;
    if (this.#asked === 0) this.#retireLater();
  }

  /** What it read for its last answers is memory that nobody uses: the next question has a thread of its own. */
  #retireLater(): void {
    clearTimeout(this.#retiring);
    this.#retiring = setTimeout(() => {
      const worker = this.#worker;
      if (this.#asked > 0 || worker === undefined || this.#stopping) return;
      this.#worker = undefined;
      worker.postMessage({ type: 'stop' } satisfies ToHistory);
    }, this.#options.idleMs ?? IDLE_MS);
    this.#retiring.unref();
  }

  async #thread(): Promise<Worker> {
    if (this.#stopping) throw lost();
    if (this.#worker !== undefined) return this.#worker;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => reject(lost()), UP_MS);
    });
    try {
      await Promise.race([this.#up.promise, late]);
    } finally {
      clearTimeout(timer);
    }
    this.#worker ??= this.#born();
    return this.#worker;
  }

  #born(): Worker {
    const boot: HistoryBoot = { directory: this.#options.directory };
    const worker = new Worker(new URL(ENTRY, import.meta.url), { name: 'history', workerData: boot });
    let cause: unknown;
    worker.on('message', ({ id, reply }: FromHistory) => this.#answers.get(id)?.resolve(reply));
    worker.on('error', (error) => {
      cause = error;
    });
    worker.once('exit', (code) => {
      if (this.#worker !== worker) return;
      this.#worker = undefined;
      if (!this.#stopping) {
        const error = cause ?? new Error(`the thread of history ended with exit code ${code}`);
        this.#up = Promise.withResolvers();
        this.#context?.exited(crashed(error));
      }
      for (const { reject } of [...this.#answers.values()]) reject(new ThreadLost());
    });
    // Questions keep the process alive by themselves, while somebody waits for their answers.
    worker.unref();
    return worker;
  }

  #start(context: ChildContext): Running {
    this.#context = context;
    this.#stopping = false;
    this.#up.resolve();
    return {
      stop: async (reason) => {
        this.#stopping = true;
        this.#up = Promise.withResolvers();
        const worker = this.#worker;
        if (worker === undefined) return;
        worker.ref();
        const gone = new Promise((resolve) => worker.once('exit', resolve));
        if (reason === 'shutdown') worker.postMessage({ type: 'stop' } satisfies ToHistory);
        else void worker.terminate();
        await gone;
      },
      crash: (error) => {
        if (this.#worker === undefined) context.exited(crashed(error));
        else this.#worker.postMessage({ type: 'fail', message: error.message } satisfies ToHistory);
      },
    };
  }
}

function lost(): Unanswerable {
  return new Unanswerable('history_unavailable', 'expected the thread of history to answer, found it lost');
}

// Compiled beside this file in the published package.
const ENTRY = import.meta.url.endsWith('.ts') ? './reading-thread.ts' : './reading-thread.js';
