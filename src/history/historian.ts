/** Answers questions about the past: a thread beside a running router, or the current thread for data at rest. */
import type { AnswerOf, EndOf, PouredQuestion, Question, WishOf } from './question.ts';

/**
 * Rejects with `Unanswerable`, with what the log throws (`EventUnreadable`, `LogUnavailable`, `DataUnusable`), or with
 * the signal's reason once nobody wants the answer.
 */
export interface Historian {
  ask<Q extends Question>(question: Q, wish: WishOf<Q>, signal?: AbortSignal): Promise<AnswerOf<Q>>;
  /** Each piece is made when it is asked for. */
  pour<Q extends PouredQuestion>(
    question: Q,
    wish: WishOf<Q>,
    signal?: AbortSignal,
  ): AsyncGenerator<string, EndOf<Q>>;
}
