/** The door of history: questions about the past, answered beside routing. */
export { type ArchiveOptions, type ArchiveReport, archiveLog } from './archive-log.ts';
export type { PastChange } from './change-at.ts';
export { type DifferenceEntry, differenceJson } from './difference-text.ts';
export type { AskedStory, AskedWish } from './explain/asked.ts';
export type { RequestStory, Step } from './explain/story.ts';
export type { Historian } from './historian.ts';
export { HistoryThread, type HistoryThreadOptions } from './history-thread.ts';
export { LocalHistory, type LocalHistoryOptions } from './local-history.ts';
export { type Moment, parseMoment } from './moment.ts';
export type { LongQuestion, PouredQuestion, WishOf } from './question.ts';
export { type Repaired, repairLog } from './repair-log.ts';
export { broughtUp, type Restoration, streamsOf } from './restoration.ts';
export { roomOf, type Sources } from './room.ts';
export { parseScope, type Scope, within } from './scope.ts';
export { type OpenSources, sourcesOf } from './sources.ts';
export { type StateEntry, stateJson } from './state-text.ts';
export { CONFIRMED, ON_TRIAL, type Trial, trialOf, UNDONE } from './trial.ts';
export { type HistoryProblem, Unanswerable } from './unanswerable.ts';
