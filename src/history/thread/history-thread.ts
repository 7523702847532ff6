/**
 * The history thread as the main thread sees it: a supervised child that starts with the first question. A few
 * questions run at once, others wait; a question in progress when the thread is lost is asked once more.
 */
import type { ChildSpec } from '../../../actors/index.ts';
import { POINT_EVERY } from '../../../eventlog/index.ts';
import { programBeside, ThreadOnDemand } from '../../threads/index.ts';
import type { Historian } from '../historian.ts';
import type { AnswerOf, EndOf, PouredQuestion, Question, WishOf } from '../question.ts';
import { Unanswerable } from '../unanswerable.ts';
import type { FromHistory, HistoryBoot, Reply, ToHistory } from './messages.ts';
import { Places } from './places.ts';
import { receivedError } from './sent-error.ts';

export type HistoryThreadOptions = {
  /** The data directory. */
  readonly directory: string;
  /** Has the journal write down what it holds. */
  readonly flush: () => Promise<unknown>;
  /** How long the thread waits for a next question before it goes; 30 000 by default. */
  readonly idleMs?: number;
  /** Another one beside it: its child in the tree, its name as the system lists it, and how much it gives way to others. */
  readonly beside?: Identity;
};

type Identity = { readonly id: string; readonly name: string; readonly niceness: number };

// Where all cores are wanted, those who are served come first. Any process may wait longer: 10 is nice's own.
const HISTORIAN: Identity = { id: 'historian', name: 'history', niceness: 10 };

// Eight: each holds a page or a fold; more at once would only make all of them later.
const MAX_ASKED = 8;
const MAX_WAITING = 64;
// Longer than a person takes between two looks at the past.
const IDLE_MS = 30_000;
// Questions whose answers are carried out, mostly while others wait: places of their own, so that who only wants to know, and reads what
// he is told slowly, is in nobody's way.
const CHANGING: ReadonlySet<string> = new Set(['restoration', 'undone'] satisfies Question[]);
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
  readonly #readers = new Places(MAX_ASKED, MAX_WAITING);
  readonly #changers = new Places(MAX_ASKED, MAX_WAITING);
  #lastId = 0;
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
        for (const { reject } of [...this.#answers.values()]) reject(new ThreadLost());
      },
      unavailable: lost,
    });
  }

  childSpec(): ChildSpec {
    return this.#thread.childSpec();
  }

  /** Whether there is a thread, with memory of its own. */
  get isBorn(): boolean {
    return this.#thread.isBorn;
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
    const pieces = this.#conversation(question, wish, false, signal);
    for (;;) {
      const turn = await pieces.next();
      if (turn.done === true) return turn.value as AnswerOf<Q>;
    }
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
      if (!isOver) this.#thread.post({ type: 'cancel', id });
      this.#leave(places);
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
    await this.#thread.wanted();
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
