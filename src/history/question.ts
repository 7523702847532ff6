/** What may be asked of the past, and what is answered: read off the tables of those who answer. */
import type { ANSWERERS, POURERS } from './answerers.ts';

/** Has one answer. */
export type Question = keyof typeof ANSWERERS;
/** Is answered with text, piece by piece, as it is taken. */
export type PouredQuestion = keyof typeof POURERS;

export type WishOf<Q extends Question | PouredQuestion> = Q extends Question
  ? Parameters<(typeof ANSWERERS)[Q]>[0]
  : Q extends PouredQuestion
    ? Parameters<(typeof POURERS)[Q]>[0]
    : never;

export type AnswerOf<Q extends Question> = Awaited<ReturnType<(typeof ANSWERERS)[Q]>>;
