/** The door of history: questions about the past, answered beside routing. */
export type { Historian } from './historian.ts';
export { HistoryThread, type HistoryThreadOptions } from './history-thread.ts';
export { LocalHistory, type LocalHistoryOptions } from './local-history.ts';
export { type Moment, parseMoment } from './moment.ts';
export type { AnswerOf, PouredQuestion, Question, WishOf } from './question.ts';
export type { Sources } from './room.ts';
export { type OpenSources, sourcesOf } from './sources.ts';
export { type HistoryProblem, Unanswerable } from './unanswerable.ts';
