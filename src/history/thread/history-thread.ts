/**
 * The history thread as the main thread sees it: a supervised child that starts with the first question. A few
 * questions run at once, others wait; a question in progress when the thread is lost is asked once more.
 */
import type { ChildSpec } from '../../../actors/index.ts';
import { POINT_EVERY } from '../../../eventlog/index.ts';
import { programBeside, ThreadOnDemand } from '../../threads/index.ts';
import type { Historian } from '../historian.ts';
import { answerOf } from '../progress.ts';
import type { AnswerOf, EndOf, PouredQuestion, Question, WishOf } from '../question.ts';
import { Unanswerable } from '../unanswerable.ts';
import type { FromHistory, HistoryBoot, Reply, ToHistory } from './messages.ts';
import { Places } from './places.ts';
import { receivedError } from './sent-error.ts';

export type HistoryThreadOptions = {
  /** The data directory. */
  readonly directory: string;
  /** Makes the journal write what it holds. */
  readonly flush: () => Promise<unknown>;
  /** How long an idle thread waits for the next question before it ends; 30 000 by default. */
  readonly idleMs?: number;
  /** For another thread beside it: its child id in the tree, its name in the system, and its niceness. */
  readonly beside?: Identity;
};

type Identity = { readonly id: string; readonly name: string; readonly niceness: number };

// When all cores are busy, requests come first. Any process may lower its own priority: 10 is the default of nice(1).
const HISTORIAN: Identity = { id: 'historian', name: 'history', niceness: 10 };

// Eight: each holds a page or a fold; more at once would only delay all of them.
const MAX_ASKED = 8;
const MAX_WAITING = 64;
// Longer than a person takes between two questions.
const IDLE_MS = 30_000;
// Questions whose answers become commands, usually while others wait. They have places of their own, so that slow
// readers of other answers do not delay them.
const CHANGING: ReadonlySet<string> = new Set(['restoration', 'undone'] satisfies Question[]);
// Questions answered from the journal, which is flushed first so that the latest requests are included.
const JOURNALLED: ReadonlySet<string> = new Set([
  'explain',
  'explainAsked',
  'replay',
  'query',
  'export',
  'whatIf',
] satisfies Question[]);

type Waiting = { readonly resolve: (reply: Reply) => void; readonly reject: (error: unknown) => void };

class ThreadLost extends Error {
  override readonly name = 'ThreadLost';
}

export class HistoryThread implements Historian {
  readonly #options: HistoryThreadOptions;
  readonly #answers = new Map<number, Waiting>();
  readonly #readers = new Places(MAX_ASKED, MAX_WAITING);
  readonly #changers = new Places(MAX_ASKED, MAX_WAITING);
  #lastId = 0;
  /** How many threads were lost so far. */
  #losses = 0;
  #unpointed = 0;
  readonly #thread: ThreadOnDemand<ToHistory, FromHistory>;

  constructor(options: HistoryThreadOptions) {
    this.#options = options;
    const { id, name, niceness } = options.beside ?? HISTORIAN;
    this.#thread = new ThreadOnDemand<ToHistory, FromHistory>({
      id,
      name,
      program: programBeside(import.meta.url, './reading-thread'),
      workerData: { directory: options.directory, niceness } satisfies HistoryBoot,
      idleMs: options.idleMs ?? IDLE_MS,
      hear: ({ id, reply }) => this.#answers.get(id)?.resolve(reply),
      lost: () => {
        this.#losses += 1;
        for (const { reject } of [...this.#answers.values()]) reject(new ThreadLost());
      },
      unavailable: lost,
    });
  }

  childSpec(): ChildSpec {
    return this.#thread.childSpec();
  }

  /** Whether the thread exists, with memory of its own. */
  get isBorn(): boolean {
    return this.#thread.isBorn;
  }

  /** Counts events; from time to time a point is made, so that nobody has to wait for it. */
  recorded(events: number): void {
    this.#unpointed += events;
    if (this.#unpointed < POINT_EVERY) return;
    this.#unpointed = 0;
    // If this fails, the next question makes the points.
    this.ask('points', {}).catch(() => undefined);
  }

  async ask<Q extends Question>(question: Q, wish: WishOf<Q>, signal?: AbortSignal): Promise<AnswerOf<Q>> {
    const pieces = this.#conversation(question, wish, false, signal);
    return (await answerOf(pieces)) as AnswerOf<Q>;
  }

  async *pour<Q extends PouredQuestion>(
    question: Q,
    wish: WishOf<Q>,
    signal?: AbortSignal,
  ): AsyncGenerator<string, EndOf<Q>> {
    return (yield* this.#conversation(question, wish, true, signal)) as EndOf<Q>;
  }

  async *#conversation(
    question: string,
    wish: unknown,
    isPoured: boolean,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<string, unknown> {
    const places = CHANGING.has(question) ? this.#changers : this.#readers;
    await places.take(signal);
    const id = ++this.#lastId;
    let isOver = false;
    try {
      if (JOURNALLED.has(question)) await this.#options.flush();
      let reply = await this.#firstReply({ type: 'ask', id, question, wish, isPoured }, signal);
      while (reply.type === 'part') {
        const losses = this.#losses;
        yield reply.text;
        // The rest of this answer is gone with the thread that was giving it.
        if (this.#losses !== losses) throw new ThreadLost();
        reply = await this.#exchange({ type: 'next', id }, signal);
      }
      isOver = true;
      if (reply.type === 'failed') throw receivedError(reply.error);
      return reply.answer;
    } catch (error) {
      if (error instanceof ThreadLost) throw lost();
      throw error;
    } finally {
      if (!isOver) this.#thread.post({ type: 'cancel', id });
      this.#leave(places);
    }
  }

  /** Reading can be repeated; a question that loses the thread twice is itself at fault. */
  async #firstReply(ask: ToHistory & { id: number }, signal: AbortSignal | undefined): Promise<Reply> {
    try {
      return await this.#exchange(ask, signal);
    } catch (error) {
      if (!(error instanceof ThreadLost)) throw error;
      return this.#exchange(ask, signal);
    }
  }

  async #exchange(message: ToHistory & { id: number }, signal: AbortSignal | undefined): Promise<Reply> {
    await this.#thread.wanted();
    signal?.throwIfAborted();
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
      this.#thread.post(message);
    });
  }

  #leave(places: Places): void {
    places.leave();
    if (this.#readers.areFree && this.#changers.areFree) this.#thread.rest();
  }
}

function lost(why?: Error): Unanswerable {
  const found = why === undefined ? 'it lost' : `none: ${why.message}`;
  return new Unanswerable('history_unavailable', `expected the thread of history to answer, found ${found}`);
}
