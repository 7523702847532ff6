/** The types of questions about the past and their answers, derived from the tables of answerers. */
import type { ANSWERERS, LONG_ANSWERERS, POURERS } from './answerers.ts';

type Answerers = typeof ANSWERERS;
type LongAnswerers = typeof LONG_ANSWERERS;
type All = Answerers & LongAnswerers & typeof POURERS;

/** Takes long: either one answer, or lines of progress followed by the answer. */
export type LongQuestion = keyof LongAnswerers;
/** Has one answer. */
export type Question = keyof Answerers | LongQuestion;
/** Is answered with text, piece by piece, as it is taken. */
export type PouredQuestion = keyof typeof POURERS | LongQuestion;

export type WishOf<Q extends Question | PouredQuestion> = Parameters<All[Q]>[0];

/** The value returned after the text. */
export type EndOf<Q extends PouredQuestion> = Q extends LongQuestion ? AnswerOf<Q> : undefined;

export type AnswerOf<Q extends Question> = Q extends LongQuestion
  ? ReturnType<LongAnswerers[Q]> extends AsyncGenerator<unknown, infer Answer>
    ? Answer
    : never
  : Q extends keyof Answerers
    ? Awaited<ReturnType<Answerers[Q]>>
    : never;
