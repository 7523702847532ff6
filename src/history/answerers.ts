/**
 * Every question about the past and its answerer: functions of a wish and a `Room`, run on the history thread or on
 * any other. Wishes and answers are plain values, because they pass between threads.
 */

import { explainAsked } from './explain/asked.ts';
import { explainRequest } from './explain/request.ts';
import { archivePart, exportPart, verifyAll } from './files/portion.ts';
import { query } from './query/query.ts';
import { pourEvents } from './search.ts';
import { pourComparison } from './state/comparison.ts';
import { pourDifference } from './state/difference.ts';
import { makePoints } from './state/present-at.ts';
import { pourState } from './state/state.ts';
import { restorationOf } from './undo/restoration.ts';
import { undoneAt } from './undo/undone-at.ts';
import { verifyJournal } from './verify-decisions.ts';
import { whatIf } from './what-if/what-if.ts';

/** Questions with one answer. */
export const ANSWERERS = {
  points: makePoints,
  undone: undoneAt,
  explain: explainRequest,
  explainAsked,
  query,
} as const;

/** Questions answered with text, piece by piece: async generators, advanced only when the last piece was taken. */
export const POURERS = {
  comparison: pourComparison,
  difference: pourDifference,
  events: pourEvents,
  state: pourState,
} as const;

/** Long questions: generators that yield their progress and return one answer. `progressLines` turns the progress into lines. */
export const LONG_ANSWERERS = {
  archive: archivePart,
  export: exportPart,
  replay: verifyJournal,
  restoration: restorationOf,
  verify: verifyAll,
  whatIf,
} as const;
