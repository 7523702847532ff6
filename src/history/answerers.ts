/**
 * Everything that can be asked of the past, and who answers it: functions of a wish and a `Room`, on the thread of
 * history or on any other. Wishes and answers are plain values, since they go from thread to thread.
 */
import { pourComparison } from './comparison.ts';
import { pourDifference } from './difference.ts';
import { explainAsked } from './explain/asked.ts';
import { explainRequest } from './explain/request.ts';
import { archivePart, exportPart, verifyAll } from './portion.ts';
import { makePoints } from './present-at.ts';
import { query } from './query.ts';
import { restorationOf } from './restoration.ts';
import { pourEvents } from './search.ts';
import { pourState } from './state.ts';
import { undoneAt } from './undone-at.ts';
import { verifyJournal } from './verify-decisions.ts';
import { whatIf } from './what-if/what-if.ts';

/** One answer each. */
export const ANSWERERS = {
  points: makePoints,
  restoration: restorationOf,
  undone: undoneAt,
  explain: explainRequest,
  explainAsked,
  query,
} as const;

/** Text piece by piece: async generators, asked for more only when the last piece was taken. */
export const POURERS = {
  comparison: pourComparison,
  difference: pourDifference,
  events: pourEvents,
  state: pourState,
} as const;

/** Long ones, generators: one answer, and before it how far they are, which `told` makes lines of for who pours. */
export const TELLERS = {
  archive: archivePart,
  export: exportPart,
  replay: verifyJournal,
  verify: verifyAll,
  whatIf,
} as const;
