/** Answers questions about the past in this thread: for a data directory at rest, or a log in memory. */
import { answering } from './answering.ts';
import type { Historian } from './historian.ts';
import { answerOf } from './progress.ts';
import type { AnswerOf, EndOf, PouredQuestion, Question, WishOf } from './question.ts';
import { roomOf, type Sources } from './room.ts';

export type LocalHistoryOptions = { readonly sources: () => Sources };

export class LocalHistory implements Historian {
  readonly #sources: () => Sources;

  constructor({ sources }: LocalHistoryOptions) {
    this.#sources = sources;
  }

  async ask<Q extends Question>(
    question: Q,
    wish: WishOf<Q>,
    signal: AbortSignal = NEVER,
  ): Promise<AnswerOf<Q>> {
    const pieces = answering(question, wish, roomOf(this.#sources(), signal), false);
    return (await answerOf(pieces)) as AnswerOf<Q>;
  }

  async *pour<Q extends PouredQuestion>(
    question: Q,
    wish: WishOf<Q>,
    signal: AbortSignal = NEVER,
  ): AsyncGenerator<string, EndOf<Q>> {
    return (yield* answering(question, wish, roomOf(this.#sources(), signal), true)) as EndOf<Q>;
  }
}

const NEVER = new AbortController().signal;
