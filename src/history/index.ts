/** The door of history: questions about the past, answered beside routing. */

export type { AskedStory, AskedWish } from './explain/asked.ts';
export type { RequestStory, Step } from './explain/story.ts';
export { type ArchiveReport, archiveLog } from './files/archive-log.ts';
export { type Repaired, type Repairing, repairing } from './files/repair-log.ts';
export { type OpenSources, sourcesOf } from './files/sources.ts';
export type { Historian } from './historian.ts';
export { LocalHistory } from './local-history.ts';
export { type Moment, parseMoment } from './moment.ts';
export { pieces } from './pieces.ts';
export { answerOf, progressLines, withAnswer } from './progress.ts';
export type { LongQuestion, PouredQuestion, WishOf } from './question.ts';
export { roomOf, type Sources } from './room.ts';
export { parseScope, type Scope } from './scope.ts';
export { Comparing } from './state/comparing.ts';
export type { Comparison, ComparisonWish, ConfigFile, WishRead } from './state/comparison.ts';
export { type DifferenceEntry, differenceJson } from './state/difference-text.ts';
export { type StateEntry, stateJson } from './state/state-text.ts';
export { HistoryThread } from './thread/history-thread.ts';
export { type HistoryProblem, Unanswerable } from './unanswerable.ts';
export { broughtUp, type Restoration, streamsOf } from './undo/restoration.ts';
export { CONFIRMED, ON_TRIAL, type Trial, trialOf, UNDONE } from './undo/trial.ts';
export { shortened } from './undo/undoing.ts';
export type { UndoneAt } from './undo/undone-at.ts';
